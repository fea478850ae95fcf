//! The surface of the binary, held to its contract word by word: the drop folder, the command line, the values of plain
//! components, skills from other languages, and what a killed process leaves behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod agents;
mod approvals;
mod browser;
mod command_line;
mod compiling;
mod durable;
mod folder_changes;
mod http;
mod mcp;
mod pages;
mod skill_folders;
mod values;

use std::collections::BTreeSet;

use serde_json::Value;

/// The field names of a JSON object.
#[track_caller]
fn fields(object: &Value) -> BTreeSet<&str> {
    let object = object.as_object().unwrap_or_else(|| panic!("no object: {object}"));
    object.keys().map(String::as_str).collect()
}

/// Fails unless `object` has these fields, and besides them at most `more`.
#[track_caller]
fn has_fields(object: &Value, documented: &[&str], more: &[&str]) {
    let found = fields(object);
    let missing: Vec<_> = documented.iter().filter(|field| !found.contains(*field)).collect();
    assert!(missing.is_empty(), "without {missing:?}: {object}");
    let strange: Vec<_> = found.iter().filter(|field| !documented.contains(field) && !more.contains(field)).collect();
    assert!(strange.is_empty(), "fields that nobody documented: {strange:?} in {object}");
}

/// A digest as the contract writes it.
fn is_digest(value: &Value) -> bool {
    let hex = value.as_str().and_then(|text| text.strip_prefix("sha256:"));
    hex.is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A ULID: 26 characters of Crockford's alphabet.
fn is_run(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|byte| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(&byte))
}

/// A time of RFC 3339 in UTC.
fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    let shape: String = text.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
    let rest = shape.strip_prefix("0000-00-00T00:00:00").and_then(|rest| rest.strip_suffix('Z'));
    let fraction = |rest: &str| rest.len() > 1 && rest.starts_with('.') && rest[1..].bytes().all(|byte| byte == b'0');
    rest.is_some_and(|rest| rest.is_empty() || fraction(rest))
}
