//! Random WIT types, real components around them, and random values through those.
//!
//! A failure prints its seed and leaves it in `proptest-regressions`, to be tried first from then on.
//! `PROPTEST_CASES` says how many types are tried.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Map, Value, json};
use wasmtime::Engine;

use super::testing::Echo;
use crate::values::{from_json, to_json};

static ENGINE: LazyLock<Engine> = LazyLock::new(super::testing::engine);

/// A WIT type.
#[derive(Debug, Clone)]
enum Wit {
    Bool,
    Unsigned(u32),
    Signed(u32),
    F32,
    F64,
    Char,
    String,
    List(Box<Wit>),
    FixedList(Box<Wit>, usize),
    Map(Box<Wit>),
    Option(Box<Wit>),
    Result(Option<Box<Wit>>, Option<Box<Wit>>),
    Tuple(Vec<Wit>),
    Record(Vec<Wit>),
    Variant(Vec<Option<Wit>>),
    Enum(usize),
    Flags(usize),
}

/// Kebab-case names of all kinds, by place.
fn name(place: usize) -> String {
    let words = ["unit", "list", "x9", "some-HTTP-thing", "ok", "err", "some", "a-b", "null"];
    words.get(place).map_or_else(|| format!("n{place}"), |word| (*word).to_owned())
}

impl Wit {
    /// The type in WIT; what has to be declared for it goes to `types`.
    fn render(&self, types: &mut Vec<String>) -> String {
        let declare = |types: &mut Vec<String>, keyword: &str, members: Vec<String>| {
            let name = format!("t{}", types.len());
            types.push(format!("{keyword} {name} {{ {} }}", members.join(", ")));
            name
        };
        let member = |place| format!("%{}", name(place));
        match self {
            Self::Bool => "bool".to_owned(),
            Self::Unsigned(bits) => format!("u{bits}"),
            Self::Signed(bits) => format!("s{bits}"),
            Self::F32 => "f32".to_owned(),
            Self::F64 => "f64".to_owned(),
            Self::Char => "char".to_owned(),
            Self::String => "string".to_owned(),
            Self::List(element) => format!("list<{}>", element.render(types)),
            Self::FixedList(element, length) => format!("list<{}, {length}>", element.render(types)),
            Self::Map(value) => format!("map<string, {}>", value.render(types)),
            Self::Option(inner) => format!("option<{}>", inner.render(types)),
            Self::Result(ok, err) => {
                let mut side = |side: &Option<Box<Self>>| side.as_ref().map(|ty| ty.render(types));
                match (side(ok), side(err)) {
                    (None, None) => "result".to_owned(),
                    (Some(ok), None) => format!("result<{ok}>"),
                    (ok, Some(err)) => format!("result<{}, {err}>", ok.unwrap_or_else(|| "_".to_owned())),
                }
            }
            Self::Tuple(shapes) => {
                format!("tuple<{}>", shapes.iter().map(|ty| ty.render(types)).collect::<Vec<_>>().join(", "))
            }
            Self::Record(fields) => {
                let fields = fields.iter().enumerate();
                let fields = fields.map(|(place, ty)| format!("{}: {}", member(place), ty.render(types))).collect();
                declare(types, "record", fields)
            }
            Self::Variant(cases) => {
                let case = |(place, ty): (usize, &Option<Self>)| match ty {
                    Some(ty) => format!("{}({})", member(place), ty.render(types)),
                    None => member(place),
                };
                let cases = cases.iter().enumerate().map(case).collect();
                declare(types, "variant", cases)
            }
            Self::Enum(count) => declare(types, "enum", (0..*count).map(member).collect()),
            Self::Flags(count) => declare(types, "flags", (0..*count).map(member).collect()),
        }
    }

