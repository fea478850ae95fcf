//! What a function takes and gives, decoded once from wasmtime's types.
//!
//! A [`Shape`] holds only what JSON can hold, so conversion never meets a resource; and looking a name up
//! in it costs the same however many names there are.

use std::collections::HashMap;

use wasmtime::component::Type;
use wasmtime::component::types::{ComponentFunc, ResultType};

/// How deep a type may nest. A level of type is at most four of its schema and two of a document, and common
/// parsers (serde_json among them) take 128: both can be read by whoever gets them.
pub(super) const DEEPEST: usize = 30;

/// Largest signature, in bytes of schema, roughly. It is shown to people and language models, who
/// read no more; real ones stay under a tenth of it.
const LARGEST: usize = 256 << 10;

/// What one type adds to the schema beside its names, in bytes, roughly.
const NODE: usize = 64;

/// Why a function cannot be a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unrepresentable {
    /// A parameter or result holds a handle.
    #[error("it passes a {0}, which JSON cannot hold; export a function of plain values instead")]
    Handle(&'static str),
    /// A constructor, method or static function.
    #[error("it belongs to a resource, and tools know no resources; export a plain function instead")]
    OfResource,
    /// An asynchronous function.
    #[error("it is an async function, and tools are called synchronously; export it without `async`")]
    Async,
    /// More than one result.
    #[error("it gives several results; put them into a record or a tuple")]
    SeveralResults,
    /// The types nest too deep.
    #[error("its types nest more than {DEEPEST} deep; flatten them")]
    TooDeep,
    /// The types are too large, by themselves or together with the component's other functions.
    #[error(
        "its types are too large: a function's schema may have about {} KiB, those of a component {} KiB; \
         export fewer or smaller functions",
        LARGEST >> 10,
        Budget::COMPONENT >> 10
    )]
    TooLarge,
}

/// The parameters and the result of a function, all of which JSON can hold.
#[derive(Debug, Clone)]
pub struct Signature {
    pub(super) params: Vec<Field>,
    pub(super) returns: Returns,
}

