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
    let mut handler: Option<TokenStream> = None;
    for item in items.iter_mut() {
        let Item::Fn(function) = item else { continue };
        if let Some(attribute) = take(&mut function.attrs, "tool") {
            let tool = Tool::decode(function, tool_args(&attribute)?)?;
            let span = function.sig.ident.span();
            if ADDED.iter().any(|added| function.sig.ident == added) {
                let message = "the skill gets a function of this name; call this one otherwise and give `name = \"...\"`";
                return Err(syn::Error::new(span, message));
            }
            if tools.iter().any(|other| other.name == tool.name) {
                return Err(syn::Error::new(span, format!("there is a tool `{}` already", tool.name)));
            }
            tools.push(tool);
        }
        if let Some(attribute) = take(&mut function.attrs, "handler") {
            let glue = handler_glue(function)?;
            if handler.replace(glue).is_some() {
                return Err(syn::Error::new(attribute.span(), "a skill has one `#[handler]`: tell channels apart inside"));
            }
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
    let added = [manifest(&args, &module.attrs, &tools)?, call(&tools), exports(handler)];
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
            use ::skillhost_sdk::__private::DataReturn as _;
            ::skillhost_sdk::Manifest {
                name: ::std::string::String::from(#name),
                version: ::std::string::String::from(#version),
                description: ::std::string::String::from(#description),
                tools: ::std::vec![#(#tools),*],
                subscriptions: ::std::vec![#(::std::string::String::from(#subscriptions)),*],
                wants: ::std::vec![#(#wants),*],
            }
        }
    })
}

fn call(tools: &[Tool]) -> TokenStream {
    let arms = tools.iter().map(Tool::dispatch_arm);
    let names = tools.iter().map(|tool| &tool.name);
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
            use ::skillhost_sdk::__private::DataReturn as _;
            match tool {
                #(#arms)*
                _ => {
                    let _ = input;
                    ::core::result::Result::Err(::skillhost_sdk::__private::unknown_tool(tool, &[#(#names),*]))
                }
            }
        }
    }
}

fn handler_glue(function: &ItemFn) -> syn::Result<TokenStream> {
    let signature = &function.sig;
    tool::refuse_what_cannot_be_called(signature)?;
    if signature.inputs.len() != 1 {
        let message = "a handler takes one parameter, the `Message`";
        return Err(syn::Error::new(signature.ident.span(), message));
    }
    let name = &signature.ident;
    Ok(match tool::reply(&signature.output).fallible {
        true => quote!(#name(message).map_err(|error| ::std::string::ToString::to_string(&error))),
        false => quote! {{
            let () = #name(message);
            ::core::result::Result::Ok(())
        }},
    })
}

fn exports(handler: Option<TokenStream>) -> TokenStream {
    let agent = handler.as_ref().map(|body| {
        quote! {
            impl ::skillhost_sdk::__private::Agent for Skill {
                fn handle(
                    message: ::skillhost_sdk::Message,
                ) -> ::core::result::Result<(), ::std::string::String> {
                    #body
                }
            }
            type Handler = ::skillhost_sdk::__private::ExportedHandler<Skill>;
            ::skillhost_sdk::__private::export_handler!(
                Handler with_types_in ::skillhost_sdk::__private::handler_bindings
            );
        }
    });
    let checked = handler.map(|body| {
        quote! {
            // Native builds export nothing, but a handler of the wrong shape should not wait for the component's build.
            #[cfg(not(target_family = "wasm"))]
            #[allow(dead_code, reason = "the host calls it, and a native build has none")]
            const _: () = {
                fn handle(
                    message: ::skillhost_sdk::Message,
                ) -> ::core::result::Result<(), ::std::string::String> {
                    #body
                }
            };
        }
    });
    quote! {
        #checked
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "exporting a function to the component's host takes `unsafe(export_name)`")]
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
            #agent
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
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

    use quote::ToTokens;
    use syn::parse_quote;

    use super::*;

    fn expanded(arguments: TokenStream, module: TokenStream) -> Result<String, String> {
        let arguments = syn::parse2(arguments).map_err(|error| error.to_string())?;
        let module = syn::parse2(module).expect("the test's module is Rust");
        skill(arguments, module).map(|tokens| tokens.to_string()).map_err(|error| error.to_string())
    }

    fn refusal(arguments: TokenStream, module: TokenStream) -> String {
        expanded(arguments, module).expect_err("this is no skill")
    }

    fn with_tool(function: TokenStream) -> String {
        refusal(quote!(), quote!(#[doc = "D."] mod m { #[doc = "T."] #function }))
    }

    #[test]
    fn the_modules_own_items_stay_and_the_marks_go() {
        let module = quote! {
            #[doc = "D."]
            mod m {
                const SEVEN: u8 = 7;
                #[doc = "T."]
                #[skillhost_sdk::tool(read_only)]
                #[must_use]
                fn seven() -> u8 { SEVEN }
            }
        };
        let text = expanded(quote!(), module).expect("a skill");
        let kept: ItemFn = parse_quote!(#[doc = "T."] #[must_use] fn seven() -> u8 { SEVEN });
        assert!(text.contains(&kept.to_token_stream().to_string()), "{text}");
        assert!(text.contains("const SEVEN : u8 = 7 ;"), "{text}");
    }

    #[test]
    fn a_skill_without_anything_to_call_is_refused() {
        assert!(refusal(quote!(), quote!(#[doc = "D."] mod m { fn plain() {} })).contains("marked `#[tool]`"));
        assert!(refusal(quote!(), quote!(#[doc = "D."] mod m;)).contains("body here"));
    }

    #[test]
    fn descriptions_are_asked_for_where_they_are_missing() {
        let skill = refusal(quote!(), quote!(mod m { #[doc = "T."] #[tool] fn t() {} }));
        assert!(skill.contains("a skill needs a description"), "{skill}");
        let tool = refusal(quote!(), quote!(#[doc = "D."] mod m { #[tool] fn t() {} }));
        assert!(tool.contains("a tool needs a doc comment"), "{tool}");
    }

    #[test]
    fn functions_that_the_host_could_not_call_are_refused() {
        assert!(with_tool(quote!(#[tool] async fn t() {})).contains("cannot be async"));
        assert!(with_tool(quote!(#[tool] unsafe fn t() {})).contains("cannot be unsafe"));
        assert!(with_tool(quote!(#[tool] fn t<T>(x: T) {})).contains("cannot be generic"));
        assert!(with_tool(quote!(#[tool] fn t(a: A, b: B) {})).contains("one parameter"));
        assert!(with_tool(quote!(#[tool] fn call() {})).contains("gets a function of this name"));
    }

    #[test]
    fn names_that_the_host_would_refuse_are_refused_here() {
        assert!(with_tool(quote!(#[tool(name = "Shout")] fn t() {})).contains("`Shout` is no tool name"));
        let long = "a".repeat(49);
        assert!(with_tool(quote!(#[tool(name = #long)] fn t() {})).contains("at most 48"));
        let skill = refusal(quote!(name = "9"), quote!(#[doc = "D."] mod m { #[doc = "T."] #[tool] fn t() {} }));
        assert!(skill.contains("`9` is no skill name"), "{skill}");
        let twice = quote!(#[doc = "D."] mod m { #[doc = "T."] #[tool] fn a() {} #[doc = "T."] #[tool(name = "a")] fn b() {} });
        assert!(refusal(quote!(), twice).contains("a tool `a` already"));
    }

    #[test]
    fn misspelt_arguments_are_answered_with_what_there_is() {
        assert!(with_tool(quote!(#[tool(readonly)] fn t() {})).contains("`read_only`"));
        assert!(with_tool(quote!(#[tool(read_only, destructive)] fn t() {})).contains("destroys nothing"));
        assert!(refusal(quote!(want("a b" = "c")), quote!(mod m {})).contains("`wants(...)`"));
        assert!(refusal(quote!(name = "a", name = "b"), quote!(mod m {})).contains("given twice"));
    }

    #[test]
    fn a_want_is_a_capability_a_scope_and_a_reason() {
        assert!(refusal(quote!(wants("blackboard.read" = "why")), quote!(mod m {})).contains("a space and its scope"));
        assert!(refusal(quote!(wants("blackboard.read *")), quote!(mod m {})).contains("gives its reason"));
        assert!(refusal(quote!(wants("blackboard.read *" = " ")), quote!(mod m {})).contains("one sentence"));
    }

    #[test]
    fn subscriptions_and_handlers_belong_together() {
        let deaf = refusal(quote!(subscribe("a:*")), quote!(#[doc = "D."] mod m { #[doc = "T."] #[tool] fn t() {} }));
        assert!(deaf.contains("needs a function marked `#[handler]`"), "{deaf}");
        let two = quote!(#[doc = "D."] mod m { #[handler] fn a(m: Message) {} #[handler] fn b(m: Message) {} });
        assert!(refusal(quote!(), two).contains("has one `#[handler]`"));
    }
}
