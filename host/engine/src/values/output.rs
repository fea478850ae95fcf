//! From what a function returned to a JSON document.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Number, Value};
use wasmtime::component::Val;

use super::shape::{Field, Outcome, Returns, Shape, Signature};
use super::{ERR, INFINITY, NAN, NEGATIVE_INFINITY, OK, SOME};

/// Why a call that returned gives no value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReturnedError {
    /// The function's only result is a `result`, and it was `err`: its payload, or null where it has none.
    #[error("the function gave the error {0}")]
    Err(Value),
    /// The JSON would be longer than the cap.
    #[error("what the function gave is longer as JSON than `limits.output` allows")]
    TooLarge,
    /// The values are not of the signature: they came from another function. The host's own fault.
    #[error("the values are not of the function's declared type")]
    Foreign,
}

/// The JSON of what a function returned, at most `cap` bytes of it; null where it gives no value.
///
/// The length is that without whitespace, and is counted as the document grows: what is over the cap is given
/// up before it takes more memory than that.
pub fn to_json(signature: &Signature, results: &[Val], cap: u64) -> Result<Value, ReturnedError> {
    let mut writer = Writer { left: cap };
    match (&signature.returns, results) {
        (Returns::Nothing, []) => writer.scalar(Value::Null),
        (Returns::Plain(shape), [value]) => writer.value(shape, value),
        (Returns::Fallible(Outcome { ok, err }), [Val::Result(result)]) => match result {
            Ok(value) => writer.payload(ok.as_ref(), value.as_deref()),
            Err(value) => Err(ReturnedError::Err(writer.payload(err.as_ref(), value.as_deref())?)),
        },
        _ => Err(ReturnedError::Foreign),
    }
}

struct Writer {
    /// Bytes that may still be written.
    left: u64,
}

type Written = Result<Value, ReturnedError>;

impl Writer {
    fn value(&mut self, shape: &Shape, value: &Val) -> Written {
        match (shape, value) {
            (Shape::Bool, Val::Bool(value)) => self.scalar((*value).into()),
            (Shape::Integer(_), Val::S8(value)) => self.scalar((*value).into()),
            (Shape::Integer(_), Val::U8(value)) => self.scalar((*value).into()),
            (Shape::Integer(_), Val::S16(value)) => self.scalar((*value).into()),
            (Shape::Integer(_), Val::U16(value)) => self.scalar((*value).into()),
            (Shape::Integer(_), Val::S32(value)) => self.scalar((*value).into()),
            (Shape::Integer(_), Val::U32(value)) => self.scalar((*value).into()),
            (Shape::Integer(_), Val::S64(value)) => self.scalar((*value).into()),
            (Shape::Integer(_), Val::U64(value)) => self.scalar((*value).into()),
            (Shape::Float32, Val::Float32(value)) => self.scalar(float(widened(*value))),
            (Shape::Float64, Val::Float64(value)) => self.scalar(float(*value)),
            (Shape::Char, Val::Char(value)) => self.scalar(value.to_string().into()),
            (Shape::String, Val::String(value)) => self.string(value),
            (Shape::Enum(_), Val::Enum(name)) => self.string(name),
            (Shape::Bytes, Val::List(bytes)) => self.bytes(bytes),
            (Shape::List(element), Val::List(values))
            | (Shape::FixedList(element, _), Val::FixedLengthList(values)) => {
                self.array(values, |writer, value| writer.value(element, value))
            }
            (Shape::Tuple(shapes), Val::Tuple(values)) if shapes.len() == values.len() => {
                self.array(shapes.iter().zip(values), |writer, (shape, value)| writer.value(shape, value))
            }
            (Shape::Flags(_), Val::Flags(names)) => self.array(names, |writer, name| writer.string(name)),
            (Shape::Pairs(pair), Val::Map(entries)) => self.array(entries, |writer, entry| {
                let sides = [(&pair.0, &entry.0), (&pair.1, &entry.1)];
                writer.array(sides, |writer, (shape, value)| writer.value(shape, value))
            }),
            (Shape::Dictionary(shape), Val::Map(entries)) => self.object(entries, |writer, (key, value)| match key {
                Val::String(key) => Ok((key, writer.value(shape, value)?)),
                _ => Err(ReturnedError::Foreign),
            }),
            (Shape::Record(fields), Val::Record(values)) if fields.len() == values.len() => {
                self.object(fields.iter().zip(values), |writer, (Field { name, shape }, (given, value))| {
                    if name != given {
                        return Err(ReturnedError::Foreign);
                    }
                    Ok((name, writer.value(shape, value)?))
                })
            }
            (Shape::Variant(cases), Val::Variant(name, value)) => {
                match (cases.payload(name).ok_or(ReturnedError::Foreign)?, value.as_deref()) {
                    (None, None) => self.string(name),
                    (payload, value) => self.single(name, payload, value),
                }
            }
            (Shape::Option(_), Val::Option(None)) => self.scalar(Value::Null),
            (Shape::Option(inner), Val::Option(Some(value))) => match &**inner {
                Shape::Option(_) => self.single(SOME, Some(inner), Some(value)),
                plain => self.value(plain, value),
            },
            (Shape::Result(outcome), Val::Result(Ok(value))) => self.single(OK, outcome.ok.as_ref(), value.as_deref()),
            (Shape::Result(outcome), Val::Result(Err(value))) => {
                self.single(ERR, outcome.err.as_ref(), value.as_deref())
            }
            _ => Err(ReturnedError::Foreign),
        }
    }