impl Signature {
    /// How many values the function returns: none or one.
    pub fn result_count(&self) -> usize {
        match self.returns {
            Returns::Nothing => 0,
            Returns::Plain(_) | Returns::Fallible(_) => 1,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Returns {
    Nothing,
    Plain(Shape),
    /// The only result is a `result`: its `err` is the call's failure, not a value.
    Fallible(Outcome),
}

/// A type that JSON can hold.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Bool,
    Integer(Integer),
    Float32,
    Float64,
    Char,
    String,
    /// `list<u8>`
    Bytes,
    List(Box<Self>),
    /// `list<T, N>`
    FixedList(Box<Self>, u32),
    /// `map<string, T>`
    Dictionary(Box<Self>),
    /// A map by anything else: JSON objects have string keys only.
    Pairs(Box<(Self, Self)>),
    Record(Vec<Field>),
    Tuple(Vec<Self>),
    Variant(Cases),
    Enum(Names),
    Flags(Names),
    Option(Box<Self>),
    Result(Box<Outcome>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Integer {
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
}

impl Integer {
    /// Its name in WIT, its least and its greatest value.
    pub(super) fn range(self) -> (&'static str, i64, u64) {
        match self {
            Self::S8 => ("s8", i8::MIN.into(), i8::MAX.unsigned_abs().into()),
            Self::U8 => ("u8", 0, u8::MAX.into()),
            Self::S16 => ("s16", i16::MIN.into(), i16::MAX.unsigned_abs().into()),
            Self::U16 => ("u16", 0, u16::MAX.into()),
            Self::S32 => ("s32", i32::MIN.into(), i32::MAX.unsigned_abs().into()),
            Self::U32 => ("u32", 0, u32::MAX.into()),
            Self::S64 => ("s64", i64::MIN, i64::MAX.unsigned_abs()),
            Self::U64 => ("u64", 0, u64::MAX),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) shape: Shape,
}

impl Field {
    /// May a document leave it out?
    pub(super) fn is_optional(&self) -> bool {
        matches!(self.shape, Shape::Option(_))
    }
}

/// The payloads of a `result`.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) ok: Option<Shape>,
    pub(super) err: Option<Shape>,
}

/// Names in order of declaration, with their places.
#[derive(Debug, Clone)]
pub(super) struct Names {
    in_order: Vec<String>,
    places: HashMap<String, usize>,
}

impl Names {
    pub(super) fn len(&self) -> usize {
        self.in_order.len()
    }

    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.in_order.iter().map(String::as_str)
    }
}

impl FromIterator<String> for Names {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        let in_order: Vec<_> = names.into_iter().collect();
        let places = in_order.iter().enumerate().map(|(place, name)| (name.clone(), place)).collect();
        Self { in_order, places }
    }
}

/// The cases of a variant.
#[derive(Debug, Clone)]
pub(super) struct Cases {
    pub(super) names: Names,
    pub(super) payloads: Vec<Option<Shape>>,
}

impl Cases {
    /// The payload of the case `name`, if there is such a case.
    pub(super) fn payload(&self, name: &str) -> Option<Option<&Shape>> {
        self.payloads.get(self.names.place(name)?).map(Option::as_ref)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Option<&Shape>)> {
        self.names.iter().zip(self.payloads.iter().map(Option::as_ref))
    }
}

/// Reads the type of a function.
pub fn signature(function: &ComponentFunc) -> Result<Signature, Unrepresentable> {
    Budget::for_component().signature(0, function)
}

/// How much more schema a component may make. A type that is named once and used often is as large as all its
/// uses, so the size of the file bounds nothing.
pub(super) struct Budget {
    component: usize,
    function: usize,
}

impl Budget {
    /// For all functions of a component together, in bytes of schema, roughly.
    const COMPONENT: usize = 4 << 20;

    pub(super) fn for_component() -> Self {
        Self { component: Self::COMPONENT, function: 0 }
    }

    /// Reads the type of a function whose names take `names` bytes.
    pub(super) fn signature(&mut self, names: usize, function: &ComponentFunc) -> Result<Signature, Unrepresentable> {
        let granted = LARGEST.min(self.component);
        self.function = granted;
        let signature = self.spend(names).and_then(|()| self.decode(function));
        self.component -= granted - self.function;
        signature
    }

    fn spend(&mut self, names: usize) -> Result<(), Unrepresentable> {
        let cost = names.saturating_add(NODE);
        self.function = self.function.checked_sub(cost).ok_or(Unrepresentable::TooLarge)?;
        Ok(())
    }

    fn decode(&mut self, function: &ComponentFunc) -> Result<Signature, Unrepresentable> {
        if function.async_() {
            return Err(Unrepresentable::Async);
        }
        let params = function.params().map(|(name, ty)| self.field(name, &ty, DEEPEST)).collect::<Result<_, _>>()?;
        let mut results = function.results();
        let returns = match (results.next(), results.next()) {
            (None, _) => Returns::Nothing,
            (Some(Type::Result(ty)), None) => Returns::Fallible(self.outcome(&ty, DEEPEST)?),
            (Some(ty), None) => Returns::Plain(self.shape(&ty, DEEPEST)?),
            (Some(_), Some(_)) => return Err(Unrepresentable::SeveralResults),
        };
        Ok(Signature { params, returns })
    }

    fn shape(&mut self, ty: &Type, deep: usize) -> Result<Shape, Unrepresentable> {
        let deep = deep.checked_sub(1).ok_or(Unrepresentable::TooDeep)?;
        self.spend(0)?;
        Ok(match ty {
            Type::Bool => Shape::Bool,
            Type::S8 => Shape::Integer(Integer::S8),
            Type::U8 => Shape::Integer(Integer::U8),
            Type::S16 => Shape::Integer(Integer::S16),
            Type::U16 => Shape::Integer(Integer::U16),
            Type::S32 => Shape::Integer(Integer::S32),
            Type::U32 => Shape::Integer(Integer::U32),
            Type::S64 => Shape::Integer(Integer::S64),
            Type::U64 => Shape::Integer(Integer::U64),
            Type::Float32 => Shape::Float32,
            Type::Float64 => Shape::Float64,
            Type::Char => Shape::Char,
            Type::String => Shape::String,
            Type::List(list) => match list.ty() {
                Type::U8 => Shape::Bytes,
                element => Shape::List(self.boxed(&element, deep)?),
            },
            Type::FixedLengthList(list) => Shape::FixedList(self.boxed(&list.ty(), deep)?, list.len()),
            Type::Map(map) => match map.key() {
                Type::String => Shape::Dictionary(self.boxed(&map.value(), deep)?),
                key => Shape::Pairs(Box::new((self.shape(&key, deep)?, self.shape(&map.value(), deep)?))),
            },
            Type::Record(record) => Shape::Record(
                record.fields().map(|field| self.field(field.name, &field.ty, deep)).collect::<Result<_, _>>()?,
            ),
            Type::Tuple(tuple) => {
                Shape::Tuple(tuple.types().map(|ty| self.shape(&ty, deep)).collect::<Result<_, _>>()?)
            }
            Type::Variant(variant) => Shape::Variant(Cases {
                names: self.names(variant.cases().map(|case| case.name))?,
                payloads: variant
                    .cases()
                    .map(|case| self.optional(case.ty.as_ref(), deep))
                    .collect::<Result<_, _>>()?,
            }),
            Type::Enum(ty) => Shape::Enum(self.names(ty.names())?),
            Type::Flags(ty) => Shape::Flags(self.names(ty.names())?),
            Type::Option(option) => Shape::Option(self.boxed(&option.ty(), deep)?),
            Type::Result(result) => Shape::Result(Box::new(self.outcome(result, deep)?)),
            Type::Own(_) | Type::Borrow(_) => return Err(Unrepresentable::Handle("resource")),
            Type::Future(_) => return Err(Unrepresentable::Handle("future")),
            Type::Stream(_) => return Err(Unrepresentable::Handle("stream")),
            Type::ErrorContext => return Err(Unrepresentable::Handle("error-context")),
        })
    }

    fn boxed(&mut self, ty: &Type, deep: usize) -> Result<Box<Shape>, Unrepresentable> {
        self.shape(ty, deep).map(Box::new)
    }

    fn optional(&mut self, ty: Option<&Type>, deep: usize) -> Result<Option<Shape>, Unrepresentable> {
        ty.map(|ty| self.shape(ty, deep)).transpose()
    }

    fn outcome(&mut self, ty: &ResultType, deep: usize) -> Result<Outcome, Unrepresentable> {
        Ok(Outcome { ok: self.optional(ty.ok().as_ref(), deep)?, err: self.optional(ty.err().as_ref(), deep)? })
    }

    fn field(&mut self, name: &str, ty: &Type, deep: usize) -> Result<Field, Unrepresentable> {
        self.spend(name.len())?;
        Ok(Field { name: name.to_owned(), shape: self.shape(ty, deep)? })
    }

    fn names<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> Result<Names, Unrepresentable> {
        names.map(|name| self.spend(name.len()).map(|()| name.to_owned())).collect()
    }
}
