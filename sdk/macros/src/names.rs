//! Names and doc comments on their way from Rust to the manifest.

use proc_macro2::Span;
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// Longest name of a skill or a tool in bytes, as the contract has it: `[a-z][a-z0-9-]{0,47}`.
const MAX_NAME_BYTES: usize = 48;

/// `word_count` and `r#type` as the contract spells names: `word-count`, `type`.
pub(crate) fn kebab(name: &str) -> String {
    name.strip_prefix("r#").unwrap_or(name).replace('_', "-")
}

/// The name, if the host would take it.
pub(crate) fn checked(what: &str, name: String, span: Span) -> syn::Result<String> {
    let starts_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    let rest_fits = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if starts_well && rest_fits && name.len() <= MAX_NAME_BYTES {
        return Ok(name);
    }
    let message = format!(
        "`{name}` is no {what} name: it starts with a letter, holds only a-z, 0-9 and -, and has at most \
         {MAX_NAME_BYTES} characters; give another with `name = \"...\"`"
    );
    Err(syn::Error::new(span, message))
}

/// The doc comment as text: one leading space per line taken off, lines of a paragraph kept apart as written.
pub(crate) fn doc_comment(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes.iter().filter_map(doc_line).collect();
    lines.join("\n").trim().to_owned()
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    if !pair.path.is_ident("doc") {
        return None;
    }
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else { return None };
    let text = text.value();
    Some(text.strip_prefix(' ').unwrap_or(&text).trim_end().to_owned())
}
