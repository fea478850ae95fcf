//! JSON documents and component-model values, both ways.
//!
//! Contract: the mapping that `surface.md` names, exact in both directions; input that does not fit is refused
//! with the path of what is wrong; nesting is bounded, and so is the JSON that comes out. Price: a copy of the
//! document.

mod functions;
mod input;
mod output;
mod schema;

#[cfg(test)]
mod tests;

use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{Type, Val};

pub use functions::{ExportedFunction, exported_functions};
pub use input::InvalidInput;
pub use output::ReturnedError;

/// How deep types may nest: as deep as the JSON parser lets documents nest.
const DEPTH: usize = 100;

/// A function's parameters and result, all of which JSON can say.
pub struct Signature {
    params: Vec<(String, Type)>,
    result: Option<Type>,
}

/// A type that JSON cannot say: a handle, a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{place}` is {what}, which JSON cannot say")]
pub struct Unrepresentable {
    place: String,
    what: &'static str,
}

impl Signature {
    /// Reads a function's type.
    pub fn new(function: &ComponentFunc) -> Result<Self, Unrepresentable> {
        let params: Vec<_> = function.params().map(|(name, ty)| (name.to_owned(), ty)).collect();
        for (name, ty) in &params {
            representable(name, ty, DEPTH)?;
        }
        let result = function.results().next();
        if let Some(ty) = &result {
            representable("the result", ty, DEPTH)?;
        }
        if function.async_() {
            return Err(Unrepresentable { place: "the function".into(), what: "asynchronous" });
        }
        Ok(Self { params, result })
    }

    /// How many values the function gives: 0 or 1.
    pub fn result_count(&self) -> usize {
        usize::from(self.result.is_some())
    }

    /// The JSON Schema of the input: an object with a field for each parameter.
    pub fn input_schema(&self) -> serde_json::Value {
        schema::input(&self.params)
    }

    /// The JSON Schema of the output, if there is one.
    pub fn output_schema(&self) -> Option<serde_json::Value> {
        match &self.result {
            Some(Type::Result(result)) => Some(result.ok().map_or_else(schema::null, |ty| schema::of(&ty))),
            Some(ty) => Some(schema::of(ty)),
            None => None,
        }
    }
}

/// The parameters that `input` gives for a call.
pub fn from_json(signature: &Signature, input: &serde_json::Value) -> Result<Vec<Val>, InvalidInput> {
    input::arguments(&signature.params, input)
}

/// The JSON of what a call gave, `cap` bytes at the most.
pub fn to_json(signature: &Signature, results: &[Val], cap: u64) -> Result<serde_json::Value, ReturnedError> {
    match (&signature.result, results.first()) {
        (Some(ty), Some(value)) => output::returned(ty, value, cap),
        _ => Ok(serde_json::Value::Null),
    }
}

fn representable(place: &str, ty: &Type, depth: usize) -> Result<(), Unrepresentable> {
    let no = |what| Err(Unrepresentable { place: place.to_owned(), what });
    let Some(depth) = depth.checked_sub(1) else {
        return no("nested too deep");
    };
    let mut inner: Vec<Type> = Vec::new();
    match ty {
        Type::Own(_) | Type::Borrow(_) => return no("a resource"),
        Type::Future(_) => return no("a future"),
        Type::Stream(_) => return no("a stream"),
        Type::ErrorContext => return no("an error context"),
        Type::Map(_) => return no("a map"),
        Type::List(list) => inner.push(list.ty()),
        Type::FixedLengthList(list) => inner.push(list.ty()),
        Type::Option(option) => inner.push(option.ty()),
        Type::Record(record) => inner.extend(record.fields().map(|field| field.ty)),
        Type::Tuple(tuple) => inner.extend(tuple.types()),
        Type::Variant(variant) => inner.extend(variant.cases().filter_map(|case| case.ty)),
        Type::Result(result) => inner.extend(result.ok().into_iter().chain(result.err())),
        _ => {}
    }
    inner.iter().try_for_each(|ty| representable(place, ty, depth))
}

/// Is it `list<u8>`, which JSON says as base64?
fn is_bytes(list: &wasmtime::component::types::List) -> bool {
    matches!(list.ty(), Type::U8)
}
