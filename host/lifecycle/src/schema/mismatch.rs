//! Where a document does not fit, in words.
//!
//! Contract: says what was expected and what was found, with at most an excerpt of either, escaped. Of
//! alternatives, the one that the document seems to mean is explained. Price: nothing until a document does not fit.

use std::fmt::Write as _;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

use super::limits;
use crate::package::Shown;

/// How many values, names or alternatives a message lists; the rest are counted.
const LISTED: usize = 4;

/// Why a document does not fit a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// Where, as a JSON Pointer; empty for the document itself. Of a very long one the end, after `…`.
    pub(crate) path: String,
    /// What was expected there and what was found.
    pub(crate) message: String,
}

impl Mismatch {
    pub(super) fn at_root(message: &str) -> Self {
        Self { path: String::new(), message: message.to_owned() }
    }

    pub(super) fn of(error: &ValidationError<'_>) -> Self {
        let error = meant(error);
        Self { path: path(error), message: message(error) }
    }
}

fn path(error: &ValidationError<'_>) -> String {
    let path = error.instance_path().as_str();
    let length = path.chars().count();
    let end: String = path.chars().skip(length.saturating_sub(limits::PATH)).collect();
    // In pieces, because one piece shown is cut at its end.
    let mut shown = String::from(if end.len() < path.len() { "…" } else { "" });
    let characters: Vec<char> = end.chars().collect();
    for piece in characters.chunks(limits::EXCERPT) {
        let _ = write!(shown, "{}", Shown::new(&piece.iter().collect::<String>()));
    }
    shown
}

/// Follows `error` into the alternative that the document seems to mean, if one stands out.
fn meant<'e, 'i>(error: &'e ValidationError<'i>) -> &'e ValidationError<'e> {
    let here = error.instance_path().as_str().len();
    let deeper = |error: &ValidationError<'_>| error.instance_path().as_str().len() > here;
    let (Kind::AnyOf { context } | Kind::OneOfNotValid { context }) = error.kind() else { return error };
    // A wrong tag or a wrong type: the document means another one.
    let other = |error: &ValidationError<'_>| match error.kind() {
        Kind::Constant { .. } | Kind::Enum { .. } => true,
        Kind::Type { .. } | Kind::FalseSchema => !deeper(error),
        _ => false,
    };
    let likely: Vec<_> = context.iter().filter(|errors| !errors.is_empty() && !errors.iter().any(other)).collect();
    let inside: Vec<_> = likely.iter().filter(|errors| errors.iter().all(deeper)).collect();
    let errors = match (inside.as_slice(), likely.as_slice()) {
        ([errors], _) => *errors,
        (_, [errors]) => errors,
        _ => return error,
    };
    errors.first().map_or(error, meant)
}

