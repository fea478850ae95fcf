use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use wasmtime::component::{Type, Val};

use super::is_bytes;

/// What of a value an error shows, in characters.
const SHOWN: usize = 40;

/// Input that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct InvalidInput {
    /// Where, as a JSON Pointer; empty: the document itself.
    pub path: String,
    /// What was expected and what was found.
    pub message: String,
}

/// A place in the document, built only when it is needed.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl Path<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Field(parent, name) => {
                format!("{}/{}", parent.pointer(), name.replace('~', "~0").replace('/', "~1"))
            }
            Self::Item(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }

    fn expected(&self, what: &str, found: &Value) -> InvalidInput {
        let mut shown = found.to_string();
        if let Some((cut, _)) = shown.char_indices().nth(SHOWN) {
            shown.truncate(cut);
            shown.push('…');
        }
        self.invalid(format!("expected {what}, found {shown}"))
    }

    fn invalid(&self, message: String) -> InvalidInput {
        InvalidInput { path: self.pointer(), message }
    }
}

pub(super) fn arguments(params: &[(String, Type)], input: &Value) -> Result<Vec<Val>, InvalidInput> {
    let fields = params.iter().map(|(name, ty)| (name.as_str(), ty.clone()));
    Ok(fields_of(Path::Root, fields, input)?.into_iter().map(|(_, value)| value).collect())
}

/// The fields of an object, each of its type. Absent means null; unknown ones are refused.
fn fields_of<'t>(
    path: Path<'_>,
    types: impl ExactSizeIterator<Item = (&'t str, Type)>,
    json: &Value,
) -> Result<Vec<(String, Val)>, InvalidInput> {
    let Value::Object(object) = json else {
        return Err(path.expected("an object", json));
    };
    let mut values = Vec::with_capacity(types.len());
    for (name, ty) in types {
        let place = Path::Field(&path, name);
        let value = match object.get(name) {
            Some(json) => value(place, &ty, json)?,
            None if matches!(ty, Type::Option(_)) => Val::Option(None),
            None => return Err(place.invalid("is missing".into())),
        };
        values.push((name.to_owned(), value));
    }
    if let Some(unknown) = object.keys().find(|key| !values.iter().any(|(name, _)| name == *key)) {
        let known: Vec<_> = values.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Path::Field(&path, unknown).invalid(format!("is unknown; there is {}", known.join(", "))));
    }
    Ok(values)
}

fn items(path: Path<'_>, ty: &Type, json: &Value) -> Result<Vec<Val>, InvalidInput> {
    let Value::Array(items) = json else {
        return Err(path.expected("an array", json));
    };
    items.iter().enumerate().map(|(index, item)| value(Path::Item(&path, index), ty, item)).collect()
}

// The depth of recursion is the document's, which the parser bounds, or the type's, which `Signature` does.
fn value(path: Path<'_>, ty: &Type, json: &Value) -> Result<Val, InvalidInput> {
    Ok(match ty {
        Type::Bool => Val::Bool(json.as_bool().ok_or_else(|| path.expected("true or false", json))?),
        Type::S8 => Val::S8(integer(path, json)?),
        Type::U8 => Val::U8(integer(path, json)?),
        Type::S16 => Val::S16(integer(path, json)?),
        Type::U16 => Val::U16(integer(path, json)?),
        Type::S32 => Val::S32(integer(path, json)?),
        Type::U32 => Val::U32(integer(path, json)?),
        Type::S64 => Val::S64(integer(path, json)?),
        Type::U64 => Val::U64(integer(path, json)?),
        Type::Float32 => Val::Float32(float32(path, json)?),
        Type::Float64 => Val::Float64(float64(path, json)?),
        Type::Char => {
            let mut chars = json.as_str().unwrap_or_default().chars();
            match (chars.next(), chars.next()) {
                (Some(char), None) => Val::Char(char),
                _ => return Err(path.expected("a string of one character", json)),
            }
        }
        Type::String => Val::String(text(path, "a string", json)?.to_owned()),
        Type::List(list) if is_bytes(list) => {
            let bytes = STANDARD.decode(text(path, "bytes in base64", json)?);
            let bytes = bytes.map_err(|_| path.expected("bytes in base64, with padding", json))?;
            Val::List(bytes.into_iter().map(Val::U8).collect())
        }
        Type::List(list) => Val::List(items(path, &list.ty(), json)?),
        Type::FixedLengthList(list) => {
            let values = items(path, &list.ty(), json)?;
            if values.len() != list.len() as usize {
                return Err(path.invalid(format!("expected {} items, found {}", list.len(), values.len())));
            }
            Val::FixedLengthList(values)
        }
        Type::Record(record) => {
            Val::Record(fields_of(path, record.fields().map(|field| (field.name, field.ty)), json)?)
        }
        Type::Tuple(tuple) => {
            let Value::Array(items) = json else {
                return Err(path.expected("an array", json));
            };
            if items.len() != tuple.types().len() {
                return Err(path.invalid(format!("expected {} items, found {}", tuple.types().len(), items.len())));
            }
            let values = tuple.types().zip(items).enumerate();
            Val::Tuple(values.map(|(index, (ty, item))| value(Path::Item(&path, index), &ty, item)).collect::<Result<_, _>>()?)
        }
        Type::Enum(names) => {
            let given = json.as_str().unwrap_or_default();
            if !names.names().any(|name| name == given) {
                return Err(path.expected(&one_of(names.names()), json));
            }
            Val::Enum(given.to_owned())
        }
        Type::Flags(flags) => flags_of(path, flags, json)?,
        Type::Option(option) => option_of(path, option, json)?,
        Type::Variant(variant) => {
            let (name, payload) = case(path, &one_of(variant.cases().map(|case| case.name)), json)?;
            let Some(known) = variant.cases().find(|case| case.name == name) else {
                return Err(path.expected(&one_of(variant.cases().map(|case| case.name)), json));
            };
            let payload = match (known.ty, payload) {
                (None, None) => None,
                (Some(ty), Some(json)) => Some(Box::new(value(Path::Field(&path, name), &ty, json)?)),
                (Some(_), None) => return Err(path.invalid(format!("the case `{name}` has a payload: {{\"{name}\": …}}"))),
                (None, Some(_)) => return Err(path.invalid(format!("the case `{name}` has no payload: \"{name}\""))),
            };
            Val::Variant(name.to_owned(), payload)
        }
        Type::Result(result) => {
            let wanted = "{\"ok\": …} or {\"err\": …}";
            let (name, payload) = case(path, wanted, json)?;
            let ty = match name {
                "ok" => result.ok(),
                "err" => result.err(),
                _ => return Err(path.expected(wanted, json)),
            };
            let place = Path::Field(&path, name);
            let payload = match (ty, payload) {
                (Some(ty), Some(json)) => Some(Box::new(value(place, &ty, json)?)),
                (None, Some(Value::Null)) => None,
                (None, Some(other)) => return Err(place.expected("null", other)),
                (_, None) => return Err(path.expected(wanted, json)),
            };
            Val::Result(if name == "ok" { Ok(payload) } else { Err(payload) })
        }
        Type::Map(_) | Type::Own(_) | Type::Borrow(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => {
            return Err(path.invalid("is of a type that JSON cannot say".into()));
        }
    })
}

fn text<'a>(path: Path<'_>, what: &str, json: &'a Value) -> Result<&'a str, InvalidInput> {
    json.as_str().ok_or_else(|| path.expected(what, json))
}

/// An integer, exact: neither `1.0` nor `1e3`, which a reader may have rounded.
fn integer<T>(path: Path<'_>, json: &Value) -> Result<T, InvalidInput>
where
    T: TryFrom<i64> + TryFrom<u64> + Bounds,
{
    let exact = match json {
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(signed), _) => T::try_from(signed).ok(),
            (None, Some(unsigned)) => T::try_from(unsigned).ok(),
            (None, None) => None,
        },
        _ => None,
    };
    exact.ok_or_else(|| path.expected(&format!("an integer from {} to {}", T::LEAST, T::MOST), json))
}

