//! What stands in the parentheses of `#[skill(...)]` and `#[tool(...)]`, decoded once.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Ident, LitStr, Token, Type, parenthesized};

/// `#[skill(name = "…", version = "…", description = "…", wants("capability scope" = "reason"), subscribe("channel:*"))]`
#[derive(Default)]
pub(crate) struct SkillArgs {
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<LitStr>,
    pub(crate) description: Option<LitStr>,
    pub(crate) wants: Vec<Want>,
    pub(crate) subscriptions: Vec<LitStr>,
}

/// `"blackboard.write agent:triage:*" = "keeps its plan"`
pub(crate) struct Want {
    pub(crate) capability: String,
    pub(crate) scope: String,
    pub(crate) reason: LitStr,
}

impl Parse for Want {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let grant: LitStr = input.parse()?;
        let text = grant.value();
        let (capability, scope) = text.trim().split_once(' ').ok_or_else(|| {
            let message = "a want is a capability, a space and its scope, as in `blackboard.read agent:*`";
            syn::Error::new(grant.span(), message)
        })?;
        let (capability, scope) = (capability.to_owned(), scope.trim().to_owned());
        input.parse::<Token![=]>().map_err(|error| {
            let message = format!("a want gives its reason to the person who approves it: \"{text}\" = \"why\"");
            syn::Error::new(error.span(), message)
        })?;
        let reason: LitStr = input.parse()?;
        if reason.value().trim().is_empty() {
            return Err(syn::Error::new(reason.span(), "the reason is one sentence for the person who approves it"));
        }
        Ok(Self { capability, scope, reason })
    }
}

impl Parse for SkillArgs {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let mut args = Self::default();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            match key.to_string().as_str() {
                "name" => set(&key, &mut args.name, value(input)?)?,
                "version" => set(&key, &mut args.version, value(input)?)?,
                "description" => set(&key, &mut args.description, value(input)?)?,
                "wants" => args.wants.extend(list::<Want>(input)?),
                "subscribe" => args.subscriptions.extend(list::<LitStr>(input)?),
                other => {
                    let message = format!(
                        "`{other}` is not known here; there are `name`, `version`, `description`, `wants(...)` and `subscribe(...)`"
                    );
                    return Err(syn::Error::new(key.span(), message));
                }
            }
            comma(input)?;
        }
        Ok(args)
    }
}

/// `#[tool(name = "…", output = Type, read_only, destructive, idempotent, open_world)]`
#[derive(Default)]
pub(crate) struct ToolArgs {
    pub(crate) name: Option<LitStr>,
    pub(crate) output: Option<Type>,
    pub(crate) read_only: bool,
    pub(crate) destructive: bool,
    pub(crate) idempotent: bool,
    pub(crate) open_world: bool,
}

impl Parse for ToolArgs {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let mut args = Self::default();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            match key.to_string().as_str() {
                "name" => set(&key, &mut args.name, value(input)?)?,
                "output" => set(&key, &mut args.output, value(input)?)?,
                "read_only" => args.read_only = true,
                "destructive" => args.destructive = true,
                "idempotent" => args.idempotent = true,
                "open_world" => args.open_world = true,
                other => {
                    let message = format!(
                        "`{other}` is no hint; there are `read_only`, `destructive`, `idempotent` and `open_world`, \
                         besides `name = \"...\"` and `output = Type`"
                    );
                    return Err(syn::Error::new(key.span(), message));
                }
            }
            comma(input)?;
        }
        if args.read_only && args.destructive {
            return Err(input.error("a tool that only reads destroys nothing: give `read_only` or `destructive`"));
        }
        Ok(args)
    }
}

fn value<T: Parse>(input: ParseStream) -> syn::Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn list<T: Parse>(input: ParseStream) -> syn::Result<Punctuated<T, Token![,]>> {
    let content;
    parenthesized!(content in input);
    Punctuated::parse_terminated(&content)
}

fn comma(input: ParseStream) -> syn::Result<()> {
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    Ok(())
}

fn set<T>(key: &Ident, slot: &mut Option<T>, value: T) -> syn::Result<()> {
    if slot.replace(value).is_some() {
        return Err(syn::Error::new(key.span(), format!("`{key}` is given twice")));
    }
    Ok(())
}
