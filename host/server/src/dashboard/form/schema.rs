//! What a schema asks for, as far as a form can ask for it.

use serde_json::{Map, Number, Value, json};

/// Steps along `$ref` and wrappers that are followed. Schemas that tools are made with have one or two.
const STEPS: usize = 8;

/// Texts that may be longer than this are asked for in several lines.
const LINE: u64 = 200;

/// Longest pattern that is handed to the browser, in bytes.
const LONGEST_PATTERN: usize = 256;

/// Most values that are offered to choose from.
const MOST_CHOICES: usize = 100;

/// How deep an example goes.
const DEPTH: usize = 4;

/// What a property's values look like.
#[derive(Debug)]
pub(super) enum Shape<'a> {
    Line { kind: &'static str, pattern: Option<&'a str>, shortest: Option<u64>, longest: Option<u64> },
    Text { shortest: Option<u64>, longest: Option<u64> },
    Number { integer: bool, min: Option<Number>, max: Option<Number> },
    Check,
    Choice(Vec<Offer<'a>>),
    Json { example: Value },
}

/// A value to choose.
#[derive(Debug)]
pub(super) struct Offer<'a> {
    pub(super) value: &'a Value,
    pub(super) title: Option<&'a str>,
}

/// What `schema` asks for, where `root` is the document that its references mean.
pub(super) fn shape<'a>(root: &'a Value, schema: &'a Value) -> Shape<'a> {
    let schema = resolved(root, schema);
    if let Some(choices) = choices(schema) {
        return Shape::Choice(choices);
    }
    let number = |key: &str| schema.get(key).and_then(Value::as_u64);
    let (shortest, longest) = (number("minLength"), number("maxLength"));
    match type_of(schema) {
        Some("string") => {
            let pattern = schema.get("pattern").and_then(Value::as_str).filter(|text| text.len() <= LONGEST_PATTERN);
            let kind = match schema.get("format").and_then(Value::as_str) {
                Some("uri" | "url") => "url",
                Some("email") => "email",
                Some("date") => "date",
                Some(_) => "text",
                None if pattern.is_some() || longest.is_some_and(|longest| longest <= LINE) => "text",
                None => return Shape::Text { shortest, longest },
            };
            Shape::Line { kind, pattern, shortest, longest }
        }
        Some(kind @ ("integer" | "number")) => {
            let integer = kind == "integer";
            let bound = |inclusive: &str, exclusive: &str, inwards: i64| {
                let beyond = || integer.then(|| schema.get(exclusive)?.as_i64()?.checked_add(inwards)).flatten();
                schema.get(inclusive).and_then(|bound| bound.as_number().cloned()).or_else(|| beyond().map(Into::into))
            };
            let min = bound("minimum", "exclusiveMinimum", 1);
            Shape::Number { integer, min, max: bound("maximum", "exclusiveMaximum", -1) }
        }
        Some("boolean") => Shape::Check,
        _ => Shape::Json { example: example_of(root, schema, 0) },
    }
}

/// What a property is for.
pub(super) fn described(schema: &Value) -> Option<&str> {
    ["description", "title"].iter().find_map(|key| schema.get(key)?.as_str()).filter(|text| !text.is_empty())
}

/// An input that has the form that `schema` asks for.
pub(super) fn example(schema: &Value) -> Value {
    example_of(schema, schema, 0)
}

/// What `schema` refers to, and what is left of it without `null`: an absent property stands for that.
pub(super) fn resolved<'a>(root: &'a Value, mut schema: &'a Value) -> &'a Value {
    for _ in 0..STEPS {
        let next = match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer)),
            None => only_alternative(schema),
        };
        match next {
            Some(next) => schema = next,
            None => break,
        }
    }
    schema
}

/// The one of several alternatives that is not `null`, if it is one.
fn only_alternative(schema: &Value) -> Option<&Value> {
    let all = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema.get(key)?.as_array())?;
    let mut own = all.iter().filter(|one| type_of(one) != Some("null"));
    own.next().filter(|_| own.next().is_none())
}

/// The type; of several the one that is not `null`, if it is one.
fn type_of(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(name) => Some(name),
        Value::Array(names) => {
            let mut own = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            own.next().filter(|_| own.next().is_none())
        }
        _ => None,
    }
}

/// The values to choose from, if there are only so many.
fn choices(schema: &Value) -> Option<Vec<Offer<'_>>> {
    let plain = |value: &&Value| !value.is_object() && !value.is_array() && !value.is_null();
    if let Some(constant) = schema.get("const").filter(plain) {
        return Some(vec![Offer { value: constant, title: described(schema) }]);
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let offers: Vec<_> = values.iter().filter(plain).map(|value| Offer { value, title: None }).collect();
        return Some(offers).filter(|offers| (1..=MOST_CHOICES).contains(&offers.len()));
    }
    let alternatives = ["oneOf", "anyOf"].iter().find_map(|key| schema.get(key)?.as_array())?;
    let offer = |one| -> Option<Offer<'_>> {
        let one: &Value = one;
        Some(Offer { value: one.get("const").filter(plain)?, title: one.get("title").and_then(Value::as_str) })
    };
    let offers: Option<Vec<_>> = alternatives.iter().map(offer).collect();
    offers.filter(|offers| (1..=MOST_CHOICES).contains(&offers.len()))
}

/// The first of several alternatives that is not `null`, where they alone say what a value is.
fn first_alternative(schema: &Value) -> Option<&Value> {
    if schema.get("type").is_some() || schema.get("properties").is_some() {
        return None;
    }
    let all = ["oneOf", "anyOf"].iter().find_map(|key| schema.get(key)?.as_array())?;
    all.iter().find(|one| type_of(one) != Some("null"))
}

fn example_of(root: &Value, schema: &Value, depth: usize) -> Value {
    let schema = resolved(root, schema);
    if let Some(value) = schema.get("default").or_else(|| schema.get("examples")?.get(0)) {
        return value.clone();
    }
    if let Some(first) = choices(schema).as_deref().and_then(<[_]>::first) {
        return first.value.clone();
    }
    if let Some(first) = first_alternative(schema).filter(|_| depth < DEPTH) {
        return example_of(root, first, depth + 1);
    }
    match type_of(schema) {
        Some("string") => json!(""),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(0)),
        Some("boolean") => json!(false),
        Some("null") => Value::Null,
        Some("array") => {
            let item = schema.get("items").filter(|_| depth < DEPTH);
            Value::Array(item.map(|item| example_of(root, item, depth + 1)).into_iter().collect())
        }
        _ => {
            let properties = schema.get("properties").and_then(Value::as_object).filter(|_| depth < DEPTH);
            let required = schema.get("required").and_then(Value::as_array);
            // Nobody has to delete what need not be there.
            let wanted = |name: &str| required.is_some_and(|names| names.iter().any(|own| own == name));
            let fields = properties.into_iter().flatten().filter(|(name, _)| wanted(name));
            let field = |(name, own): (&String, &Value)| (name.clone(), example_of(root, own, depth + 1));
            Value::Object(fields.map(field).collect::<Map<_, _>>())
        }
    }
}