    fn payload(&mut self, shape: Option<&Shape>, value: Option<&Val>) -> Written {
        match (shape, value) {
            (None, None) => self.scalar(Value::Null),
            (Some(shape), Some(value)) => self.value(shape, value),
            _ => Err(ReturnedError::Foreign),
        }
    }

    fn array<I: IntoIterator>(&mut self, items: I, mut write: impl FnMut(&mut Self, I::Item) -> Written) -> Written {
        self.spend(2)?;
        let mut array = Vec::new();
        for item in items {
            if !array.is_empty() {
                self.spend(1)?;
            }
            array.push(write(self, item)?);
        }
        Ok(Value::Array(array))
    }

    fn object<'a, I: IntoIterator>(
        &mut self,
        entries: I,
        mut write: impl FnMut(&mut Self, I::Item) -> Result<(&'a String, Value), ReturnedError>,
    ) -> Written {
        self.spend(2)?;
        let mut object = Map::new();
        for entry in entries {
            if !object.is_empty() {
                self.spend(1)?;
            }
            let (name, value) = write(self, entry)?;
            self.count(name)?;
            self.spend(1)?;
            object.insert(name.clone(), value);
        }
        Ok(Value::Object(object))
    }

    /// An object of one entry.
    fn single(&mut self, name: &str, shape: Option<&Shape>, value: Option<&Val>) -> Written {
        let name = name.to_owned();
        self.object([()], |writer, ()| Ok((&name, writer.payload(shape, value)?)))
    }

    fn bytes(&mut self, values: &[Val]) -> Written {
        let encoded = base64::encoded_len(values.len(), true).and_then(|length| u64::try_from(length).ok());
        self.spend(encoded.and_then(|length| length.checked_add(2)).ok_or(ReturnedError::TooLarge)?)?;
        let byte = |value: &Val| match value {
            Val::U8(byte) => Ok(*byte),
            _ => Err(ReturnedError::Foreign),
        };
        let bytes: Vec<u8> = values.iter().map(byte).collect::<Result<_, _>>()?;
        Ok(Value::String(STANDARD.encode(bytes)))
    }

    fn string(&mut self, text: &str) -> Written {
        self.count(text)?;
        Ok(Value::String(text.to_owned()))
    }

    fn scalar(&mut self, value: Value) -> Written {
        self.count(&value)?;
        Ok(value)
    }

    /// Spends what `value` takes as JSON.
    fn count(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), ReturnedError> {
        // Writing into a counter fails for want of room only.
        serde_json::to_writer(Counter(self), value).map_err(|_| ReturnedError::TooLarge)
    }

    fn spend(&mut self, bytes: u64) -> Result<(), ReturnedError> {
        self.left = self.left.checked_sub(bytes).ok_or(ReturnedError::TooLarge)?;
        Ok(())
    }
}

/// Takes text and keeps its length only.
struct Counter<'a>(&'a mut Writer);

impl Write for Counter<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.spend(text.len() as u64).map_err(io::Error::other)?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn float(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => NAN.into(),
        None if value > 0.0 => INFINITY.into(),
        None => NEGATIVE_INFINITY.into(),
    }
}

/// The double whose shortest decimal is that of `value`: 0.1, not 0.10000000149011612. Falls back to the
/// exact double where that decimal would not lead back to `value`.
fn widened(value: f32) -> f64 {
    let exact = f64::from(value);
    #[expect(clippy::cast_possible_truncation, reason = "the comparison tells whether it lost anything")]
    let leads_back = |wide: &f64| (*wide as f32).to_bits() == value.to_bits();
    format!("{value:e}").parse().ok().filter(leads_back).unwrap_or(exact)
}
