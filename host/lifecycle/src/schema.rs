//! JSON Schemas that skills write, and documents checked against them.
//!
//! Contract: a schema that compiles is JSON Schema 2020-12, refers to nothing outside itself, and cannot make a
//! check expensive: steps per value, depth of recursion, patterns and the work on one document are bounded by
//! [`limits`], whoever wrote the schema and whoever sends the document. What cannot be bounded is refused with the
//! place and the way out. A check says where a document does not fit and what was expected there, and repeats no
//! more than an excerpt of it.
//!
//! Price: compiling takes some hundred microseconds, at the limits some hundred milliseconds; checking a small
//! document that fits takes a few hundred nanoseconds and allocates nothing.

mod cost;
mod graph;
mod limits;
mod mismatch;
mod pattern;
mod scan;
#[cfg(test)]
mod tests;

use jsonschema::{Draft, ValidationOptions, Validator};
use serde_json::Value;

use self::cost::Cost;
use self::graph::Graph;
pub(crate) use self::mismatch::Mismatch;
use self::pattern::Patterns;
use self::scan::Document;
use crate::package::Shown;

/// Why a text is no schema that this host takes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SchemaError {
    #[error("the schema is {0} bytes long; the limit is {limit} KiB; shorten its descriptions or lists", limit = limits::TEXT / 1024)]
    TooLong(usize),
    #[error("the schema is no JSON: {0}")]
    NotJson(Shown),
    #[error("the schema nests deeper than {}; move inner parts to `$defs`", limits::NESTING)]
    TooDeep,
    #[error(
        "`$schema` is {0}; this host speaks JSON Schema 2020-12: remove `$schema`, or write the schema for that version"
    )]
    Version(Shown),
    #[error("`{0}` stands inside the schema; only the root may have it: name inner parts with `$defs` or `$anchor`")]
    Nested(&'static str),
    #[error("`$ref` to `{0}` leads out of the schema; copy what it means to `$defs` and refer to `#/$defs/…`")]
    Remote(Shown),
    #[error("`$ref` to `{0}` leads to no schema; correct it, or add what it means")]
    Unresolved(Shown),
    #[error("the anchor `{0}` is there twice; give one of them another name")]
    Anchor(Shown),
    #[error("a `$ref` leads back to itself without going inside the value; remove it from the circle")]
    Loop,
    #[error(
        "the value at `{0}` of a document could take more than {limit} steps to check, because alternatives or \
         references multiply; give the alternatives different property names, or fewer of them",
        limit = limits::STEPS
    )]
    Work(Shown),
    #[error("the schema is too intricate to tell what checking a document costs; use fewer alternatives")]
    Intricate,
    #[error(
        "a deep document could be {}-fold inside references and alternatives; refer more directly",
        limits::RECURSION
    )]
    Recursion,
    #[error(
        "the pattern `{0}` is no regular expression for this host, which takes no look-around, no back-references and \
         at most {limit} KiB once compiled; simplify it, or use `maxLength` in place of a count",
        limit = limits::PATTERN / 1024
    )]
    Pattern(Shown),
    #[error("the patterns of the schema take more than {} KiB once compiled; use fewer or simpler ones", limits::PATTERNS / 1024)]
    Patterns,
    #[error("the schema is invalid at `{path}`: {message}")]
    Invalid {
        /// A JSON Pointer into the schema.
        path: String,
        message: String,
    },
    #[error(
        "the root of an input schema must say `\"type\": \"object\"`; put what the tool takes into a property of an object"
    )]
    NotObject,
}

/// A compiled schema.
pub(crate) struct Schema {
    document: Value,
    validator: Validator,
    cost: Cost,
    alternatives: bool,
    pattern_bytes: usize,
}

