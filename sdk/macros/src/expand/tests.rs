//! What a skill's author is told at compile time.
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
    let kept: ItemFn = parse_quote!(
        #[doc = "T."]
        #[must_use]
        fn seven() -> u8 {
            SEVEN
        }
    );
    assert!(text.contains(&kept.to_token_stream().to_string()), "{text}");
    assert!(text.contains("const SEVEN : u8 = 7 ;"), "{text}");
}

#[test]
fn a_skill_without_anything_to_call_is_refused() {
    assert!(
        refusal(
            quote!(),
            quote!(
                #[doc = "D."]
                mod m {
                    fn plain() {}
                }
            )
        )
        .contains("marked `#[tool]`")
    );
    assert!(
        refusal(
            quote!(),
            quote!(
                #[doc = "D."]
                mod m;
            )
        )
        .contains("body here")
    );
}

#[test]
fn descriptions_are_asked_for_where_they_are_missing() {
    let skill = refusal(
        quote!(),
        quote!(
            mod m {
                #[doc = "T."]
                #[tool]
                fn t() {}
            }
        ),
    );
    assert!(skill.contains("a skill needs a description"), "{skill}");
    let tool = refusal(
        quote!(),
        quote!(
            #[doc = "D."]
            mod m {
                #[tool]
                fn t() {}
            }
        ),
    );
    assert!(tool.contains("a tool needs a doc comment"), "{tool}");
}

#[test]
fn functions_that_the_host_could_not_call_are_refused() {
    assert!(
        with_tool(quote!(
            #[tool]
            async fn t() {}
        ))
        .contains("cannot be async")
    );
    assert!(
        with_tool(quote!(
            #[tool]
            unsafe fn t() {}
        ))
        .contains("cannot be unsafe")
    );
    assert!(
        with_tool(quote!(
            #[tool]
            fn t<T>(x: T) {}
        ))
        .contains("cannot be generic")
    );
    assert!(
        with_tool(quote!(
            #[tool]
            fn t(a: A, b: B) {}
        ))
        .contains("one parameter")
    );
    assert!(
        with_tool(quote!(
            #[tool]
            fn call() {}
        ))
        .contains("gets a function of this name")
    );
}

#[test]
fn names_that_the_host_would_refuse_are_refused_here() {
    assert!(
        with_tool(quote!(
            #[tool(name = "Shout")]
            fn t() {}
        ))
        .contains("`Shout` is no tool name")
    );
    let long = "a".repeat(49);
    assert!(
        with_tool(quote!(
            #[tool(name = #long)]
            fn t() {}
        ))
        .contains("at most 48")
    );
    let skill = refusal(
        quote!(name = "9"),
        quote!(
            #[doc = "D."]
            mod m {
                #[doc = "T."]
                #[tool]
                fn t() {}
            }
        ),
    );
    assert!(skill.contains("`9` is no skill name"), "{skill}");
    let twice = quote!(
        #[doc = "D."]
        mod m {
            #[doc = "T."]
            #[tool]
            fn a() {}
            #[doc = "T."]
            #[tool(name = "a")]
            fn b() {}
        }
    );
    assert!(refusal(quote!(), twice).contains("a tool `a` already"));
}

#[test]
fn misspelt_arguments_are_answered_with_what_there_is() {
    assert!(
        with_tool(quote!(
            #[tool(readonly)]
            fn t() {}
        ))
        .contains("`read_only`")
    );
    assert!(
        with_tool(quote!(
            #[tool(read_only, destructive)]
            fn t() {}
        ))
        .contains("destroys nothing")
    );
    assert!(
        refusal(
            quote!(want("a b" = "c")),
            quote!(
                mod m {}
            )
        )
        .contains("`wants(...)`")
    );
    assert!(
        refusal(
            quote!(name = "a", name = "b"),
            quote!(
                mod m {}
            )
        )
        .contains("given twice")
    );
}

#[test]
fn a_want_is_a_capability_a_scope_and_a_reason() {
    assert!(
        refusal(
            quote!(wants("blackboard.read" = "why")),
            quote!(
                mod m {}
            )
        )
        .contains("a space and its scope")
    );
    assert!(
        refusal(
            quote!(wants("blackboard.read *")),
            quote!(
                mod m {}
            )
        )
        .contains("gives its reason")
    );
    assert!(
        refusal(
            quote!(wants("blackboard.read *" = " ")),
            quote!(
                mod m {}
            )
        )
        .contains("one sentence")
    );
}

#[test]
fn subscriptions_and_handlers_belong_together() {
    let deaf = refusal(
        quote!(subscribe("a:*")),
        quote!(
            #[doc = "D."]
            mod m {
                #[doc = "T."]
                #[tool]
                fn t() {}
            }
        ),
    );
    assert!(deaf.contains("needs a function marked `#[handler]`"), "{deaf}");
    let two = quote!(
        #[doc = "D."]
        mod m {
            #[handler]
            fn a(m: Message) {}
            #[handler]
            fn b(m: Message) {}
        }
    );
    assert!(refusal(quote!(), two).contains("has one `#[handler]`"));
}
