//! What a tool takes, in a line for each property: enough to type a call.

use serde_json::Value;

/// References, alternatives and nested objects that are followed at the most.
const DEPTH: usize = 3;

/// Values of an enumeration that are listed.
const LISTED: usize = 12;

/// `base: one of "decimal", "binary" - what it is`, and the properties of a nested object below it.
pub(crate) fn of(schema: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    properties(schema, schema, 0, &mut lines);
    lines
}

fn properties(root: &Value, schema: &Value, level: usize, lines: &mut Vec<String>) {
    let required: Vec<_> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let meant = meant(root, property);
        let optional = if required.contains(&name.as_str()) { "" } else { " (optional)" };
        let default = meant.get("default").or_else(|| property.get("default"));
        let default = default.map(|value| format!(", {value} by default")).unwrap_or_default();
        let about = property.get("description").or_else(|| meant.get("description")).and_then(Value::as_str);
        let about = about.map(|text| format!(" - {}", text.replace('\n', " "))).unwrap_or_default();
        let indent = "  ".repeat(level);
        lines.push(format!("{indent}{name}: {}{default}{optional}{about}", kind(root, meant)));
        if level + 1 < DEPTH {
            self::properties(root, meant, level + 1, lines);
        }
    }
}

/// What stands behind references, and behind the alternative to null.
fn meant<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..DEPTH {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
        let alternatives = schema.get("anyOf").and_then(Value::as_array).map(Vec::as_slice);
        schema = match (target.and_then(|pointer| root.pointer(pointer)), alternatives) {
            (Some(target), _) => target,
            (None, Some([one, null] | [null, one])) if null.get("type").is_some_and(|kind| kind == "null") => one,
            _ => return schema,
        };
    }
    schema
}

fn kind(root: &Value, schema: &Value) -> String {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let mut shown: Vec<_> = values.iter().take(LISTED).map(Value::to_string).collect();
        if values.len() > LISTED {
            shown.push(format!("{} more", values.len() - LISTED));
        }
        return format!("one of {}", shown.join(", "));
    }
    let mut kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    };
    if let Some(items) = schema.get("items").filter(|_| kind == "array") {
        kind = format!("array of {}", self::kind(root, meant(root, items)));
    }
    for (keyword, word) in [("minimum", "at least"), ("maximum", "at most")] {
        if let Some(bound) = schema.get(keyword) {
            kind = format!("{kind}, {word} {bound}");
        }
    }
    kind
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_says_type_bounds_values_and_what_is_inside() {
        let schema = json!({
            "required": ["base"],
            "properties": {
                "base": {"enum": ["decimal", "binary"], "description": "How\nto count."},
                "count": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "default": 5},
                "of": {"$ref": "#/$defs/of"},
            },
            "$defs": {"of": {"type": "object", "properties": {"unit": {"type": "string"}}}},
        });
        assert_eq!(
            of(&schema),
            [
                "base: one of \"decimal\", \"binary\" - How to count.",
                "count: integer, at least 1, 5 by default (optional)",
                "of: object (optional)",
                "  unit: string (optional)",
            ]
        );
    }
}