impl Schema {
    /// Reads and compiles a schema.
    pub(crate) fn compile(text: &str) -> Result<Self, SchemaError> {
        if text.len() > limits::TEXT {
            return Err(SchemaError::TooLong(text.len()));
        }
        let document =
            serde_json::from_str(text).map_err(|error| SchemaError::NotJson(Shown::new(&error.to_string())))?;
        Self::bounded(document)
    }

    /// Reads and compiles a tool's input schema: its root type is `object`.
    pub(crate) fn compile_input(text: &str) -> Result<Self, SchemaError> {
        let schema = Self::compile(text)?;
        if schema.document.get("type").and_then(Value::as_str) == Some("object") {
            Ok(schema)
        } else {
            Err(SchemaError::NotObject)
        }
    }

    fn bounded(document: Value) -> Result<Self, SchemaError> {
        let mut patterns = Patterns::default();
        let graph = Graph::of(&Document::scan(&document)?, &mut patterns)?;
        let cost = Cost::of(&graph)?;
        let alternatives = graph.alternatives;
        let built = options(limits::PATTERN).build(&without_address(&document));
        let validator = built.map_err(|error| {
            let Mismatch { path, message } = Mismatch::of(&error);
            SchemaError::Invalid { path, message }
        })?;
        Ok(Self { document, validator, cost, alternatives, pattern_bytes: patterns.bytes() })
    }

    /// The schema as it was written.
    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// What its patterns keep in memory, in bytes, at most.
    pub(crate) fn pattern_bytes(&self) -> usize {
        self.pattern_bytes
    }

    /// Does `instance` fit? If not: the first place where it does not.
    pub(crate) fn check(&self, instance: &Value) -> Result<(), Mismatch> {
        let Some(work) = self.work(instance) else {
            return Err(Mismatch::at_root("the document is too deep or too large to be checked against this schema"));
        };
        if self.validator.is_valid(instance) {
            return Ok(());
        }
        // Without alternatives there is one error, found on the way; with them, one for each that was tried.
        if self.alternatives && work > limits::EXPLAINED {
            return Err(Mismatch::at_root("the document does not fit, and is too large to say where"));
        }
        match self.validator.validate(instance) {
            Ok(()) => Err(Mismatch::at_root("the document does not fit")),
            Err(error) => Err(Mismatch::of(&error)),
        }
    }

    /// The most steps that checking `instance` can take; none if that is beyond the limit.
    fn work(&self, instance: &Value) -> Option<u64> {
        let (mut values, mut bytes) = (0, 0);
        measure(instance, 0, &mut values, &mut bytes)?;
        let work = values.saturating_mul(self.cost.value).saturating_add(bytes.saturating_mul(self.cost.byte));
        (work <= limits::WORK).then_some(work)
    }
}

/// Counts values, and bytes of texts and names; none if `value` nests too deep.
fn measure(value: &Value, depth: usize, values: &mut u64, bytes: &mut u64) -> Option<()> {
    if depth > limits::DOCUMENT_NESTING {
        return None;
    }
    *values += 1;
    match value {
        Value::String(text) => *bytes += text.len() as u64,
        Value::Array(items) => {
            for item in items {
                measure(item, depth + 1, values, bytes)?;
            }
        }
        Value::Object(map) => {
            for (name, value) in map {
                *bytes += name.len() as u64;
                *values += 1;
                measure(value, depth + 1, values, bytes)?;
            }
        }
        _ => {}
    }
    Some(())
}

/// The validator that all schemas are built with, for patterns of up to `pattern` bytes.
fn options(pattern: usize) -> ValidationOptions<'static> {
    jsonschema::options().with_draft(Draft::Draft202012).offline().with_pattern_options(pattern::engine(pattern))
}

/// The schema without the root's own address: references inside it are all relative to the document, and an
/// address that the validator knows, such as that of the meta-schema, would take them elsewhere.
fn without_address(document: &Value) -> Value {
    let mut document = document.clone();
    if let Value::Object(map) = &mut document {
        map.remove("$id");
        map.remove("$schema");
    }
    document
}
