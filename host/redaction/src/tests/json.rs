use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[test]
fn key_like_fields_go_whole_and_only_if_they_are_strings() {
    let redactor = knowing(&[("github", "EXAMPLE-value")]);
    let before = json!({
        "password": "a b", "PassWord": "x", "api-key": "x", "client_secret": ["x", {"name": "y"}], "secret": {"name": "x"},
        "token": "word", "max_tokens": 5, "id_token": 5, "authorization": "Bearer EXAMPLE-value", "cookie": "chocolate",
        "EXAMPLE-value": "key", "n": 1.50, "nested": "{\"password\":\"x\"}",
    });
    let after = json!({
        "password": "[redacted]", "PassWord": "[redacted]", "api-key": "[redacted]", "client_secret": ["[redacted]", {"name": "y"}],
        "secret": {"name": "x"}, "token": "word", "max_tokens": 5, "id_token": 5,
        "authorization": "Bearer [redacted:github]", "cookie": "chocolate", "[redacted:github]": "key", "n": 1.50,
        "nested": "{\"password\":\"[redacted]\"}",
    });
    let mut value = before.clone();
    redactor.json(&mut value);
    assert_eq!(value, after);
    let text = redactor.json_text(&before.to_string()).into_owned();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), after);
}

#[test]
fn all_but_the_secrets_of_a_document_stays_byte_by_byte() {
    let redactor = knowing(&[("pin", "12345678")]);
    let before = "{ \"b\" : 1.50e400,\t\"a\":[\"\\u0041\\/\", 12345678 ],\"a\":2, \"p\\u0061ssword\" : \"x\\\"y\" }\n";
    let after = "{ \"b\" : 1.50e400,\t\"a\":[\"\\u0041\\/\", \"[redacted:pin]\" ],\"a\":2, \"p\\u0061ssword\" : \"[redacted]\" }\n";
    assert_eq!(redactor.json_text(before), after);
    assert_eq!(redactor.json_text("not JSON, password=EXAMPLE"), "not JSON, password=[redacted]");
}

#[test]
fn a_secret_that_is_escaped_in_an_unusual_way_goes_from_a_document() {
    let redactor = knowing(&[("k", "correct/horse")]);
    for inside in ["correct/horse", "correct\\/horse", "\\u0063orrect/horse", "correct\\u002Fhorse"] {
        assert_eq!(redactor.json_text(&format!("[\"a {inside} b\"]")), "[\"a [redacted:k] b\"]");
    }
}

fn values() -> impl Strategy<Value = Value> {
    let text =
        prop_oneof!["[ -~é\\n]{0,20}", Just("EXAMPLE-value".to_owned()), Just("password=EXAMPLE \"x\"".to_owned())];
    let key = prop_oneof![
        "[a-z\"\\\\]{1,8}",
        Just("password".to_owned()),
        Just("token".to_owned()),
        Just("EXAMPLE-value".to_owned())
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_document_as_text_says_what_the_redacted_value_says(value in values(), pretty: bool) {
        let redactor = knowing(&[("k", "EXAMPLE-value")]);
        let document = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        let mut expected = value.clone();
        redactor.json(&mut expected);
        let text = redactor.json_text(&document);
        prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        prop_assert!(!text.contains("EXAMPLE-value"), "{}", text);
        if matches!(text, Cow::Owned(_)) {
            prop_assert_eq!(redactor.json_text(&text), text.clone());
        }
    }
}
