//! What must hold of JSON documents and values of whatever type, for fuzzing.
//!
//! Contract: any bytes are a type and a document that fits it or is refused with its place; what breaks a promise of
//! [`super`] panics with the document. Nothing of a host calls this. Price: a walk for each of the conversions, each in
//! proportion to the bytes.

use serde_json::{Value, json};

use super::shape::{Cases, DEEPEST, Field, Integer, Outcome, Returns, Shape, Signature};
use super::{from_json, to_json};

/// Longest message of an error, in characters: a dozen names of what was expected, and of what was found.
const LONGEST_MESSAGE: usize = 1_200;

/// By how much a number may differ that went through an `f32`, in proportion, and next to zero, where it is `f32`'s least.
const SINGLE: f64 = 1e-7;
const LEAST_SINGLE: f64 = 1e-45;

/// Takes the first line as a type, in the notation of [`Reader`], and the rest as a document.
pub fn fuzz_values(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let shape = Reader(parts.next().unwrap_or_default()).shape(DEEPEST);
    let Ok(value) = serde_json::from_slice::<Value>(parts.next().unwrap_or_default()) else { return };
    let params = vec![Field { name: "v".to_owned(), shape: shape.clone() }];
    let signature = Signature { params, returns: Returns::Plain(shape) };
    let _ = (signature.input_schema(), signature.output_schema());

    let params = match from_json(&signature, &json!({ "v": value })) {
        Ok(params) => params,
        Err(error) => {
            assert!(error.path == "/v" || error.path.starts_with("/v/"), "{error:?}");
            assert!(error.message.chars().count() <= LONGEST_MESSAGE, "{error:?}");
            return;
        }
    };
    let written = to_json(&signature, &params, u64::MAX);
    assert!(written.is_ok(), "{value} was taken, and not given back: {written:?}");
    let Ok(written) = written else { return };
    assert!(is_kept(&value, &written), "{value} became {written}");
    assert_eq!(from_json(&signature, &json!({ "v": written })).as_ref(), Ok(&params), "{value} and {written}");
    let length = written.to_string().len() as u64;
    assert_eq!(to_json(&signature, &params, length).as_ref(), Ok(&written));
    assert!(to_json(&signature, &params, length.saturating_sub(1)).is_err(), "{written} has {length} bytes");
}

/// Does `written` say all that `given` does? Flags may stand in another order, fields that were left out be null, and
/// floats be rounded.
fn is_kept(given: &Value, written: &Value) -> bool {
    match (given, written) {
        (Value::Object(given), Value::Object(written)) => {
            given.keys().all(|key| written.contains_key(key))
                && written
                    .iter()
                    .all(|(key, value)| given.get(key).map_or(value.is_null(), |given| is_kept(given, value)))
        }
        (Value::Array(given), Value::Array(written)) if given.len() == written.len() => {
            given.iter().zip(written).all(|(given, written)| is_kept(given, written))
                || (given.iter().all(Value::is_string) && given.iter().all(|name| written.contains(name)))
        }
        (Value::Number(exact), Value::Number(float)) if float.is_f64() => {
            let (exact, float) = (exact.as_f64().unwrap_or(f64::NAN), float.as_f64().unwrap_or(f64::NAN));
            (exact - float).abs() <= exact.abs() * SINGLE + LEAST_SINGLE
        }
        _ => given == written,
    }
}

/// Bytes that stand for types, each before what it is made of.
///
/// `b` bool, `1` to `4` u8 to u64, `5` to `8` s8 to s64, `f` f32, `d` f64, `c` char, `x` list<u8>, `L` list, `F` list with
/// a digit for its length, `M` map<string, …>, `P` map by anything else, `O` option, `Q` result; with a digit for how
/// many: `R` record, `T` tuple, `V` variant, `E` enum, `G` flags. `_` is an absent payload. Everything else is a string.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn shape(&mut self, deep: usize) -> Shape {
        let Some(deep) = deep.checked_sub(1) else { return Shape::Bool };
        match self.byte() {
            b'b' => Shape::Bool,
            b'1' => Shape::Integer(Integer::U8),
            b'2' => Shape::Integer(Integer::U16),
            b'3' => Shape::Integer(Integer::U32),
            b'4' => Shape::Integer(Integer::U64),
            b'5' => Shape::Integer(Integer::S8),
            b'6' => Shape::Integer(Integer::S16),
            b'7' => Shape::Integer(Integer::S32),
            b'8' => Shape::Integer(Integer::S64),
            b'f' => Shape::Float32,
            b'd' => Shape::Float64,
            b'c' => Shape::Char,
            b'x' => Shape::Bytes,
            b'L' => match self.shape(deep) {
                // As a component's type is read.
                Shape::Integer(Integer::U8) => Shape::Bytes,
                element => Shape::List(Box::new(element)),
            },
            b'F' => {
                let length = self.count();
                Shape::FixedList(Box::new(self.shape(deep)), u32::from(length))
            }
            b'M' => Shape::Dictionary(Box::new(self.shape(deep))),
            b'P' => Shape::Pairs(Box::new((self.shape(deep), self.shape(deep)))),
            b'O' => Shape::Option(Box::new(self.shape(deep))),
            b'Q' => Shape::Result(Box::new(Outcome { ok: self.payload(deep), err: self.payload(deep) })),
            b'R' => Shape::Record(
                (0..self.count()).map(|place| Field { name: name(place), shape: self.shape(deep) }).collect(),
            ),
            b'T' => Shape::Tuple((0..self.count()).map(|_| self.shape(deep)).collect()),
            b'V' => {
                let count = self.count();
                Shape::Variant(Cases {
                    names: (0..count).map(name).collect(),
                    payloads: (0..count).map(|_| self.payload(deep)).collect(),
                })
            }
            b'E' => Shape::Enum((0..self.count()).map(name).collect()),
            b'G' => Shape::Flags((0..self.count()).map(name).collect()),
            _ => Shape::String,
        }
    }

    fn payload(&mut self, deep: usize) -> Option<Shape> {
        if let Some(rest) = self.0.strip_prefix(b"_") {
            self.0 = rest;
            return None;
        }
        Some(self.shape(deep))
    }

    /// From one to seven.
    fn count(&mut self) -> u8 {
        (self.byte() & 7).max(1)
    }

    /// Zero behind the end.
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }
}

/// Fields, cases and flags by their place, named as the keys that documents have of themselves.
fn name(place: u8) -> String {
    match place {
        0 => "ok".to_owned(),
        1 => "err".to_owned(),
        2 => "some".to_owned(),
        _ => format!("n{place}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_corpus_is_replayed() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/values");
        let files: Vec<_> = fs::read_dir(&corpus).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty(), "{} is empty", corpus.display());
        for file in files {
            println!("{}", file.display());
            fuzz_values(&fs::read(file).unwrap());
        }
    }

    #[test]
    fn what_is_lost_on_the_way_is_seen() {
        for (given, written, kept) in [
            (json!({"a": 1}), json!({"a": 1, "b": null}), true),
            (json!({"a": 1}), json!({}), false),
            (json!({"a": 1}), json!({"a": 1, "b": 2}), false),
            (json!(["x", "y"]), json!(["y", "x"]), true),
            (json!(["x", "y"]), json!(["x", "z"]), false),
            (json!([1, 2]), json!([2, 1]), false),
            (json!(u64::MAX), json!(u64::MAX - 1), false),
            (json!(16_777_217), json!(16_777_216.0), true),
            (json!(0.1), json!(0.2), false),
        ] {
            assert_eq!(is_kept(&given, &written), kept, "{given} as {written}");
        }
    }
}