    /// Values in the form in which the host writes them.
    fn values(&self) -> BoxedStrategy<Value> {
        match self {
            Self::Bool => any::<bool>().prop_map(Value::from).boxed(),
            Self::Unsigned(bits) => {
                let greatest = u64::MAX >> (64 - bits);
                prop_oneof![Just(0), Just(greatest), 0..=greatest].prop_map(Value::from).boxed()
            }
            Self::Signed(bits) => {
                let (least, greatest) = (i64::MIN >> (64 - bits), i64::MAX >> (64 - bits));
                prop_oneof![Just(least), Just(greatest), least..=greatest].prop_map(Value::from).boxed()
            }
            Self::F32 => {
                // As text first: 0.1 is another double than the one next to the single 0.1.
                let number = |value: f32| float(format!("{value:?}").parse().unwrap());
                prop::num::f32::ANY.prop_map(number).boxed()
            }
            Self::F64 => prop::num::f64::ANY.prop_map(float).boxed(),
            Self::Char => any::<char>().prop_map(|char| char.to_string().into()).boxed(),
            Self::String => any::<String>().prop_map(Value::from).boxed(),
            Self::List(element) if matches!(**element, Self::Unsigned(8)) => {
                vec(any::<u8>(), 0..9).prop_map(|bytes| STANDARD.encode(bytes).into()).boxed()
            }
            Self::List(element) => vec(element.values(), 0..4).prop_map(Value::from).boxed(),
            Self::FixedList(element, length) => vec(element.values(), *length).prop_map(Value::from).boxed(),
            Self::Map(value) => prop::collection::btree_map(any::<String>(), value.values(), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect()))
                .boxed(),
            Self::Option(inner) => {
                let nested = matches!(**inner, Self::Option(_));
                let some = move |value| if nested { json!({"some": value}) } else { value };
                prop_oneof![Just(Value::Null), inner.values().prop_map(some)].boxed()
            }
            Self::Result(ok, err) => {
                let side = |side: &Option<Box<Self>>| side.as_ref().map_or(Just(Value::Null).boxed(), |ty| ty.values());
                let ok = side(ok).prop_map(|value| json!({"ok": value}));
                let err = side(err).prop_map(|value| json!({"err": value}));
                prop_oneof![ok, err].boxed()
            }
            Self::Tuple(shapes) => shapes.iter().map(Self::values).collect::<Vec<_>>().prop_map(Value::from).boxed(),
            Self::Record(fields) => {
                let object = |values: Vec<Value>| {
                    values.into_iter().enumerate().map(|(place, value)| (name(place), value)).collect::<Map<_, _>>()
                };
                let fields: Vec<_> = fields.iter().map(Self::values).collect();
                fields.prop_map(object).prop_map(Value::from).boxed()
            }
            Self::Variant(cases) => {
                let case = |(place, ty): (usize, &Option<Self>)| match ty {
                    Some(ty) => ty.values().prop_map(move |value| json!({name(place): value})).boxed(),
                    None => Just(name(place).into()).boxed(),
                };
                prop::strategy::Union::new(cases.iter().enumerate().map(case)).boxed()
            }
            Self::Enum(count) => (0..*count).prop_map(|place| name(place).into()).boxed(),
            Self::Flags(count) => {
                let names: Vec<_> = (0..*count).map(name).collect();
                subsequence(names, 0..=*count).prop_map(Value::from).boxed()
            }
        }
    }

    /// `value` without what a document may leave out.
    fn sparse(&self, value: &Value) -> Value {
        let inside = |ty: &Option<Box<Self>>, value| ty.as_ref().map_or(Value::Null, |ty| ty.sparse(value));
        match (self, value) {
            (Self::List(element) | Self::FixedList(element, _), Value::Array(items)) => {
                items.iter().map(|item| element.sparse(item)).collect()
            }
            (Self::Tuple(shapes), Value::Array(items)) => {
                shapes.iter().zip(items).map(|(ty, item)| ty.sparse(item)).collect()
            }
            (Self::Record(fields), _) => {
                let given = fields.iter().enumerate().filter_map(|(place, ty)| {
                    let value = &value[name(place)];
                    let left_out = matches!(ty, Self::Option(_)) && value.is_null();
                    (!left_out).then(|| (name(place), ty.sparse(value)))
                });
                Value::Object(given.collect())
            }
            (Self::Option(inner), Value::Object(object)) if matches!(**inner, Self::Option(_)) => {
                json!({"some": inner.sparse(&object["some"])})
            }
            (Self::Option(inner), value) if !value.is_null() => inner.sparse(value),
            (Self::Result(ok, _), Value::Object(object)) if object.contains_key("ok") => {
                json!({"ok": inside(ok, &value["ok"])})
            }
            (Self::Result(_, err), _) => json!({"err": inside(err, &value["err"])}),
            _ => value.clone(),
        }
    }
}

fn float(value: f64) -> Value {
    if value.is_nan() {
        json!("NaN")
    } else if value.is_infinite() {
        json!(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        json!(value)
    }
}

fn types() -> impl Strategy<Value = Wit> {
    let leaf = prop_oneof![
        Just(Wit::Bool),
        select(vec![8, 16, 32, 64]).prop_map(Wit::Unsigned),
        select(vec![8, 16, 32, 64]).prop_map(Wit::Signed),
        Just(Wit::F32),
        Just(Wit::F64),
        Just(Wit::Char),
        Just(Wit::String),
        Just(Wit::List(Box::new(Wit::Unsigned(8)))),
        (1_usize..40).prop_map(Wit::Enum),
        (1_usize..=32).prop_map(Wit::Flags),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        let side = || prop::option::of(boxed());
        prop_oneof![
            boxed().prop_map(Wit::List),
            (boxed(), 1_usize..4).prop_map(|(element, length)| Wit::FixedList(element, length)),
            boxed().prop_map(Wit::Map),
            boxed().prop_map(Wit::Option),
            boxed().prop_map(|inner| Wit::Option(Box::new(Wit::Option(inner)))),
            (side(), side()).prop_map(|(ok, err)| Wit::Result(ok, err)),
            vec(inner.clone(), 1..4).prop_map(Wit::Tuple),
            vec(inner.clone(), 1..6).prop_map(Wit::Record),
            vec(prop::option::of(inner.clone()), 1..6).prop_map(Wit::Variant),
        ]
    })
}

