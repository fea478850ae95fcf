//! JSON Schemas (draft 2020-12) of what a function takes and gives.
//!
//! A document that [`super::from_json`] takes fits the schema; the reverse holds but for what a schema cannot
//! say: that an integer is written without point or exponent, and that base64 is well-formed.

use serde_json::{Map, Value, json};

use super::shape::{Cases, Field, Names, Outcome, Returns, Shape, Signature};
use super::{ERR, INFINITY, NAN, NEGATIVE_INFINITY, OK, SOME};

impl Signature {
    /// The schema of the input: an object with a property for each parameter.
    pub fn input_schema(&self) -> Value {
        object(&self.params)
    }

    /// The schema of the output: none where the function gives no value.
    pub fn output_schema(&self) -> Option<Value> {
        match &self.returns {
            Returns::Nothing => None,
            Returns::Plain(shape) => Some(shape.schema()),
            Returns::Fallible(outcome) => outcome.ok.as_ref().map(Shape::schema),
        }
    }
}

impl Shape {
    fn schema(&self) -> Value {
        match self {
            Self::Bool => json!({"type": "boolean"}),
            Self::Integer(integer) => {
                let (_, least, greatest) = integer.range();
                json!({"type": "integer", "minimum": least, "maximum": greatest})
            }
            Self::Float32 | Self::Float64 => {
                json!({"anyOf": [{"type": "number"}, {"enum": [NAN, INFINITY, NEGATIVE_INFINITY]}]})
            }
            Self::Char => json!({"type": "string", "minLength": 1, "maxLength": 1}),
            Self::String => json!({"type": "string"}),
            Self::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Self::List(element) => json!({"type": "array", "items": element.schema()}),
            Self::FixedList(element, length) => {
                json!({"type": "array", "items": element.schema(), "minItems": length, "maxItems": length})
            }
            Self::Dictionary(value) => json!({"type": "object", "additionalProperties": value.schema()}),
            Self::Pairs(pair) => json!({"type": "array", "items": tuple([&pair.0, &pair.1])}),
            Self::Record(fields) => object(fields),
            Self::Tuple(shapes) => tuple(shapes),
            Self::Variant(cases) => variant(cases),
            Self::Enum(names) => one_of(names),
            Self::Flags(names) => json!({"type": "array", "items": one_of(names), "uniqueItems": true}),
            Self::Option(inner) => {
                let some = match &**inner {
                    Self::Option(_) => single(SOME, inner.schema()),
                    plain => plain.schema(),
                };
                json!({"anyOf": [some, {"type": "null"}]})
            }
            Self::Result(outcome) => {
                let Outcome { ok, err } = &**outcome;
                let (ok, err) = (single(OK, payload(ok.as_ref())), single(ERR, payload(err.as_ref())));
                json!({"oneOf": [ok, err]})
            }
        }
    }
}

fn payload(shape: Option<&Shape>) -> Value {
    shape.map_or_else(|| json!({"type": "null"}), Shape::schema)
}

fn object(fields: &[Field]) -> Value {
    let properties: Map<_, _> = fields.iter().map(|field| (field.name.clone(), field.shape.schema())).collect();
    let required: Vec<_> =
        fields.iter().filter(|field| !field.is_optional()).map(|field| field.name.as_str()).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// An object with just the one property.
fn single(name: &str, schema: Value) -> Value {
    json!({"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": false})
}

fn tuple<'a>(shapes: impl IntoIterator<Item = &'a Shape>) -> Value {
    let items: Vec<_> = shapes.into_iter().map(Shape::schema).collect();
    json!({"type": "array", "minItems": items.len(), "prefixItems": items, "items": false})
}

fn one_of(names: &Names) -> Value {
    json!({"type": "string", "enum": names.iter().collect::<Vec<_>>()})
}

fn variant(cases: &Cases) -> Value {
    let bare: Vec<_> = cases.iter().filter(|(_, payload)| payload.is_none()).map(|(name, _)| name).collect();
    let mut branches = Vec::new();
    if !bare.is_empty() {
        branches.push(json!({"type": "string", "enum": bare}));
    }
    branches.extend(cases.iter().filter_map(|(name, payload)| Some(single(name, payload?.schema()))));
    json!({"oneOf": branches})
}
