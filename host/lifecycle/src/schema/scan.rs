//! References: every one of them leads to a place in the same document, or the schema is refused.
//!
//! Contract: what is resolved here is what the validator resolves, because everything that could make the two
//! differ (other documents, other base addresses, other versions of JSON Schema) is refused wherever it stands,
//! data such as `const` included. Price: one walk over the document.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{SchemaError, limits};
use crate::package::Shown;

/// The one version that the contract names, as `$schema` says it.
const VERSION: &str = "json-schema.org/draft/2020-12/schema";

/// A document whose references all stay inside it.
pub(super) struct Document<'a> {
    root: &'a Value,
    anchors: HashMap<&'a str, &'a Value>,
}

impl<'a> Document<'a> {
    pub(super) fn scan(root: &'a Value) -> Result<Self, SchemaError> {
        let mut document = Self { root, anchors: HashMap::new() };
        if let Some(version) = root.get("$schema") {
            check_version(version)?;
        }
        document.walk(root, 0)?;
        Ok(document)
    }

    pub(super) fn root(&self) -> &'a Value {
        self.root
    }

    fn walk(&mut self, value: &'a Value, depth: usize) -> Result<(), SchemaError> {
        if depth > limits::NESTING {
            return Err(SchemaError::TooDeep);
        }
        match value {
            Value::Object(map) => {
                self.look_at(value, map, depth)?;
                map.values().try_for_each(|inner| self.walk(inner, depth + 1))
            }
            Value::Array(items) => items.iter().try_for_each(|item| self.walk(item, depth + 1)),
            _ => Ok(()),
        }
    }

    /// The keywords count only with a text: `properties` may well hold one that is called `$id`.
    fn look_at(&mut self, value: &'a Value, map: &'a Map<String, Value>, depth: usize) -> Result<(), SchemaError> {
        for keyword in ["$id", "$schema"] {
            if depth > 0 && map.get(keyword).is_some_and(Value::is_string) {
                return Err(SchemaError::Nested(keyword));
            }
        }
        for keyword in ["$ref", "$dynamicRef"] {
            match map.get(keyword).and_then(Value::as_str) {
                Some(reference) if !reference.starts_with('#') => {
                    return Err(SchemaError::Remote(Shown::new(reference)));
                }
                _ => {}
            }
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            let Some(name) = map.get(keyword).and_then(Value::as_str) else { continue };
            if self.anchors.insert(name, value).is_some() {
                return Err(SchemaError::Anchor(Shown::new(name)));
            }
        }
        Ok(())
    }

    /// Where a `$ref` or `$dynamicRef` leads.
    pub(super) fn resolve(&self, reference: &str) -> Result<&'a Value, SchemaError> {
        let fragment = reference.strip_prefix('#').unwrap_or(reference);
        let target = if fragment.is_empty() {
            Some(self.root)
        } else if fragment.starts_with('/') {
            percent_decoded(fragment).and_then(|pointer| self.root.pointer(&pointer))
        } else {
            self.anchors.get(fragment).copied()
        };
        target
            .filter(|target| target.is_object() || target.is_boolean())
            .ok_or_else(|| SchemaError::Unresolved(Shown::new(reference)))
    }
}

fn check_version(version: &Value) -> Result<(), SchemaError> {
    let text = version.as_str().unwrap_or_default();
    let text = text.strip_suffix('#').unwrap_or(text);
    let known = ["https://", "http://"].iter().any(|scheme| text.strip_prefix(scheme) == Some(VERSION));
    if known { Ok(()) } else { Err(SchemaError::Version(Shown::new(&version.to_string()))) }
}

/// A fragment as it was before it was put into an address; none if that is no text.
fn percent_decoded(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        let digit = |at: usize| digits.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        bytes.push(u8::try_from(digit(0)? * 16 + digit(1)?).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}
