//! From a JSON document to the parameters of a function.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};
use wasmtime::component::Val;

use super::describe::{clipped, listed, shown};
use super::shape::{Cases, Field, Integer, Names, Outcome, Shape, Signature};
use super::{ERR, INFINITY, NAN, NEGATIVE_INFINITY, OK, SOME};

/// What the fields that a document leaves out may take in memory, in bytes: everything else is in proportion to
/// the document, but `{}` may stand for a thousand options. Records that give one field in ten stay under
/// it in a document of 1 MiB.
const ABSENT: usize = 64 << 20;

/// Where a document does not fit the function's parameters, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", if path.is_empty() { "the input" } else { path })]
pub struct InvalidInput {
    /// The place in the document, as a JSON Pointer; empty: the whole of it. For a missing or unknown field,
    /// the object that lacks or has it.
    pub path: String,
    /// What was expected and what was found.
    pub message: String,
}

impl InvalidInput {
    fn here(message: String) -> Self {
        Self { path: String::new(), message }
    }

    fn expected(what: impl std::fmt::Display, found: &Value) -> Self {
        Self::here(format!("expected {what}, found {}", shown(found)))
    }

    fn within(mut self, step: &str) -> Self {
        self.path = format!("/{}{}", step.replace('~', "~0").replace('/', "~1"), self.path);
        self
    }
}

/// The parameters that `input` stands for: an object with a field for each.
///
/// Takes memory in proportion to the document, whose size the caller bounds, and a constant for fields left out.
pub fn from_json(signature: &Signature, input: &Value) -> Result<Vec<Val>, InvalidInput> {
    let params = Reader { absent: ABSENT }.fields(&signature.params, input)?;
    Ok(params.into_iter().map(|(_, value)| value).collect())
}

struct Reader {
    /// Bytes that fields left out may still take.
    absent: usize,
}

type Read<T> = Result<T, InvalidInput>;

impl Reader {
    fn value(&mut self, shape: &Shape, found: &Value) -> Read<Val> {
        let value = match (shape, found) {
            (Shape::Bool, Value::Bool(value)) => Some(Val::Bool(*value)),
            (Shape::Integer(kind), Value::Number(number)) => integer(*kind, number),
            (Shape::Float32, _) => float(found).and_then(narrowed).map(Val::Float32),
            (Shape::Float64, _) => float(found).map(Val::Float64),
            (Shape::Char, Value::String(text)) => only(text.chars()).map(Val::Char),
            (Shape::String, Value::String(text)) => Some(Val::String(text.clone())),
            (Shape::Enum(names), Value::String(name)) => names.place(name).map(|_| Val::Enum(name.clone())),
            (Shape::Bytes, Value::String(text)) => Some(bytes(shape, text, found)?),
            (Shape::List(element), Value::Array(items)) => {
                Some(Val::List(self.items(items, std::iter::repeat(&**element))?))
            }
            (Shape::FixedList(element, length), Value::Array(items)) if items.len() as u64 == u64::from(*length) => {
                Some(Val::FixedLengthList(self.items(items, std::iter::repeat(&**element))?))
            }
            (Shape::Tuple(shapes), Value::Array(items)) if items.len() == shapes.len() => {
                Some(Val::Tuple(self.items(items, shapes)?))
            }
            (Shape::Pairs(pair), Value::Array(items)) => Some(Val::Map(self.pairs(pair, items)?)),
            (Shape::Dictionary(shape), Value::Object(object)) => Some(Val::Map(self.dictionary(shape, object)?)),
            (Shape::Record(fields), Value::Object(_)) => Some(Val::Record(self.fields(fields, found)?)),
            (Shape::Variant(cases), _) => self.variant(cases, found)?,
            (Shape::Flags(names), Value::Array(items)) => Some(Val::Flags(flags(names, items)?)),
            (Shape::Option(_), Value::Null) => Some(Val::Option(None)),
            (Shape::Option(inner), _) => match (&**inner, found) {
                (Shape::Option(_), Value::Object(object)) => match only(object) {
                    Some((name, item)) if name == SOME => Some(Val::Option(self.payload(SOME, Some(inner), item)?)),
                    _ => None,
                },
                (Shape::Option(_), _) => None,
                (plain, _) => Some(Val::Option(Some(Box::new(self.value(plain, found)?)))),
            },
            (Shape::Result(outcome), Value::Object(object)) => {
                let Outcome { ok, err } = &**outcome;
                match only(object).map(|(name, item)| (name.as_str(), item)) {
                    Some((OK, item)) => Some(Val::Result(Ok(self.payload(OK, ok.as_ref(), item)?))),
                    Some((ERR, item)) => Some(Val::Result(Err(self.payload(ERR, err.as_ref(), item)?))),
                    _ => None,
                }
            }
            _ => None,
        };
        value.ok_or_else(|| InvalidInput::expected(shape, found))
    }