fn message(error: &ValidationError<'_>) -> String {
    let found = found(error.instance());
    match error.kind() {
        Kind::Type { kind } => format!("expected {}, found {found}", types(kind)),
        Kind::Required { property } => format!("the property {} is missing", excerpt(property)),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            format!("there is no such property as {}", list(unexpected.iter().map(|name| quoted(name)), "or"))
        }
        Kind::AdditionalItems { limit } => format!("expected at most {limit} items, found {found}"),
        Kind::UnevaluatedItems { unexpected } => format!("{} items more than expected", unexpected.len()),
        Kind::Enum { options } => match options.as_array() {
            Some(options) => format!("expected {}, found {found}", list(options.iter().map(excerpt), "or")),
            None => format!("expected {}, found {found}", excerpt(options)),
        },
        Kind::Constant { expected_value } => format!("expected {}, found {found}", excerpt(expected_value)),
        Kind::Minimum { limit } => format!("expected at least {}, found {found}", excerpt(limit)),
        Kind::ExclusiveMinimum { limit } => format!("expected more than {}, found {found}", excerpt(limit)),
        Kind::Maximum { limit } => format!("expected at most {}, found {found}", excerpt(limit)),
        Kind::ExclusiveMaximum { limit } => format!("expected less than {}, found {found}", excerpt(limit)),
        Kind::MultipleOf { multiple_of } => format!("expected a multiple of {multiple_of}, found {found}"),
        Kind::MinLength { limit } => format!("expected at least {limit} characters, found {found}"),
        Kind::MaxLength { limit } => format!("expected at most {limit} characters, found {found}"),
        Kind::MinItems { limit } => format!("expected at least {limit} items, found {found}"),
        Kind::MaxItems { limit } => format!("expected at most {limit} items, found {found}"),
        Kind::MinProperties { limit } => format!("expected at least {limit} properties, found {found}"),
        Kind::MaxProperties { limit } => format!("expected at most {limit} properties, found {found}"),
        Kind::Pattern { pattern } => format!("expected text that matches `{}`, found {found}", cut(pattern)),
        Kind::UniqueItems => format!("expected items that differ, found two that are equal in {found}"),
        Kind::Contains => format!("it does not hold the items that it must, or too many of them: {found}"),
        Kind::FalseSchema => format!("nothing may stand here, found {found}"),
        Kind::Not { .. } => format!("this is ruled out: {found}"),
        Kind::PropertyNames { error } => format!("a property's name is wrong: {}", message(meant(error))),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => none_fits(error, context, &found),
        Kind::OneOfMultipleValid { .. } => format!("it must fit exactly one alternative and fits several: {found}"),
        other => format!("it breaks the rule `{}`: {found}", cut(other.keyword())),
    }
}

fn none_fits(error: &ValidationError<'_>, context: &[Vec<ValidationError<'static>>], found: &str) -> String {
    let firsts: Vec<_> = context.iter().filter_map(|errors| errors.first()).collect();
    let wrong_type = |first: &&ValidationError<'_>| match first.kind() {
        Kind::Type { kind } if first.instance_path() == error.instance_path() => Some(types(kind)),
        _ => None,
    };
    if let Some(types) = firsts.iter().map(wrong_type).collect::<Option<Vec<_>>>() {
        return format!("expected {}, found {found}", list(types.into_iter(), "or"));
    }
    // Alternatives inside alternatives are not spelt out: the message would grow with each level.
    let reasons = firsts.iter().map(|first| match first.kind() {
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => "none of its own alternatives fits".to_owned(),
        _ => message(first),
    });
    format!("it fits none of {} alternatives: {}", context.len(), list(reasons, "or"))
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => one.as_str().to_owned(),
        TypeKind::Multiple(set) => list(set.iter().map(|one| one.as_str().to_owned()), "or"),
    }
}

/// `a, b or c`, each once; what is over [`LISTED`] is counted.
fn list(items: impl Iterator<Item = String>, last: &str) -> String {
    let mut shown: Vec<String> = Vec::new();
    let mut more = 0_usize;
    for item in items {
        if shown.len() == LISTED {
            more += 1;
        } else if !shown.contains(&item) {
            shown.push(item);
        }
    }
    match (shown.split_last(), more) {
        (None, _) => "nothing".to_owned(),
        (Some((only, [])), 0) => only.clone(),
        (Some((end, start)), 0) => format!("{} {last} {end}", start.join(", ")),
        (Some(_), more) => format!("{} {last} {more} more", shown.join(", ")),
    }
}

/// What stands in the document, in a few words.
fn found(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("an array of {} items", items.len()),
        Value::Object(map) => format!("an object of {} properties", map.len()),
        scalar => excerpt(scalar),
    }
}

fn excerpt(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(_) | Value::Object(_) => found(value),
        scalar => scalar.to_string(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", cut(text))
}

fn cut(text: &str) -> String {
    let mut shown = Shown::new(&text.chars().take(limits::EXCERPT).collect::<String>()).to_string();
    if text.chars().nth(limits::EXCERPT).is_some() {
        shown.push('…');
    }
    shown
}
