//! A tool's input as a form, made from its JSON Schema, and the form as input again.
//!
//! Contract: a form never decides what a tool takes: the host checks the input against the schema, as it does everybody's. What a
//! form cannot ask for is typed as JSON, one property or the whole input. What was typed is kept when it does not fit.
//! Price: a pass over the schema's own properties; what they refer to is followed a few steps.

mod read;
mod schema;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub(super) use self::read::{Misfit, read};
use self::schema::{Shape, described, resolved, shape};
use super::posted::Fields;

/// Most properties that are asked for one by one.
const MOST: usize = 64;

/// What the field of a property begins with, so that no property is taken for a field of the page's own.
const PREFIX: &str = "input.";

/// The field of the whole input as JSON.
pub(super) const RAW: &str = "json";

/// A form for a tool's input.
pub(super) struct Form {
    /// What it asks for one by one; none: the input can only be typed as JSON.
    pub(super) fields: Option<Vec<Field>>,
    /// The whole input as JSON, to begin with.
    pub(super) raw: String,
    /// Was it sent as JSON?
    pub(super) as_json: bool,
    /// What is wrong with what was sent as JSON.
    pub(super) misfit: Option<String>,
}

/// What is asked for.
pub(super) struct Field {
    /// The property.
    pub(super) label: String,
    /// What the form calls it.
    pub(super) name: String,
    /// Different for every field of a page.
    pub(super) id: String,
    pub(super) required: bool,
    pub(super) description: Option<String>,
    pub(super) control: Control,
    /// Its text, to begin with.
    pub(super) value: String,
    /// What is wrong with it.
    pub(super) misfit: Option<String>,
}

/// How it is asked for.
#[derive(Debug, PartialEq)]
pub(super) enum Control {
    /// A line of text.
    Line { kind: &'static str, pattern: Option<String>, shortest: Option<u64>, longest: Option<u64> },
    /// Lines of text.
    Text { shortest: Option<u64>, longest: Option<u64> },
    /// A number.
    Number { step: &'static str, min: Option<String>, max: Option<String> },
    /// Yes or no.
    Check { checked: bool },
    /// One of these.
    Choice(Vec<Choice>),
    /// JSON, such as this.
    Json { example: String },
}

/// A value that can be chosen.
#[derive(Debug, PartialEq)]
pub(super) struct Choice {
    /// As JSON.
    pub(super) value: String,
    pub(super) label: String,
    pub(super) chosen: bool,
}

impl Form {
    /// The form of `tool`, whose input has this schema; with what was typed and what was wrong with it, if it was sent.
    pub(super) fn new(tool: &str, schema: &Value, sent: Option<(&Fields, &[Misfit])>) -> Self {
        let typed = sent.map(|(fields, _)| fields);
        let misfits = sent.map(|(_, misfits)| misfits).unwrap_or_default();
        let misfit = |name: Option<&str>| {
            misfits.iter().find(|misfit| misfit.property.as_deref() == name).map(|misfit| misfit.message.clone())
        };
        let fields = properties(schema).map(|properties| {
            let field = |(index, property): (usize, Property<'_>)| {
                let typed = typed.filter(|typed| typed.get(RAW).is_none());
                property.field(format!("{tool}-{index}"), typed, misfit(Some(property.name)))
            };
            properties.into_iter().enumerate().map(field).collect()
        });
        let raw = typed.and_then(|typed| typed.get(RAW));
        Self {
            fields,
            as_json: raw.is_some(),
            misfit: misfit(None),
            raw: raw.map_or_else(|| pretty(&schema::example(schema)), str::to_owned),
        }
    }
}

/// A property of the input.
struct Property<'a> {
    name: &'a str,
    schema: &'a Value,
    shape: Shape<'a>,
    required: bool,
}

/// The properties of an input that can be asked for one by one.
fn properties(schema: &Value) -> Option<Vec<Property<'_>>> {
    let root = schema;
    let schema = resolved(root, schema);
    let all = match (schema.get("type").and_then(Value::as_str), schema.get("properties")) {
        (Some("object"), Some(Value::Object(properties))) if properties.len() <= MOST => properties,
        // An object of which nothing may be said is one without properties; any other may have any.
        (Some("object"), None) if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
            return Some(Vec::new());
        }
        _ => return None,
    };
    let required = schema.get("required").and_then(Value::as_array);
    let required = |name: &str| required.is_some_and(|names| names.iter().any(|own| own == name));
    let mut properties: Vec<_> = all
        .iter()
        .map(|(name, property)| Property {
            name,
            schema: property,
            shape: shape(root, property),
            required: required(name),
        })
        .collect();
    // What must be given comes first; the rest is in the order of names.
    properties.sort_by_key(|property| !property.required);
    Some(properties)
}

impl Property<'_> {
    fn field_name(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// What stands for the property where it is left out; `null` is nothing that one could type.
    fn default(&self) -> Option<&Value> {
        self.schema.get("default").filter(|default| !default.is_null())
    }

    fn field(&self, id: String, typed: Option<&Fields>, misfit: Option<String>) -> Field {
        let name = self.field_name();
        let was = typed.map(|typed| typed.get(&name));
        let begin = || match (&self.shape, self.default()) {
            (_, None) => String::new(),
            (Shape::Line { .. } | Shape::Text { .. }, Some(default)) => default.as_str().unwrap_or_default().to_owned(),
            (Shape::Json { .. }, Some(default)) => pretty(default),
            (_, Some(default)) => default.to_string(),
        };
        let value = was.map_or_else(begin, |was| was.unwrap_or_default().to_owned());
        let number = |bound: Option<&serde_json::Number>| bound.map(ToString::to_string);
        let control = match &self.shape {
            Shape::Line { kind, pattern, shortest, longest } => Control::Line {
                kind,
                // A schema's pattern may lie anywhere in the text, a form's is the whole of it.
                pattern: pattern.map(|pattern| format!(".*(?:{pattern}).*")),
                shortest: *shortest,
                longest: *longest,
            },
            Shape::Text { shortest, longest } => Control::Text { shortest: *shortest, longest: *longest },
            Shape::Number { integer, min, max } => Control::Number {
                step: if *integer { "1" } else { "any" },
                min: number(min.as_ref()),
                max: number(max.as_ref()),
            },
            Shape::Check => {
                let begin = self.default() == Some(&Value::Bool(true));
                Control::Check { checked: was.map_or(begin, |was| was.is_some()) }
            }
            Shape::Choice(values) => Control::Choice(values.iter().map(|choice| choice.shown(&value)).collect()),
            Shape::Json { example } => Control::Json { example: pretty(example) },
        };
        Field {
            label: self.name.to_owned(),
            name,
            id,
            required: self.required,
            description: described(self.schema).map(str::to_owned),
            control,
            value,
            misfit,
        }
    }
}

impl schema::Offer<'_> {
    fn shown(&self, value: &str) -> Choice {
        let own = self.value.to_string();
        let label = self.value.as_str().map_or_else(|| own.clone(), str::to_owned);
        Choice { chosen: own == value, label: self.title.map_or(label, str::to_owned), value: own }
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