    fn fields(&mut self, fields: &[Field], found: &Value) -> Read<Vec<(String, Val)>> {
        let Value::Object(object) = found else {
            return Err(InvalidInput::expected("an object", found));
        };
        let mut values = Vec::new();
        let mut given = 0;
        for field in fields {
            let value = match object.get(&field.name) {
                Some(item) => {
                    given += 1;
                    self.value(&field.shape, item).map_err(|error| error.within(&field.name))?
                }
                None if field.is_optional() => {
                    self.leave_out(&field.name)?;
                    Val::Option(None)
                }
                None => {
                    let message = format!("the field `{}` is missing: expected {}", clipped(&field.name), field.shape);
                    return Err(InvalidInput::here(message));
                }
            };
            values.push((field.name.clone(), value));
        }
        if given == object.len() { Ok(values) } else { Err(unknown_field(fields, object)) }
    }

    fn leave_out(&mut self, name: &str) -> Read<()> {
        let cost = size_of::<(String, Val)>() + name.len();
        self.absent = self.absent.checked_sub(cost).ok_or_else(|| {
            InvalidInput::here(format!(
                "the optional fields that it leaves out would take more than {} MiB; send fewer records at once",
                ABSENT >> 20
            ))
        })?;
        Ok(())
    }

    fn items<'a>(&mut self, items: &[Value], shapes: impl IntoIterator<Item = &'a Shape>) -> Read<Vec<Val>> {
        let read = |(place, (item, shape))| self.value(shape, item).map_err(|error| error.within(&step(place)));
        items.iter().zip(shapes).enumerate().map(read).collect()
    }

    fn pairs(&mut self, pair: &(Shape, Shape), items: &[Value]) -> Read<Vec<(Val, Val)>> {
        let mut read = |item: &Value| match item.as_array().map(Vec::as_slice) {
            Some([key, value]) => Ok((
                self.value(&pair.0, key).map_err(|error| error.within(&step(0)))?,
                self.value(&pair.1, value).map_err(|error| error.within(&step(1)))?,
            )),
            _ => Err(InvalidInput::expected("an array of a key and a value", item)),
        };
        let read = |(place, item)| read(item).map_err(|error| error.within(&step(place)));
        items.iter().enumerate().map(read).collect()
    }

    fn dictionary(&mut self, shape: &Shape, object: &Map<String, Value>) -> Read<Vec<(Val, Val)>> {
        let read = |(key, item): (&String, &Value)| {
            let value = self.value(shape, item).map_err(|error| error.within(&clipped(key)))?;
            Ok((Val::String(key.clone()), value))
        };
        object.iter().map(read).collect()
    }

    fn variant(&mut self, cases: &Cases, found: &Value) -> Read<Option<Val>> {
        let given = match found {
            Value::String(name) => Some((name, None)),
            Value::Object(object) => only(object).map(|(name, item)| (name, Some(item))),
            _ => None,
        };
        let Some((name, payload, item)) = given.and_then(|(name, item)| Some((name, cases.payload(name)?, item)))
        else {
            return Ok(None);
        };
        let value = match (payload, item) {
            (None, None) => None,
            (Some(_), Some(item)) => self.payload(name, payload, item)?,
            (Some(payload), None) => {
                let name = clipped(name);
                let what = format!("{{\"{name}\": …}}, as the case `{name}` has a payload: {payload}");
                return Err(InvalidInput::expected(what, found));
            }
            (None, Some(_)) => {
                let name = clipped(name);
                return Err(InvalidInput::expected(format!("\"{name}\", as the case `{name}` has no payload"), found));
            }
        };
        Ok(Some(Val::Variant(name.clone(), value)))
    }

    fn payload(&mut self, name: &str, shape: Option<&Shape>, item: &Value) -> Read<Option<Box<Val>>> {
        let value = match (shape, item) {
            (Some(shape), _) => self.value(shape, item).map(|value| Some(Box::new(value))),
            (None, Value::Null) => Ok(None),
            (None, _) => Err(InvalidInput::expected("null, as there is no payload", item)),
        };
        value.map_err(|error| error.within(name))
    }
}

