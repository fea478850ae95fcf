//! What was typed, as the tool's input.

use serde_json::{Map, Value};

use super::super::posted::Fields;
use super::schema::Shape;
use super::{Property, RAW, properties};

/// Something that was typed and is no value of its kind.
#[derive(Debug, PartialEq)]
pub(in super::super) struct Misfit {
    /// The property; none: the whole input.
    pub(in super::super) property: Option<String>,
    /// What is wrong, for whoever typed it.
    pub(in super::super) message: String,
}

/// The input that `fields` say: what was typed as JSON as it stands, or else the properties one by one.
pub(in super::super) fn read(schema: &Value, fields: &Fields) -> Result<String, Vec<Misfit>> {
    if let Some(raw) = fields.get(RAW) {
        return match serde_json::from_str::<Value>(raw) {
            Ok(_) => Ok(raw.to_owned()),
            Err(error) => Err(vec![Misfit { property: None, message: format!("This is no JSON: {error}.") }]),
        };
    }
    let mut input = Map::new();
    let mut misfits = Vec::new();
    for property in properties(schema).unwrap_or_default() {
        match property.read(fields.get(&property.field_name())) {
            Ok(Some(value)) => drop(input.insert(property.name.to_owned(), value)),
            Ok(None) => {}
            Err(message) => misfits.push(Misfit { property: Some(property.name.to_owned()), message }),
        }
    }
    if misfits.is_empty() { Ok(Value::Object(input).to_string()) } else { Err(misfits) }
}

impl Property<'_> {
    /// The value of what was typed; none where the property is left out.
    fn read(&self, typed: Option<&str>) -> Result<Option<Value>, String> {
        if let Shape::Check = self.shape {
            // A box that nobody ticked says no only where that says something.
            let says = typed.is_some() || self.required || self.default() == Some(&Value::Bool(true));
            return Ok(says.then_some(Value::Bool(typed.is_some())));
        }
        let typed = typed.unwrap_or_default();
        let text = matches!(self.shape, Shape::Line { .. } | Shape::Text { .. });
        if typed.trim().is_empty() && !(text && (self.required || !typed.is_empty())) {
            return if self.required { Err("This is needed.".into()) } else { Ok(None) };
        }
        match self.shape {
            // Browsers send lines as mail has them.
            Shape::Line { .. } | Shape::Text { .. } => Ok(Some(Value::String(typed.replace("\r\n", "\n")))),
            Shape::Number { .. } => match serde_json::from_str::<Value>(typed.trim()) {
                Ok(number @ Value::Number(_)) => Ok(Some(number)),
                _ => Err("This is no number.".into()),
            },
            _ => serde_json::from_str(typed).map(Some).map_err(|error| format!("This is no JSON: {error}.")),
        }
    }
}
