//! JSON Schemas (2020-12) of WIT types.

use serde_json::{Map, Value, json};
use wasmtime::component::Type;

use super::input::Bounds;
use super::is_bytes;

pub(super) fn input(params: &[(String, Type)]) -> Value {
    object(params.iter().map(|(name, ty)| (name.as_str(), ty.clone())))
}

pub(super) fn null() -> Value {
    json!({"type": "null"})
}

pub(super) fn of(ty: &Type) -> Value {
    match ty {
        Type::Bool => json!({"type": "boolean"}),
        Type::S8 => integer::<i8>(),
        Type::U8 => integer::<u8>(),
        Type::S16 => integer::<i16>(),
        Type::U16 => integer::<u16>(),
        Type::S32 => integer::<i32>(),
        Type::U32 => integer::<u32>(),
        Type::S64 => integer::<i64>(),
        Type::U64 => integer::<u64>(),
        Type::Float32 | Type::Float64 => {
            json!({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]})
        }
        Type::Char => json!({"type": "string", "minLength": 1, "maxLength": 1}),
        Type::String => json!({"type": "string"}),
        Type::List(list) if is_bytes(list) => json!({"type": "string", "contentEncoding": "base64"}),
        Type::List(list) => json!({"type": "array", "items": of(&list.ty())}),
        Type::FixedLengthList(list) => {
            json!({"type": "array", "items": of(&list.ty()), "minItems": list.len(), "maxItems": list.len()})
        }
        Type::Record(record) => object(record.fields().map(|field| (field.name, field.ty))),
        Type::Tuple(tuple) => {
            let items: Vec<_> = tuple.types().map(|ty| of(&ty)).collect();
            let count = items.len();
            json!({"type": "array", "prefixItems": items, "items": false, "minItems": count})
        }
        Type::Enum(names) => json!({"enum": names.names().collect::<Vec<_>>()}),
        Type::Flags(flags) => {
            let names: Vec<_> = flags.names().collect();
            json!({"type": "array", "items": {"enum": names}, "uniqueItems": true})
        }
        Type::Option(option) => match option.ty() {
            inner @ Type::Option(_) => any_of(vec![null(), single("some", of(&inner))]),
            inner => any_of(vec![null(), of(&inner)]),
        },
        Type::Variant(variant) => {
            let (with, without): (Vec<_>, Vec<_>) = variant.cases().partition(|case| case.ty.is_some());
            let mut choices: Vec<Value> =
                with.iter().filter_map(|case| Some(single(case.name, of(case.ty.as_ref()?)))).collect();
            if !without.is_empty() {
                choices.push(json!({"enum": without.iter().map(|case| case.name).collect::<Vec<_>>()}));
            }
            any_of(choices)
        }
        Type::Result(result) => {
            let payload = |ty: Option<Type>| ty.map_or_else(null, |ty| of(&ty));
            any_of(vec![single("ok", payload(result.ok())), single("err", payload(result.err()))])
        }
        // `Signature` keeps these out.
        Type::Map(_) | Type::Own(_) | Type::Borrow(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => {
            Value::Bool(false)
        }
    }
}

fn integer<T: Bounds>() -> Value {
    // Every bound of a 64-bit integer is one.
    let number = |bound: i128| i64::try_from(bound).map_or_else(|_| json!(bound as u64), |bound| json!(bound));
    json!({"type": "integer", "minimum": number(T::LEAST), "maximum": number(T::MOST)})
}

fn object<'a>(fields: impl Iterator<Item = (&'a str, Type)>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, ty) in fields {
        if !matches!(ty, Type::Option(_)) {
            required.push(name);
        }
        properties.insert(name.to_owned(), of(&ty));
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn any_of(choices: Vec<Value>) -> Value {
    json!({"anyOf": choices})
}

fn single(name: &str, schema: Value) -> Value {
    json!({"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": false})
}
