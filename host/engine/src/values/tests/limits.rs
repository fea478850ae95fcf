//! What bounds types, documents and output.

use serde_json::{Value, json};
use wasmtime::component::Val;

use super::testing::{signature_of, try_signature};
use crate::values::{ReturnedError, Unrepresentable, from_json, to_json};

/// A declaration of the type `t{times}`, of `2^times` options.
fn doubled(times: usize) -> String {
    let mut types = "record t0 { x: option<u8> }".to_owned();
    for level in 1..=times {
        types.push_str(&format!(" record t{level} {{ left: t{below}, right: t{below} }}", below = level - 1));
    }
    types
}

#[test]
fn types_that_nest_too_deep_make_no_tool() {
    let nested = |deep: usize| format!("(v: {}u8{})", "option<".repeat(deep), ">".repeat(deep));
    assert_eq!(try_signature("", &nested(30)).unwrap_err(), Unrepresentable::TooDeep);
    let deepest = signature_of("", &nested(29));
    let document = format!("{{\"v\": {}1{}}}", "{\"some\": ".repeat(28), "}".repeat(28));
    assert!(from_json(&deepest, &serde_json::from_str(&document).unwrap()).is_ok());
    // The schema can be read again where it is shown: as a tool in the list of an answer.
    let shown = json!({"result": {"tools": [{"input_schema": deepest.input_schema()}]}}).to_string();
    assert!(serde_json::from_str::<Value>(&shown).is_ok());
}

#[test]
fn a_small_component_cannot_make_a_large_schema() {
    assert!(try_signature(&doubled(8), "(v: t8)").is_ok());
    assert_eq!(try_signature(&doubled(12), "(v: t12)").unwrap_err(), Unrepresentable::TooLarge);
}

#[test]
fn a_small_document_cannot_take_much_memory_by_what_it_leaves_out() {
    let fields: Vec<_> = (0..900).map(|place| format!("m{place}: option<u8>")).collect();
    let signature = signature_of(&format!("record r {{ {} }}", fields.join(", ")), "(v: list<r>)");
    assert!(from_json(&signature, &json!({"v": vec![json!({}); 100]})).is_ok());
    let error = from_json(&signature, &json!({"v": vec![json!({}); 100_000]})).unwrap_err();
    assert!(error.message.contains("64 MiB"), "{error}");
}

#[test]
fn output_is_counted_to_the_byte() {
    let types =
        "variant v { a, b(string) } record r { v: v, o: option<option<f32>>, l: list<u8>, m: map<string, bool> }";
    let signature = signature_of(types, "(v: r) -> r");
    let value =
        json!({"v": {"b": "tab \t, \u{1}, é"}, "o": {"some": 0.1}, "l": "AAEC", "m": {"a\"": true, "b": false}});
    let params = from_json(&signature, &json!({"v": value})).unwrap();
    let length = value.to_string().len() as u64;
    assert_eq!(to_json(&signature, &params, length), Ok(value));
    for cap in 0..length {
        assert_eq!(to_json(&signature, &params, cap), Err(ReturnedError::TooLarge), "{cap}");
    }
}

#[test]
fn an_error_payload_is_capped_too() {
    let signature = signature_of("", "() -> result<_, string>");
    let failed = [Val::Result(Err(Some(Box::new(Val::String("x".repeat(98))))))];
    assert_eq!(to_json(&signature, &failed, 100), Err(ReturnedError::Err("x".repeat(98).into())));
    assert_eq!(to_json(&signature, &failed, 99), Err(ReturnedError::TooLarge));
}

#[test]
fn messages_stay_short_whatever_was_found() {
    let cases: Vec<_> = (0..1_000).map(|place| format!("case-number-{place}")).collect();
    let signature = signature_of(&format!("enum e {{ {} }}", cases.join(", ")), "(v: e)");
    let long = "é".repeat(100_000);
    let many: Value = (0..1_000).map(|place| (format!("{place}{long}"), Value::Null)).take(20).collect();
    for wrong in [json!({"v": long}), json!({"v": many}), json!({"v": "case-number-0", long: 1})] {
        let error = from_json(&signature, &wrong).unwrap_err();
        assert!(error.to_string().chars().count() < 1_200, "{error}");
    }
}
