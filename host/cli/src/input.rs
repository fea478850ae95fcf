//! From what is typed to a JSON document.

use std::collections::HashSet;
use std::io::Read as _;

use serde_json::{Map, Value};

use crate::fail::Fail;

/// How many references are followed to learn a field's type.
const REFERENCES: usize = 8;

/// The input of a run: `whole`, with `fields` laid over it. `schema` says what `KEY=VALUE` stands for.
pub(crate) fn input(whole: Option<&str>, fields: &[String], schema: Option<&Value>) -> Result<String, Fail> {
    let whole = whole.map(document).transpose()?;
    if fields.is_empty() {
        // As it was given: it is the tool's to say whether it is any good.
        return Ok(whole.unwrap_or_else(|| "{}".to_owned()));
    }
    let mut object = match whole.as_deref().map(serde_json::from_str).transpose() {
        Ok(None) => Map::new(),
        Ok(Some(Value::Object(object))) => object,
        Ok(Some(_)) => return Err(Fail::usage("KEY=VALUE goes with an --input that is a JSON object")),
        Err(error) => return Err(Fail::usage(format!("--input is no JSON: {error}"))),
    };
    let mut given = HashSet::new();
    for field in fields {
        let (key, value) = self::field(field, schema)?;
        if !given.insert(key) {
            return Err(Fail::usage(format!("`{key}` is given twice")));
        }
        object.insert(key.to_owned(), value);
    }
    Ok(Value::Object(object).to_string())
}

/// The text that is meant: itself, a file's, or standard input's.
pub(crate) fn document(given: &str) -> Result<String, Fail> {
    match given.strip_prefix('@') {
        Some(path) => file(path),
        None if given == "-" => standard_input(),
        None => Ok(given.to_owned()),
    }
}

fn standard_input() -> Result<String, Fail> {
    let mut text = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut text);
    read.map(|_| text).map_err(|error| Fail::usage(format!("standard input cannot be read as text: {error}")))
}

fn field<'a>(field: &'a str, schema: Option<&Value>) -> Result<(&'a str, Value), Fail> {
    let form = || {
        Fail::usage(format!(
            "`{field}` is neither KEY=VALUE, KEY=@FILE nor KEY:=JSON (a tool is written behind a dot: SKILL.TOOL)"
        ))
    };
    let (key, value) = field.split_once('=').ok_or_else(form)?;
    if let Some(key) = key.strip_suffix(':') {
        let text = match value.strip_prefix('@') {
            Some(path) => file(path)?,
            None => value.to_owned(),
        };
        let value = serde_json::from_str(&text)
            .map_err(|error| Fail::usage(format!("the value of `{key}:=` is no JSON: {error}")))?;
        return Ok((key, value));
    }
    if key.is_empty() {
        return Err(form());
    }
    if let Some(path) = value.strip_prefix('@') {
        let text = file(path)
            .map_err(|error| Fail::usage(format!("{error}; a text that begins with @ is written {key}:='\"@…\"'")))?;
        return Ok((key, Value::String(text)));
    }
    Ok((key, typed(value, schema.and_then(|schema| property(schema, key)))))
}

fn file(path: &str) -> Result<String, Fail> {
    if path == "-" {
        return standard_input();
    }
    std::fs::read_to_string(path).map_err(|error| Fail::usage(format!("{path} cannot be read as text: {error}")))
}

struct Property<'a> {
    root: &'a Value,
    schema: &'a Value,
}

fn property<'a>(root: &'a Value, key: &str) -> Option<Property<'a>> {
    Some(Property { root, schema: root.get("properties")?.get(key)? })
}

/// What `text` stands for where the schema wants `property`. What fits no wanted type stays text: then the
/// host says what is wrong with it.
fn typed(text: &str, property: Option<Property<'_>>) -> Value {
    let as_text = || Value::String(text.to_owned());
    let Some(property) = property else { return as_text() };
    let mut types = Vec::new();
    property.types(property.schema, REFERENCES, &mut types);
    if types.is_empty() || types.iter().any(|wanted| wanted == "string") {
        return as_text();
    }
    let fits = |value: &Value| {
        types.iter().any(|wanted| match wanted.as_str() {
            "integer" | "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            "null" => value.is_null(),
            _ => false,
        })
    };
    serde_json::from_str(text).ok().filter(fits).unwrap_or_else(as_text)
}

impl Property<'_> {
    /// The JSON types that `schema` lets through, as far as it says so plainly.
    fn types(&self, schema: &Value, references: usize, found: &mut Vec<String>) {
        match schema.get("type") {
            Some(Value::String(one)) => found.push(one.clone()),
            Some(Value::Array(several)) => found.extend(several.iter().filter_map(Value::as_str).map(str::to_owned)),
            _ => {}
        }
        for value in schema.get("enum").and_then(Value::as_array).into_iter().flatten().chain(schema.get("const")) {
            let name = match value {
                Value::String(_) => "string",
                Value::Number(_) => "number",
                Value::Bool(_) => "boolean",
                Value::Null => "null",
                Value::Array(_) => "array",
                Value::Object(_) => "object",
            };
            found.push(name.to_owned());
        }
        if references == 0 {
            return;
        }
        for choice in ["anyOf", "oneOf", "allOf"] {
            for branch in schema.get(choice).and_then(Value::as_array).into_iter().flatten() {
                self.types(branch, references - 1, found);
            }
        }
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
        if let Some(target) = target.and_then(|pointer| self.root.pointer(pointer)) {
            self.types(target, references - 1, found);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;
    use serde_json::json;

    fn of(whole: Option<&str>, fields: &[&str], schema: &Value) -> Value {
        let fields: Vec<_> = fields.iter().map(|field| (*field).to_owned()).collect();
        serde_json::from_str(&input(whole, &fields, Some(schema)).unwrap()).unwrap()
    }

    #[test]
    fn a_value_becomes_what_the_schema_says() {
        let schema = json!({
            "properties": {
                "n": {"type": "integer"}, "maybe": {"type": ["integer", "null"]}, "flag": {"type": "boolean"},
                "list": {"type": "array"}, "text": {"type": "string"}, "id": {"$ref": "#/$defs/id"},
                "either": {"anyOf": [{"type": "number"}, {"type": "null"}]}, "any": {}
            },
            "$defs": {"id": {"type": "integer"}}
        });
        let fields = ["n=3", "maybe=4", "flag=true", "list=[1]", "text=5", "id=6", "either=1.5", "any=7", "new=8"];
        let expected = json!({"n": 3, "maybe": 4, "flag": true, "list": [1], "text": "5", "id": 6, "either": 1.5,
            "any": "7", "new": "8"});
        assert_eq!(of(None, &fields, &schema), expected);
    }

    #[test]
    fn what_does_not_fit_stays_text_for_the_host_to_refuse() {
        let schema = json!({"properties": {"n": {"type": "integer"}}});
        assert_eq!(of(None, &["n=many"], &schema), json!({"n": "many"}));
    }

    #[test]
    fn json_as_it_stands_and_fields_over_a_whole_document() {
        let schema = json!({});
        assert_eq!(of(Some(r#"{"a":1,"b":2}"#), &["b:=[3]", "c=x=y"], &schema), json!({"a": 1, "b": [3], "c": "x=y"}));
    }

    #[test]
    fn what_is_no_field_is_a_usage_error() {
        for wrong in ["novalue", "=x", "a:={", "a=@/no/such/file"] {
            assert_eq!(input(None, &[wrong.to_owned()], None).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }
}
