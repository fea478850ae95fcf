//! The attributes of `skillhost-sdk`: an annotated module becomes a skill.
//!
//! Contract: the module's own items stay as they are written, callable from tests. What is added is `manifest`, `call`
//! and, for WebAssembly targets only, the component's exports. A mistake in an attribute, a name that the host would
//! refuse and a signature that cannot be dispatched are errors at the line they stand on.
//! Price: everything happens at compile time; a call pays for one `match` on the tool's name.

mod args;
mod expand;
mod names;
mod tool;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Makes a skill of an inline module. See the documentation of `skillhost_sdk`.
#[proc_macro_attribute]
pub fn skill(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(attribute as args::SkillArgs);
    let module = parse_macro_input!(item as syn::ItemMod);
    expand::skill(arguments, module).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Marks a function of a `#[skill]` module as a tool: `#[tool(read_only, idempotent)]`.
///
/// Elsewhere it is an error: nothing would call the function.
#[proc_macro_attribute]
pub fn tool(_attribute: TokenStream, item: TokenStream) -> TokenStream {
    elsewhere("tool", item)
}

/// Marks the one function of a `#[skill]` module that handles messages.
///
/// Elsewhere it is an error: nothing would call the function.
#[proc_macro_attribute]
pub fn handler(_attribute: TokenStream, item: TokenStream) -> TokenStream {
    elsewhere("handler", item)
}

fn elsewhere(attribute: &str, item: TokenStream) -> TokenStream {
    let message = format!("`#[{attribute}]` belongs on a function directly inside a module marked `#[skill]`");
    let mut tokens = syn::Error::new(proc_macro2::Span::call_site(), message).to_compile_error();
    tokens.extend(proc_macro2::TokenStream::from(item));
    tokens.into()
}
