//! What messages say of types and of what was found: short, whatever a document or a component holds.

use std::fmt::{self, Display, Formatter, Write as _};

use serde_json::Value;

use super::shape::Shape;
use super::{ERR, INFINITY, NAN, NEGATIVE_INFINITY, OK, SOME};

/// How much of a string a message shows, in characters.
const SHOWN: usize = 40;

/// How many names a message lists.
const LISTED: usize = 12;

/// What a document is to hold, in a few words.
impl Display for Shape {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => out.write_str("true or false"),
            Self::Integer(integer) => {
                let (name, least, greatest) = integer.range();
                write!(out, "an integer from {least} to {greatest} ({name})")
            }
            Self::Float32 => {
                write!(out, "a number that f32 holds, \"{NAN}\", \"{INFINITY}\" or \"{NEGATIVE_INFINITY}\"")
            }
            Self::Float64 => write!(out, "a number, \"{NAN}\", \"{INFINITY}\" or \"{NEGATIVE_INFINITY}\""),
            Self::Char => out.write_str("a string of one character"),
            Self::String => out.write_str("a string"),
            Self::Bytes => out.write_str("a base64 string (standard alphabet, padded)"),
            Self::List(_) => out.write_str("an array"),
            Self::FixedList(_, length) => write!(out, "an array of {length}"),
            Self::Tuple(shapes) => write!(out, "an array of {}", shapes.len()),
            Self::Pairs(_) => out.write_str("an array of pairs"),
            Self::Dictionary(_) | Self::Record(_) => out.write_str("an object"),
            Self::Enum(names) => write!(out, "one of {}", listed(names.iter())),
            Self::Flags(names) => write!(out, "an array of {}", listed(names.iter())),
            Self::Variant(cases) => {
                let names = listed(cases.names.iter());
                write!(out, "a case as a string, or as an object of the case and its payload: one of {names}")
            }
            Self::Option(inner) => match &**inner {
                Self::Option(_) => write!(out, "{{\"{SOME}\": …}} or null"),
                plain => write!(out, "{plain}, or null"),
            },
            Self::Result(_) => write!(out, "{{\"{OK}\": …}} or {{\"{ERR}\": …}}"),
        }
    }
}

/// What was found.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("the string {:?}", clipped(text)),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(object) => format!("an object of {}", listed(object.keys().map(String::as_str))),
    }
}

/// The beginning of `text`.
pub(super) fn clipped(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The first of `names`.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut list = String::new();
    for (place, name) in names.enumerate() {
        if place == LISTED {
            list.push_str(", …");
            break;
        }
        let comma = if place == 0 { "" } else { ", " };
        // Writing into a string cannot fail.
        let _ = write!(list, "{comma}`{}`", clipped(name));
    }
    if list.is_empty() { "nothing".to_owned() } else { list }
}