/// None: it has a fraction or an exponent, or is out of range.
fn integer(kind: Integer, number: &Number) -> Option<Val> {
    let value = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))?;
    match kind {
        Integer::S8 => value.try_into().ok().map(Val::S8),
        Integer::U8 => value.try_into().ok().map(Val::U8),
        Integer::S16 => value.try_into().ok().map(Val::S16),
        Integer::U16 => value.try_into().ok().map(Val::U16),
        Integer::S32 => value.try_into().ok().map(Val::S32),
        Integer::U32 => value.try_into().ok().map(Val::U32),
        Integer::S64 => value.try_into().ok().map(Val::S64),
        Integer::U64 => value.try_into().ok().map(Val::U64),
    }
}

fn float(found: &Value) -> Option<f64> {
    match found {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            NAN => Some(f64::NAN),
            INFINITY => Some(f64::INFINITY),
            NEGATIVE_INFINITY => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// None: it is finite, but too large to be so as `f32`.
fn narrowed(wide: f64) -> Option<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "the nearest value that f32 has is what is wanted")]
    let narrow = wide as f32;
    (narrow.is_finite() || !wide.is_finite()).then_some(narrow)
}

fn bytes(shape: &Shape, text: &str, found: &Value) -> Read<Val> {
    match STANDARD.decode(text) {
        Ok(bytes) => Ok(Val::List(bytes.into_iter().map(Val::U8).collect())),
        Err(error) => {
            let InvalidInput { path, message } = InvalidInput::expected(shape, found);
            Err(InvalidInput { path, message: format!("{message}: {error}") })
        }
    }
}

/// The names given, each once, in order of declaration.
fn flags(names: &Names, items: &[Value]) -> Read<Vec<String>> {
    let mut set = vec![false; names.len()];
    for (place, item) in items.iter().enumerate() {
        let flag = item.as_str().and_then(|name| set.get_mut(names.place(name)?));
        match flag {
            Some(flag) if !*flag => *flag = true,
            Some(_) => return Err(InvalidInput::expected("each flag once", item).within(&step(place))),
            None => {
                let what = format!("one of {}", listed(names.iter()));
                return Err(InvalidInput::expected(what, item).within(&step(place)));
            }
        }
    }
    Ok(names.iter().zip(set).filter(|(_, set)| *set).map(|(name, _)| name.to_owned()).collect())
}

/// The item of an iterator that has just the one.
fn only<T>(items: impl IntoIterator<Item = T>) -> Option<T> {
    let mut items = items.into_iter();
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

fn step(place: usize) -> String {
    place.to_string()
}

fn unknown_field(fields: &[Field], object: &Map<String, Value>) -> InvalidInput {
    let unknown = object.keys().find(|key| fields.iter().all(|field| field.name != **key));
    let unknown = clipped(unknown.map_or("", String::as_str));
    let known = listed(fields.iter().map(|field| field.name.as_str()));
    InvalidInput::here(format!("there is no field `{unknown}`: expected {known}"))
}