/// A type and some of its values.
fn typed_values() -> impl Strategy<Value = (Wit, Vec<Value>)> {
    types().prop_flat_map(|ty| {
        let values = vec(ty.values(), 1..6);
        (Just(ty), values)
    })
}

fn echo(ty: &Wit) -> Echo {
    let mut types = Vec::new();
    let ty = ty.render(&mut types);
    Echo::new(&ENGINE, &types.join(" "), &ty)
}

fn padded(value: &Value) -> Value {
    let mut padded = vec![value.clone()];
    padded.extend((0..16).map(Value::from));
    padded.into()
}

/// All places in `value`, as JSON Pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{place}"), found);
            }
        }
        Value::Object(object) => {
            for (key, item) in object {
                places(item, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        _ => {}
    }
}

fn has_map(ty: &Wit) -> bool {
    let inside = |ty: &Option<Box<Wit>>| ty.as_ref().is_some_and(|ty| has_map(ty));
    match ty {
        Wit::Map(_) => true,
        Wit::List(inner) | Wit::FixedList(inner, _) | Wit::Option(inner) => has_map(inner),
        Wit::Result(ok, err) => inside(ok) || inside(err),
        Wit::Tuple(types) | Wit::Record(types) => types.iter().any(has_map),
        Wit::Variant(cases) => cases.iter().flatten().any(has_map),
        _ => false,
    }
}

fn strange() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec![
            json!(null),
            json!(true),
            json!(-1),
            json!(1.5),
            json!(1e300),
            json!(u64::MAX),
            json!(""),
            json!("unit"),
            json!("NaN"),
            json!("AAA="),
            json!([]),
            json!({}),
            json!([null]),
            json!({"ok": null}),
            json!({"some": 1}),
            json!({"unit": 1, "list": 2}),
            json!(["unit", "unit"]),
            json!({"a~/b": {}}),
        ]),
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
    ]
}

proptest! {
    #[test]
    fn values_of_any_type_come_back_from_a_component_as_they_went_in((ty, values) in typed_values()) {
        let echo = echo(&ty);
        let input = jsonschema::validator_for(&echo.signature.input_schema()).unwrap();
        let output = jsonschema::validator_for(&echo.signature.output_schema().unwrap()).unwrap();
        for value in values {
            let whole = padded(&value);
            let document = json!({"it": whole});
            let params = from_json(&echo.signature, &document).unwrap();
            let results = echo.call(&params);
            prop_assert_eq!(&results, &params);
            let given = to_json(&echo.signature, &results, u64::MAX).unwrap();
            // Compared as text, since 0 equals -0 as a number.
            prop_assert_eq!(given.to_string(), whole.to_string());
            prop_assert!(input.is_valid(&document), "{} is not {}", document, echo.signature.input_schema());
            prop_assert!(output.is_valid(&given), "{} is not {:?}", given, echo.signature.output_schema());

            let sparse = json!({"it": padded(&ty.sparse(&value))});
            prop_assert_eq!(from_json(&echo.signature, &sparse).unwrap(), params);
            prop_assert!(input.is_valid(&sparse), "{} is not {}", sparse, echo.signature.input_schema());

            let length = whole.to_string().len() as u64;
            prop_assert!(to_json(&echo.signature, &results, length).is_ok());
            prop_assert!(to_json(&echo.signature, &results, length - 1).is_err());
        }
    }

    #[test]
    fn a_document_that_is_wrong_in_one_place_is_refused_there((ty, values) in typed_values(), at: Index, wrong in strange()) {
        let echo = echo(&ty);
        let input = jsonschema::validator_for(&echo.signature.input_schema()).unwrap();
        for value in values {
            let mut document = json!({"it": padded(&value)});
            let mut all = Vec::new();
            places(&document, "", &mut all);
            let place = at.get(&all);
            *document.pointer_mut(place).unwrap() = wrong.clone();
            match from_json(&echo.signature, &document) {
                // It was not wrong after all; then what was read is written, and read, as the same.
                Ok(params) => {
                    prop_assert!(input.is_valid(&document), "{} is not {}", document, echo.signature.input_schema());
                    let written = to_json(&echo.signature, &params, u64::MAX).unwrap();
                    prop_assert_eq!(from_json(&echo.signature, &json!({"it": written})).unwrap(), params);
                }
                Err(error) => {
                    prop_assert!(error.message.len() < 1_000, "{}", error);
                    // Long keys of maps are shortened in paths.
                    if !has_map(&ty) {
                        prop_assert!(document.pointer(&error.path).is_some(), "{} in {}", error, document);
                        let near = error.path.starts_with(place.as_str()) || place.starts_with(&error.path);
                        prop_assert!(near, "{} for a change at {}", error, place);
                    }
                }
            }
        }
    }
}
