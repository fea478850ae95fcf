use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};
use wasmtime::component::{Type, Val};

use super::is_bytes;

/// Why a call gave no JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum ReturnedError {
    /// The function gave `err`; its payload, or null.
    Err(Value),
    /// The JSON would be over the cap.
    TooLarge,
}

/// A function whose only result is a `result` gives the `ok` value itself.
pub(super) fn returned(ty: &Type, value: &Val, cap: u64) -> Result<Value, ReturnedError> {
    let mut room = Room(cap);
    let payload = |ty: Option<Type>, value: &Option<Box<Val>>, room: &mut Room| match (ty, value) {
        (Some(ty), Some(value)) => json(&ty, value, room),
        _ => Ok(Value::Null),
    };
    match (ty, value) {
        (Type::Result(types), Val::Result(Ok(value))) => payload(types.ok(), value, &mut room),
        (Type::Result(types), Val::Result(Err(value))) => {
            Err(ReturnedError::Err(payload(types.err(), value, &mut room)?))
        }
        _ => json(ty, value, &mut room),
    }
}

/// What is left of the cap, in bytes of JSON.
struct Room(u64);

impl Room {
    fn take(&mut self, bytes: usize) -> Result<(), ReturnedError> {
        self.0 = self.0.checked_sub(bytes as u64).ok_or(ReturnedError::TooLarge)?;
        Ok(())
    }
}

fn json(ty: &Type, value: &Val, room: &mut Room) -> Result<Value, ReturnedError> {
    // Brackets, quotes or digits, and the comma: what every value takes at least.
    room.take(2)?;
    Ok(match (ty, value) {
        (_, Val::Bool(bool)) => Value::Bool(*bool),
        (_, Val::S8(number)) => Value::from(*number),
        (_, Val::U8(number)) => Value::from(*number),
        (_, Val::S16(number)) => Value::from(*number),
        (_, Val::U16(number)) => Value::from(*number),
        (_, Val::S32(number)) => Value::from(*number),
        (_, Val::U32(number)) => Value::from(*number),
        (_, Val::S64(number)) => Value::from(*number),
        (_, Val::U64(number)) => Value::from(*number),
        (_, Val::Float32(float)) => float32(*float),
        (_, Val::Float64(float)) => float64(*float),
        (_, Val::Char(char)) => Value::String(char.to_string()),
        (_, Val::String(text)) => string(text, room)?,
        (Type::List(list), Val::List(items)) if is_bytes(list) => {
            room.take(items.len().div_ceil(3).saturating_mul(4))?;
            let bytes: Vec<u8> = items.iter().map(|item| if let Val::U8(byte) = item { *byte } else { 0 }).collect();
            Value::String(STANDARD.encode(bytes))
        }
        (Type::List(list), Val::List(items)) => array(&list.ty(), items, room)?,
        (Type::FixedLengthList(list), Val::FixedLengthList(items)) => array(&list.ty(), items, room)?,
        (Type::Record(record), Val::Record(fields)) => {
            let mut object = Map::new();
            for (field, (name, value)) in record.fields().zip(fields) {
                room.take(name.len() + 3)?;
                object.insert(name.clone(), json(&field.ty, value, room)?);
            }
            Value::Object(object)
        }
        (Type::Tuple(tuple), Val::Tuple(items)) => {
            let items = tuple.types().zip(items).map(|(ty, item)| json(&ty, item, room));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        (_, Val::Enum(name)) => string(name, room)?,
        (_, Val::Flags(names)) => {
            let names = names.iter().map(|name| string(name, room));
            Value::Array(names.collect::<Result<_, _>>()?)
        }
        (_, Val::Option(None)) => Value::Null,
        (Type::Option(option), Val::Option(Some(value))) => {
            let inner = option.ty();
            let value = json(&inner, value, room)?;
            // An option inside an option: null would not say which of the two is empty.
            if matches!(inner, Type::Option(_)) { single("some", value, room)? } else { value }
        }
        (Type::Variant(variant), Val::Variant(name, payload)) => {
            let ty = variant.cases().find(|case| case.name == name.as_str()).and_then(|case| case.ty);
            match (ty, payload) {
                (Some(ty), Some(payload)) => {
                    let payload = json(&ty, payload, room)?;
                    single(name, payload, room)?
                }
                _ => string(name, room)?,
            }
        }
        (Type::Result(types), Val::Result(result)) => {
            let (name, ty, payload) = match result {
                Ok(payload) => ("ok", types.ok(), payload),
                Err(payload) => ("err", types.err(), payload),
            };
            let payload = match (ty, payload) {
                (Some(ty), Some(payload)) => json(&ty, payload, room)?,
                _ => Value::Null,
            };
            single(name, payload, room)?
        }
        // wasmtime gives values of the types it was asked for; `Signature` keeps the others out.
        _ => Value::Null,
    })
}

fn array(ty: &Type, items: &[Val], room: &mut Room) -> Result<Value, ReturnedError> {
    Ok(Value::Array(items.iter().map(|item| json(ty, item, room)).collect::<Result<_, _>>()?))
}

fn string(text: &str, room: &mut Room) -> Result<Value, ReturnedError> {
    room.take(text.len())?;
    Ok(Value::String(text.to_owned()))
}

fn single(name: &str, value: Value, room: &mut Room) -> Result<Value, ReturnedError> {
    room.take(name.len() + 5)?;
    Ok(Value::Object(Map::from_iter([(name.to_owned(), value)])))
}

fn float64(float: f64) -> Value {
    match Number::from_f64(float) {
        Some(number) => Value::Number(number),
        None if float.is_nan() => Value::from("NaN"),
        None if float > 0.0 => Value::from("Infinity"),
        None => Value::from("-Infinity"),
    }
}

/// The shortest text that gives the same 32-bit float again: 0.1, not 0.10000000149011612.
fn float32(float: f32) -> Value {
    float64(float.to_string().parse().unwrap_or(f64::from(float)))
}
