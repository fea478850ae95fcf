//! JSON in and out of the interpreter.
//!
//! Promises documents that any JSON reader takes: NaN becomes null and infinities the largest number, as in jq; bytes
//! that are no text are replaced; what nests deeper than [`MAX_DEPTH`] or has keys that are no text is refused.

use jaq_json::{Num, Val};
use serde::Deserialize as _;
use serde_json::{Map, Number, Value};

use crate::Error;

/// Nesting of a result; JSON readers commonly stop here.
pub(crate) const MAX_DEPTH: usize = 128;
/// Whole numbers up to this size are exact in a float, and printed without a point.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A value for the interpreter.
pub(crate) fn from_json(value: &Value) -> Result<Val, Error> {
    Val::deserialize(value).map_err(|error| Error::Text(error.to_string()))
}

/// All the values of a text, which may hold any number of them.
pub(crate) fn from_text(text: &str) -> Result<Vec<Val>, Error> {
    let values = serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>();
    values.map_err(|error| Error::Text(error.to_string()))
}

/// A value of the interpreter as JSON.
pub(crate) fn to_json(value: &Val) -> Result<Value, Error> {
    nested(value, MAX_DEPTH)
}

fn nested(value: &Val, depth: usize) -> Result<Value, Error> {
    let Some(deeper) = depth.checked_sub(1) else { return Err(Error::Depth) };
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(it) => Value::Bool(*it),
        Val::Num(it) => number(it),
        Val::BStr(bytes) | Val::TStr(bytes) => Value::String(String::from_utf8_lossy(bytes).into_owned()),
        Val::Arr(items) => Value::Array(items.iter().map(|item| nested(item, deeper)).collect::<Result<_, _>>()?),
        Val::Obj(entries) => {
            let entry = |(key, value): (&Val, &Val)| match key {
                Val::BStr(key) | Val::TStr(key) => {
                    Ok((String::from_utf8_lossy(key).into_owned(), nested(value, deeper)?))
                }
                other => Err(Error::Key(other.to_string())),
            };
            Value::Object(entries.iter().map(entry).collect::<Result<Map<_, _>, _>>()?)
        }
    })
}

fn number(number: &Num) -> Value {
    match number {
        Num::Int(it) => Value::from(*it as i64),
        Num::BigInt(it) => parsed(&it.to_string()),
        Num::Float(it) => float(*it),
        Num::Dec(text) => parsed(text),
    }
}

/// A number from its digits: exact as a 64-bit integer, else the nearest float.
fn parsed(digits: &str) -> Value {
    let signed = digits.parse::<i64>().map(Value::from);
    let unsigned = || digits.parse::<u64>().map(Value::from);
    signed.or_else(|_| unsigned()).unwrap_or_else(|_| float(digits.parse().unwrap_or(f64::NAN)))
}

fn float(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < EXACT && !(number == 0.0 && number.is_sign_negative()) {
        return Value::from(number as i64);
    }
    let finite = if number.is_infinite() { f64::MAX.copysign(number) } else { number };
    Number::from_f64(finite).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use serde_json::json;

    use super::*;

    #[test]
    fn json_survives_the_way_in_and_out() {
        let value = json!({"b": [1, -2.5, true, null, "é"], "a": {"x": u64::MAX, "y": i64::MIN, "z": 1e300}});
        assert_eq!(to_json(&from_json(&value).unwrap()).unwrap(), value);
    }

    #[test]
    fn numbers_that_json_lacks_become_those_of_jq() {
        assert_eq!(float(f64::NAN), Value::Null);
        assert_eq!(float(f64::NEG_INFINITY), json!(-f64::MAX));
        assert_eq!((float(3.0), float(1e17)), (json!(3), json!(1e17)));
        assert_eq!(parsed("123456789012345678901234567890"), json!(1.2345678901234568e29));
    }

    #[test]
    fn a_text_may_hold_several_values() {
        assert_eq!(from_text("1 {\"a\":2}\n[3]\n").unwrap().len(), 3);
        assert_eq!(from_text("  ").unwrap().len(), 0);
        assert!(from_text("{\"a\":").unwrap_err().to_string().contains("line 1 column 5"));
    }

    #[test]
    fn nesting_has_an_end_in_both_directions() {
        assert!(from_text(&"[".repeat(100_000)).is_err());
        let deep = (0..MAX_DEPTH + 1).fold(Val::Null, |inner, _| [inner].into_iter().collect());
        assert!(matches!(to_json(&deep), Err(Error::Depth)));
    }
}
