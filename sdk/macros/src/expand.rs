//! The module on its way through: attributes taken off, `manifest`, `call` and the exports put in.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{Attribute, Ident, Item, ItemFn, ItemMod, Meta};

use crate::args::{SkillArgs, ToolArgs};
use crate::names;
use crate::tool::{self, Tool};

/// Names that the attribute adds to the module.
const ADDED: [&str; 2] = ["manifest", "call"];

pub(crate) fn skill(args: SkillArgs, mut module: ItemMod) -> syn::Result<TokenStream> {
    let Some((_, items)) = module.content.as_mut() else {
        return Err(syn::Error::new(module.span(), "`#[skill]` needs the module's body here: `mod name { ... }`"));
    };
    let mut tools: Vec<Tool> = Vec::new();
    let mut handler: Option<Handler> = None;
    for item in items.iter_mut() {
        let Item::Fn(function) = item else { continue };
        if let Some(attribute) = take(&mut function.attrs, "tool") {
            let tool = Tool::decode(function, tool_args(&attribute)?)?;
            let span = function.sig.ident.span();
            if ADDED.iter().any(|added| function.sig.ident == added) {
                let message =
                    "the skill gets a function of this name; call this one otherwise and give `name = \"...\"`";
                return Err(syn::Error::new(span, message));
            }
            if tools.iter().any(|other| other.name == tool.name) {
                return Err(syn::Error::new(span, format!("there is a tool `{}` already", tool.name)));
            }
            tools.push(tool);
        }
        if let Some(attribute) = take(&mut function.attrs, "handler")
            && handler.replace(Handler::decode(function)?).is_some()
        {
            return Err(syn::Error::new(attribute.span(), "a skill has one `#[handler]`: tell channels apart inside"));
        }
    }
    if handler.is_none() {
        if let Some(channel) = args.subscriptions.first() {
            let message = "a skill that subscribes needs a function marked `#[handler]` for what arrives";
            return Err(syn::Error::new(channel.span(), message));
        }
        if tools.is_empty() {
            let message = "a skill needs a function marked `#[tool]`, or `#[handler]`; there is none in this module";
            return Err(syn::Error::new(module.ident.span(), message));
        }
    }
    let added = [manifest(&args, &module.attrs, &tools)?, call(&tools), exports(handler.as_ref())];
    if let Some((_, items)) = module.content.as_mut() {
        items.extend(added.into_iter().map(Item::Verbatim));
    }
    Ok(quote!(#module))
}

fn manifest(args: &SkillArgs, attributes: &[Attribute], tools: &[Tool]) -> syn::Result<TokenStream> {
    let (name, span) = match &args.name {
        Some(name) => (name.value(), name.span()),
        // Cargo sets this for every crate that it compiles; without Cargo the name has to be given.
        None => (names::kebab(&std::env::var("CARGO_PKG_NAME").unwrap_or_default()), Span::call_site()),
    };
    let name = names::checked("skill", name, span)?;
    let version = match &args.version {
        Some(version) => quote!(#version),
        None => quote!(::core::env!("CARGO_PKG_VERSION")),
    };
    let description = match &args.description {
        Some(description) => description.value(),
        None => names::doc_comment(attributes),
    };
    if description.is_empty() {
        let message = "a skill needs a description: a doc comment on this module, or `description = \"...\"`";
        return Err(syn::Error::new(Span::call_site(), message));
    }
    let tools = tools.iter().map(Tool::manifest_entry);
    let subscriptions = &args.subscriptions;
    let wants = args.wants.iter().map(|want| {
        let (capability, scope, reason) = (&want.capability, &want.scope, &want.reason);
        quote! {
            ::skillhost_sdk::Want {
                capability: ::std::string::String::from(#capability),
                scope: ::std::string::String::from(#scope),
                reason: ::std::string::String::from(#reason),
            }
        }
    });
    Ok(quote! {
        /// What the skill says of itself to the host.
        #[must_use]
        #[allow(dead_code, reason = "the host calls it, and a native build without tests has none")]
        pub fn manifest() -> ::skillhost_sdk::Manifest {
            #[allow(unused_imports, reason = "used by tools that return structured data")]
            use ::skillhost_sdk::__private::{AnyReturn as _, DataReturn as _};
            let mut tools = ::std::vec::Vec::new();
            #(#tools)*
            ::skillhost_sdk::Manifest {
                name: ::std::string::String::from(#name),
                version: ::std::string::String::from(#version),
                description: ::std::string::String::from(#description),
                tools,
                subscriptions: ::std::vec![#(::std::string::String::from(#subscriptions)),*],
                wants: ::std::vec![#(#wants),*],
            }
        }
    })
}

fn call(tools: &[Tool]) -> TokenStream {
    let arms = tools.iter().map(Tool::dispatch_arm);
    quote! {
        /// Runs one tool on one JSON input, exactly as the host does.
        ///
        /// # Errors
        ///
        /// What the tool says, or `invalid-input` for an input that does not decode and a tool that is not there.
        #[allow(dead_code, reason = "the host calls it, and a native build without tests has none")]
        pub fn call(
            tool: &str,
            input: &str,
        ) -> ::core::result::Result<::skillhost_sdk::Output, ::skillhost_sdk::ToolError> {
            #[allow(unused_imports, reason = "used by tools that return structured data")]
            use ::skillhost_sdk::__private::{AnyReturn as _, DataReturn as _};
            match tool {
                #(#arms)*
                _ => {
                    let _ = input;
                    ::core::result::Result::Err(::skillhost_sdk::__private::unknown_tool(tool, &manifest()))
                }
            }
        }
    }
}

/// The function that gets the messages, and the `#[cfg]`s that it stands under.
struct Handler {
    function: Ident,
    conditions: Vec<Attribute>,
}

impl Handler {
    fn decode(function: &ItemFn) -> syn::Result<Self> {
        let signature = &function.sig;
        tool::refuse_what_cannot_be_called(signature)?;
        if signature.inputs.len() != 1 {
            let message = "a handler takes one parameter, the `Message`";
            return Err(syn::Error::new(signature.ident.span(), message));
        }
        Ok(Self { function: signature.ident.clone(), conditions: tool::conditions(&function.attrs) })
    }
}

fn exports(handler: Option<&Handler>) -> TokenStream {
    let handler = handler.map(|Handler { function, conditions }| {
        quote! {
            // Native builds export nothing, but a handler of the wrong shape should not wait for the component's build.
            #(#conditions)*
            #[allow(dead_code, reason = "the host calls it, and a native build has none")]
            const _: () = {
                struct Agent;
                impl ::skillhost_sdk::__private::Agent for Agent {
                    fn handle(
                        message: ::skillhost_sdk::Message,
                    ) -> ::core::result::Result<(), ::std::string::String> {
                        ::skillhost_sdk::__private::Handled::into_result(#function(message))
                    }
                }
                #[cfg(target_family = "wasm")]
                type Handler = ::skillhost_sdk::__private::ExportedHandler<Agent>;
                #[cfg(target_family = "wasm")]
                ::skillhost_sdk::__private::export_handler!(
                    Handler with_types_in ::skillhost_sdk::__private::handler_bindings
                );
            };
        }
    });
    quote! {
        #handler
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Skill;
            impl ::skillhost_sdk::__private::Skill for Skill {
                fn manifest() -> ::skillhost_sdk::Manifest {
                    manifest()
                }
                fn call(
                    tool: &str,
                    input: &str,
                ) -> ::core::result::Result<::skillhost_sdk::Output, ::skillhost_sdk::ToolError> {
                    call(tool, input)
                }
            }
            type Tools = ::skillhost_sdk::__private::ExportedSkill<Skill>;
            ::skillhost_sdk::__private::export_skill!(
                Tools with_types_in ::skillhost_sdk::__private::skill_bindings
            );
        };
    }
}

fn tool_args(attribute: &Attribute) -> syn::Result<ToolArgs> {
    match &attribute.meta {
        Meta::Path(_) => Ok(ToolArgs::default()),
        _ => attribute.parse_args(),
    }
}

/// Takes off the attribute that ends in `name`, so that `#[tool]` and `#[skillhost_sdk::tool]` both count.
fn take(attributes: &mut Vec<Attribute>, name: &str) -> Option<Attribute> {
    let is_it = |path: &syn::Path| path.segments.last().is_some_and(|segment| Ident::eq(&segment.ident, name));
    let position = attributes.iter().position(|attribute| is_it(attribute.path()))?;
    Some(attributes.remove(position))
}

#[cfg(test)]
mod tests;