/// The range of an integer type, for messages and schemas.
pub(super) trait Bounds {
    const LEAST: i128;
    const MOST: i128;
}

macro_rules! bounds {
    ($($type:ty),*) => {
        $(impl Bounds for $type {
            const LEAST: i128 = <$type>::MIN as i128;
            const MOST: i128 = <$type>::MAX as i128;
        })*
    };
}
bounds!(i8, u8, i16, u16, i32, u32, i64, u64);

fn float64(path: Path<'_>, json: &Value) -> Result<f64, InvalidInput> {
    match json {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
    .ok_or_else(|| path.expected("a number, \"NaN\", \"Infinity\" or \"-Infinity\"", json))
}

fn float32(path: Path<'_>, json: &Value) -> Result<f32, InvalidInput> {
    let wide = float64(path, json)?;
    #[expect(clippy::cast_possible_truncation, reason = "rounding to the nearest is what is wanted")]
    let narrow = wide as f32;
    if narrow.is_infinite() && wide.is_finite() {
        return Err(path.expected("a number that a 32-bit float can hold", json));
    }
    Ok(narrow)
}

fn flags_of(path: Path<'_>, flags: &wasmtime::component::types::Flags, json: &Value) -> Result<Val, InvalidInput> {
    let Value::Array(given) = json else {
        return Err(path.expected("an array of strings", json));
    };
    let mut set: Vec<String> = Vec::with_capacity(given.len());
    for (index, json) in given.iter().enumerate() {
        let place = Path::Item(&path, index);
        let name = json.as_str().unwrap_or_default();
        if !flags.names().any(|known| known == name) {
            return Err(place.expected(&one_of(flags.names()), json));
        }
        if set.iter().any(|known| known == name) {
            return Err(place.invalid(format!("`{name}` is there twice")));
        }
        set.push(name.to_owned());
    }
    Ok(Val::Flags(set))
}

fn option_of(
    path: Path<'_>,
    option: &wasmtime::component::types::OptionType,
    json: &Value,
) -> Result<Val, InvalidInput> {
    let inner = option.ty();
    if json.is_null() {
        return Ok(Val::Option(None));
    }
    if !matches!(inner, Type::Option(_)) {
        return Ok(Val::Option(Some(Box::new(value(path, &inner, json)?))));
    }
    // An option inside an option: null would not say which of the two is empty.
    match case(path, "null or {\"some\": …}", json)? {
        ("some", Some(json)) => Ok(Val::Option(Some(Box::new(value(Path::Field(&path, "some"), &inner, json)?)))),
        _ => Err(path.expected("null or {\"some\": …}", json)),
    }
}

/// `"case"` or `{"case": payload}`.
fn case<'a>(path: Path<'_>, wanted: &str, json: &'a Value) -> Result<(&'a str, Option<&'a Value>), InvalidInput> {
    match json {
        Value::String(name) => Ok((name, None)),
        Value::Object(object) => {
            let mut fields = object.iter();
            match (fields.next(), fields.next()) {
                (Some((name, payload)), None) => Ok((name, Some(payload))),
                _ => Err(path.expected(wanted, json)),
            }
        }
        _ => Err(path.expected(wanted, json)),
    }
}

fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|name| format!("\"{name}\"")).collect();
    format!("one of {}", names.join(", "))
}
