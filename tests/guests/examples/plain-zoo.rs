//! A plain component with one of each kind of WIT type, for JSON both ways (`wit/plain.wit`).

#[allow(missing_docs, reason = "generated; the words are in the WIT")]
mod bindings {
    wit_bindgen::generate!({ path: ["../../wit", "wit"], world: "guests:plain/plain-zoo", generate_all });
}

use bindings::exports::guests::plain::zoo::{Animal, Diet, Everything, Food, Integers, Kind};
use bindings::exports::guests::plain::{fallible, first, second, zoo};

struct Zoo;

impl bindings::Guest for Zoo {
    fn text(value: String) -> String {
        format!("of the world: {value}")
    }
    fn greet(name: String) -> String {
        format!("Hello, {name}!")
    }
}

impl zoo::Guest for Zoo {
    fn all(value: Everything) -> Everything {
        value
    }
    fn integers_back(value: Integers) -> Integers {
        value
    }
    fn signed(value: i64) -> i64 {
        value
    }
    fn unsigned(value: u64) -> u64 {
        value
    }
    fn float(value: f64) -> f64 {
        value
    }
    fn float_small(value: f32) -> f32 {
        value
    }
    fn letter(value: char) -> char {
        value
    }
    fn text(value: String) -> String {
        value
    }
    fn bytes(value: Vec<u8>) -> Vec<u8> {
        value
    }
    fn nested(value: Vec<Vec<Vec<u16>>>) -> Vec<Vec<Vec<u16>>> {
        value
    }
    fn options(value: Option<Option<u8>>) -> Option<Option<u8>> {
        value
    }
    fn deep_options(value: Option<Option<Option<String>>>) -> Option<Option<Option<String>>> {
        value
    }
    fn results(value: Result<Option<u8>, Vec<String>>) -> Result<Option<u8>, Vec<String>> {
        value
    }
    fn animal_back(value: Animal) -> Animal {
        value
    }
    fn kind_back(value: Kind) -> Kind {
        value
    }
    fn diet_back(value: Diet) -> Diet {
        value
    }
    fn food_back(value: Food) -> Food {
        value
    }
    fn tuple_back(value: (bool, i8, (char, f32))) -> (bool, i8, (char, f32)) {
        value
    }
    fn extremes() -> (i64, i64, u64) {
        (i64::MIN, i64::MAX, u64::MAX)
    }
    fn odd_floats() -> Vec<f64> {
        vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE, f64::MAX]
    }
    fn nothing() {}
    fn twenty(
        a: u8,
        b: u8,
        c: u8,
        d: u8,
        e: u8,
        f: u8,
        g: u8,
        h: u8,
        i: u8,
        j: u8,
        k: u8,
        l: u8,
        m: u8,
        n: u8,
        o: u8,
        p: u8,
        q: u8,
        r: u8,
        s: u8,
        t: u8,
    ) -> u32 {
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t].into_iter().map(u32::from).sum()
    }
    fn optional(first: Option<String>, second: Option<u8>) -> String {
        format!("{first:?} {second:?}")
    }
}

impl fallible::Guest for Zoo {
    fn divide(value: i32, by: i32) -> Result<i32, String> {
        value.checked_div(by).ok_or_else(|| format!("{value} cannot be divided by {by}"))
    }
    fn complain(yes: bool) -> Result<String, fallible::Complaint> {
        match yes {
            true => Err(fallible::Complaint { code: 418, text: "as asked".into() }),
            false => Ok("content".into()),
        }
    }
    fn bare(yes: bool) -> Result<(), ()> {
        if yes { Err(()) } else { Ok(()) }
    }
    fn check(yes: bool) -> Result<(), String> {
        if yes { Err("as asked".into()) } else { Ok(()) }
    }
    fn find(yes: bool) -> Result<u8, ()> {
        if yes { Err(()) } else { Ok(7) }
    }
}

impl first::Guest for Zoo {
    fn same() -> String {
        "first".into()
    }
    fn only_first() -> String {
        "only first".into()
    }
}

impl second::Guest for Zoo {
    fn same() -> String {
        "second".into()
    }
}

bindings::export!(Zoo with_types_in bindings);
