//! What goes and what stays, by all ways in.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod corpus;
mod hostile;
mod json;
mod known;

use secrecy::SecretString;

use super::*;

fn knowing(secrets: &[(&str, &str)]) -> Redactor {
    Redactor::new(secrets.iter().map(|(name, value)| ((*name).to_owned(), SecretString::from(*value)))).unwrap()
}
