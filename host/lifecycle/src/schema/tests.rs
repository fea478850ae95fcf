use serde_json::json;

use super::*;

fn refusal(schema: &str) -> String {
    match Schema::compile_input(schema) {
        Ok(_) => panic!("it was taken: {schema}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_first_misfit_is_named_by_its_path_and_by_what_was_expected() {
    let schema = Schema::compile_input(
        r##"{"type":"object","properties":{
                "text":{"type":"string","minLength":1},
                "mode":{"enum":["a","b"]},
                "list":{"type":"array","items":{"$ref":"#/$defs/item"}}},
             "required":["text"],"additionalProperties":false,
             "$defs":{"item":{"type":"object","properties":{"n":{"type":"integer","maximum":10}}}}}"##,
    )
    .unwrap();
    assert_eq!(schema.check(&json!({"text": "x", "mode": "b", "list": [{"n": 1}]})), Ok(()));
    for (document, path, message) in [
        (json!({}), "", "the property \"text\" is missing"),
        (json!({"text": 7}), "/text", "expected string, found 7"),
        (json!({"text": ""}), "/text", "expected at least 1 characters, found \"\""),
        (json!({"text": "x", "mode": "c"}), "/mode", "expected \"a\" or \"b\", found \"c\""),
        (json!({"text": "x", "more": 1}), "", "there is no such property as \"more\""),
        (json!({"text": "x", "list": [{}, {"n": 11}]}), "/list/1/n", "expected at most 10, found 11"),
        (json!([1]), "", "expected object, found an array of 1 items"),
    ] {
        let error = schema.check(&document).unwrap_err();
        assert_eq!((error.path.as_str(), error.message.as_str()), (path, message), "{document}");
    }
}

#[test]
fn of_alternatives_the_one_that_is_meant_is_explained() {
    let schema = Schema::compile(
        r#"{"oneOf":[
            {"type":"object","properties":{"kind":{"const":"circle"},"r":{"type":"number"}},"required":["kind","r"]},
            {"type":"object","properties":{"kind":{"const":"square"},"a":{"type":"number"}},"required":["kind","a"]}]}"#,
    )
    .unwrap();
    let error = schema.check(&json!({"kind": "square", "a": "long"})).unwrap_err();
    assert_eq!((error.path.as_str(), error.message.as_str()), ("/a", "expected number, found \"long\""));
}

#[test]
fn what_is_no_schema_is_refused_with_the_way_out() {
    let deep = format!("{}{}", r#"{"not":"#.repeat(100), "{}".to_owned() + &"}".repeat(100));
    let long = format!(r#"{{"type":"object","description":"{}"}}"#, "x".repeat(70_000));
    for (schema, told) in [
        ("{", "the schema is no JSON"),
        (r#"{"type":"string"}"#, "must say `\"type\": \"object\"`"),
        (r#"{"type":"object","properties":7}"#, "the schema is invalid at"),
        (r#"{"type":"object","$ref":"https://evil.example/x"}"#, "leads out of the schema"),
        (r#"{"type":"object","$ref":"file:///etc/passwd"}"#, "leads out of the schema"),
        (r##"{"type":"object","$ref":"#/$defs/none"}"##, "leads to no schema"),
        (r##"{"type":"object","$defs":{"a":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}"##, "leads back to itself"),
        (r#"{"type":"object","$schema":"http://json-schema.org/draft-07/schema#"}"#, "JSON Schema 2020-12"),
        (&deep, "nests deeper than 64"),
        (&long, "the limit is 64 KiB"),
        (r#"{"type":"object","properties":{"a":{"pattern":"(a)\\1"}}}"#, "no regular expression for this host"),
        (r#"{"type":"object","properties":{"a":{"pattern":"((a{100}){100}){100}"}}}"#, "no regular expression"),
    ] {
        let error = refusal(schema);
        assert!(error.contains(told), "{error} does not tell {told}");
        assert!(error.chars().count() < 500, "{error}");
    }
}

#[test]
fn a_schema_whose_alternatives_multiply_is_refused_before_it_costs_anything() {
    let mut definitions = serde_json::Map::new();
    definitions.insert("d0".into(), json!({"type": "string"}));
    for level in 1..=30 {
        let below = json!({"$ref": format!("#/$defs/d{}", level - 1)});
        definitions.insert(format!("d{level}"), json!({"allOf": [below, below]}));
    }
    let bomb = json!({"type": "object", "properties": {"x": {"$ref": "#/$defs/d30"}}, "$defs": definitions});
    let start = std::time::Instant::now();
    assert!(refusal(&bomb.to_string()).contains("more than 10000 steps"));
    assert!(start.elapsed() < std::time::Duration::from_secs(1), "{:?}", start.elapsed());
}

#[test]
fn recursive_schemas_of_honest_size_are_taken_and_deep_documents_bounded() {
    let tree = r##"{"type":"object","properties":{"left":{"$ref":"#"},"right":{"$ref":"#"}}}"##;
    let schema = Schema::compile_input(tree).unwrap();
    let nested = |depth: usize| (0..depth).fold(json!({}), |inner, _| json!({"left": inner}));
    assert_eq!(schema.check(&nested(120)), Ok(()));
    assert!(schema.check(&nested(200)).unwrap_err().message.contains("too deep"));
}

#[test]
fn a_pattern_that_would_backtrack_answers_at_once() {
    let schema = Schema::compile_input(r#"{"type":"object","properties":{"text":{"pattern":"^(a+)+$"}}}"#).unwrap();
    let start = std::time::Instant::now();
    assert!(schema.check(&json!({"text": "a".repeat(10_000) + "!"})).is_err());
    assert!(start.elapsed() < std::time::Duration::from_millis(500), "{:?}", start.elapsed());
}
