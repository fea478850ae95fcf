use serde_json::json;

use super::*;

fn fields(pairs: &[(&str, &str)]) -> Fields {
    let mut encoded = url::form_urlencoded::Serializer::new(String::new());
    Fields::of(Some(&encoded.extend_pairs(pairs).finish()))
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required})
}

fn controls(schema: &Value) -> Vec<(String, Control)> {
    let fields = Form::new("t", schema, None).fields.unwrap();
    fields.into_iter().map(|field| (field.label, field.control)).collect()
}

#[test]
fn every_kind_of_property_has_its_control() {
    let line = |kind, pattern: Option<&str>, longest| Control::Line {
        kind,
        pattern: pattern.map(str::to_owned),
        shortest: None,
        longest,
    };
    let number = |step, min: Option<&str>, max: Option<&str>| Control::Number {
        step,
        min: min.map(str::to_owned),
        max: max.map(str::to_owned),
    };
    let choice = |value: &str, label: &str| Choice { value: value.into(), label: label.into(), chosen: false };
    let definitions = json!({"color": {"enum": ["red", "blue"]}});
    for (property, control) in [
        (json!({"type": "string"}), Control::Text { shortest: None, longest: None }),
        (json!({"type": ["string", "null"], "minLength": 2}), Control::Text { shortest: Some(2), longest: None }),
        (json!({"type": "string", "maxLength": 20}), line("text", None, Some(20))),
        (json!({"type": "string", "pattern": "^a|b$"}), line("text", Some(".*(?:^a|b$).*"), None)),
        (json!({"type": "string", "format": "uri"}), line("url", None, None)),
        (json!({"type": "integer", "minimum": 1, "maximum": 9}), number("1", Some("1"), Some("9"))),
        (json!({"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 9}), number("1", Some("2"), Some("8"))),
        (json!({"type": "number", "minimum": 0.5}), number("any", Some("0.5"), None)),
        (json!({"type": "boolean"}), Control::Check { checked: false }),
        (json!({"type": "boolean", "default": true}), Control::Check { checked: true }),
        (json!({"enum": ["a", 2]}), Control::Choice(vec![choice("\"a\"", "a"), choice("2", "2")])),
        (
            json!({"oneOf": [{"const": "x", "title": "Ex"}, {"const": "y"}]}),
            Control::Choice(vec![choice("\"x\"", "Ex"), choice("\"y\"", "y")]),
        ),
        (
            json!({"anyOf": [{"$ref": "#/$defs/color"}, {"type": "null"}]}),
            Control::Choice(vec![choice("\"red\"", "red"), choice("\"blue\"", "blue")]),
        ),
        (json!({"type": "array", "items": {"type": "integer"}}), Control::Json { example: "[\n  0\n]".into() }),
        (json!({"anyOf": [{"type": "integer"}, {"type": "string"}]}), Control::Json { example: "0".into() }),
        (json!({"type": ["string", "integer"]}), Control::Json { example: "{}".into() }),
        (json!({"$ref": "#/nowhere"}), Control::Json { example: "{}".into() }),
        (json!(true), Control::Json { example: "{}".into() }),
    ] {
        let mut schema = object(json!({"p": property}), &[]);
        schema["$defs"] = definitions.clone();
        assert_eq!(controls(&schema), [("p".to_owned(), control)], "{property}");
    }
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    let schema = json!({"$ref": "#", "type": "object"});
    assert!(Form::new("t", &schema, None).fields.is_none());
    let tree = json!({"type": "object", "required": ["kids"],
        "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}}});
    assert!(matches!(controls(&tree).as_slice(), [(_, Control::Json { .. })]));
    let either = json!({"anyOf": [{"$ref": "#"}, {"type": "string"}]});
    assert_eq!(schema::example(&either), json!({}));
}

#[test]
fn what_is_no_object_is_typed_as_json() {
    for schema in
        [json!({}), json!(true), json!({"type": "array"}), json!({"type": "object"}), json!({"type": "string"})]
    {
        assert!(Form::new("t", &schema, None).fields.is_none(), "{schema}");
    }
    let nothing = json!({"type": "object", "additionalProperties": false});
    assert!(Form::new("t", &nothing, None).fields.is_some_and(|fields| fields.is_empty()));
}

#[test]
fn what_must_be_given_comes_first() {
    let schema = object(json!({"a": {"type": "string"}, "b": {"type": "string"}}), &["b"]);
    assert_eq!(controls(&schema).iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
}

#[test]
fn what_was_typed_becomes_the_input() {
    let schema = object(
        json!({
            "text": {"type": "string"}, "more": {"type": "string"}, "count": {"type": "integer"}, "big": {"type": "integer"},
            "yes": {"type": "boolean"}, "no": {"type": "boolean"}, "on": {"type": "boolean", "default": true},
            "color": {"enum": ["red", 2]}, "list": {"type": "array"},
        }),
        &["text", "no"],
    );
    let typed = fields(&[
        ("input.text", ""),
        ("input.more", ""),
        ("input.count", " -3 "),
        ("input.big", "18446744073709551615"),
        ("input.yes", "on"),
        ("input.color", "2"),
        ("input.list", "[1, {\"a\": null}]"),
        ("input.unknown", "x"),
        ("csrf", "x"),
    ]);
    let input: Value = serde_json::from_str(&read(&schema, &typed).unwrap()).unwrap();
    let wanted = json!({"text": "", "count": -3, "big": u64::MAX, "yes": true, "no": false, "on": false, "color": 2,
        "list": [1, {"a": null}]});
    assert_eq!(input, wanted);
}

/// What a browser sends of a form that is sent as it is offered, but for what is `typed`.
fn sent_as_offered(schema: &Value, typed: &[(&str, &str)]) -> Fields {
    let offered = Form::new("t", schema, None).fields.unwrap();
    let pairs: Vec<_> = offered
        .iter()
        .filter_map(|field| {
            let typed = typed.iter().find(|(label, _)| *label == field.label).map(|(_, text)| *text);
            let value = match &field.control {
                Control::Check { checked } => return checked.then_some((field.name.as_str(), "on")),
                Control::Choice(choices) => {
                    choices.iter().find(|choice| choice.chosen).map_or("", |choice| &choice.value)
                }
                _ => &field.value,
            };
            Some((field.name.as_str(), typed.unwrap_or(value)))
        })
        .collect();
    fields(&pairs)
}

#[test]
fn a_form_sent_as_it_is_offered_leaves_out_what_was_not_filled() {
    // That of the tool `query` of the example skill `jq`.
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "description": "A filter and what it works on.",
        "required": ["filter"],
        "properties": {
            "args": {"additionalProperties": true, "default": {}, "type": "object"},
            "filter": {"description": "A filter in the jq language.", "type": "string"},
            "input": {"default": null, "description": "The JSON that the filter gets."},
            "limit": {"default": 1000, "format": "uint", "maximum": 10_000, "minimum": 1, "type": "integer"},
            "slurp": {"default": false, "type": "boolean"},
            "text": {"default": null, "description": "Instead of `input`.", "type": ["string", "null"]},
        },
    });
    let sent = sent_as_offered(&schema, &[("filter", "1 + 1")]);
    let input: Value = serde_json::from_str(&read(&schema, &sent).unwrap()).unwrap();
    assert_eq!(input, json!({"filter": "1 + 1", "args": {}, "limit": 1000}));
}

#[test]
fn what_does_not_fit_is_said_at_its_field_and_kept() {
    let schema =
        object(json!({"count": {"type": "integer"}, "list": {"type": "array"}, "n": {"type": "number"}}), &["n"]);
    let typed = fields(&[("input.count", "three"), ("input.list", "[1,"), ("input.n", "")]);
    let misfits = read(&schema, &typed).unwrap_err();
    let of = |name: &str| misfits.iter().any(|misfit| misfit.property.as_deref() == Some(name));
    assert!(of("count") && of("list") && of("n"), "{misfits:?}");
    let form = Form::new("t", &schema, Some((&typed, &misfits)));
    let count = form.fields.unwrap().into_iter().find(|field| field.label == "count").unwrap();
    assert_eq!((count.value.as_str(), count.misfit.is_some()), ("three", true));
}

#[test]
fn json_is_taken_as_it_stands() {
    let schema = object(json!({"text": {"type": "string"}}), &["text"]);
    assert_eq!(read(&schema, &fields(&[(RAW, "{\"text\": 1}")])).unwrap(), "{\"text\": 1}");
    let wrong = fields(&[(RAW, "{")]);
    let misfits = read(&schema, &wrong).unwrap_err();
    let form = Form::new("t", &schema, Some((&wrong, &misfits)));
    assert!(form.as_json && form.raw == "{" && form.misfit.is_some());
}

#[test]
fn an_example_has_what_must_be_given() {
    let schema = object(json!({"a": {"type": "integer", "minimum": 3}, "b": {"type": "string"}}), &["a"]);
    assert_eq!(schema::example(&schema), json!({"a": 3}));
}
