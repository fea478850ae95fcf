//! The mapping, rule by rule: what is taken, what is refused and where, what the schema says.

use serde_json::{Value, json};
use wasmtime::component::Val;

use super::testing::{signature_of, try_signature};
use crate::values::{ReturnedError, Signature, Unrepresentable, from_json, to_json};

/// The function that takes and gives one value of the type `ty`.
fn of(types: &str, ty: &str) -> Signature {
    signature_of(types, &format!("(v: {ty}) -> tuple<{ty}>"))
}

/// `value` is taken, and given back as `given`; the value that it stands for.
fn reads_as(signature: &Signature, value: &Value, given: &Value) -> Val {
    let params = from_json(signature, &json!({"v": value})).unwrap();
    let written = to_json(signature, &[Val::Tuple(params.clone())], u64::MAX).unwrap();
    assert_eq!(written.to_string(), json!([given]).to_string());
    params.into_iter().next().unwrap()
}

/// `value` is taken and comes back the same; the value that it stands for.
fn same(signature: &Signature, value: &Value) -> Val {
    reads_as(signature, value, value)
}

/// `value` is refused; the error as text.
fn refused(signature: &Signature, value: &Value) -> String {
    from_json(signature, &json!({"v": value})).unwrap_err().to_string()
}

/// The schema of the parameter.
fn schema(signature: &Signature) -> Value {
    signature.input_schema()["properties"]["v"].clone()
}

#[test]
fn integers_are_exact_and_in_range() {
    for (ty, least, greatest) in [
        ("s8", json!(i8::MIN), json!(i8::MAX)),
        ("u8", json!(0), json!(u8::MAX)),
        ("s16", json!(i16::MIN), json!(i16::MAX)),
        ("u16", json!(0), json!(u16::MAX)),
        ("s32", json!(i32::MIN), json!(i32::MAX)),
        ("u32", json!(0), json!(u32::MAX)),
        ("s64", json!(i64::MIN), json!(i64::MAX)),
        ("u64", json!(0), json!(u64::MAX)),
    ] {
        let signature = of("", ty);
        same(&signature, &least);
        same(&signature, &greatest);
        assert_eq!(schema(&signature), json!({"type": "integer", "minimum": least, "maximum": greatest}));
        for wrong in [json!(1.0), json!(1e3), json!(-0.0), json!("1"), json!(null), json!(true), json!([1])] {
            let error = refused(&signature, &wrong);
            assert!(error.contains(&format!("an integer from {least} to {greatest} ({ty}), found")), "{error}");
        }
    }
    let text = refused(&of("", "u8"), &json!(256));
    assert_eq!(text, "/v: expected an integer from 0 to 255 (u8), found 256");
    let text = refused(&of("", "u64"), &json!(-1));
    assert_eq!(text, "/v: expected an integer from 0 to 18446744073709551615 (u64), found -1");
    let text = refused(&of("", "s64"), &json!(u64::MAX));
    assert!(text.ends_with("9223372036854775807 (s64), found 18446744073709551615"), "{text}");
    // What the JSON parser makes of digits, point and exponent.
    let parsed = serde_json::from_str(r#"{"v": 1e3}"#).unwrap();
    assert!(from_json(&of("", "u32"), &parsed).is_err());
}

#[test]
fn floats_are_numbers_and_what_json_lacks_are_strings() {
    for ty in ["f32", "f64"] {
        let signature = of("", ty);
        for value in [json!(0.1), json!(-0.0), json!(1.5e-7), json!("NaN"), json!("Infinity"), json!("-Infinity")] {
            same(&signature, &value);
        }
        reads_as(&signature, &json!(3), &json!(3.0));
        for wrong in [json!("nan"), json!("1.5"), json!(null), json!("inf")] {
            let error = refused(&signature, &wrong);
            assert!(error.starts_with("/v: expected a number"), "{error}");
        }
        assert_eq!(
            schema(&signature),
            json!({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]})
        );
    }
    assert_eq!(same(&of("", "f64"), &json!(-0.0)), Val::Float64(-0.0));
    same(&of("", "f64"), &json!(1e300));
    // 1e39 is over the greatest single; what lies between two singles is rounded.
    assert!(refused(&of("", "f32"), &json!(1e39)).contains("f32"));
    reads_as(&of("", "f32"), &json!(0.1_f64 + 1e-12), &json!(0.1));
    reads_as(&of("", "f32"), &json!(f64::from(f32::MAX)), &json!(3.4028235e38));
    same(&of("", "f32"), &json!(1e-45));
}

#[test]
fn texts_bools_and_chars_are_what_they_are_in_json() {
    let string = of("", "string");
    same(&string, &json!("\0 \" \u{1f980}"));
    assert_eq!(refused(&string, &json!(1)), "/v: expected a string, found 1");
    let bool = of("", "bool");
    same(&bool, &json!(true));
    assert_eq!(refused(&bool, &json!("true")), "/v: expected true or false, found the string \"true\"");
    let char = of("", "char");
    assert_eq!(same(&char, &json!("\u{1f980}")), Val::Char('\u{1f980}'));
    assert_eq!(schema(&char), json!({"type": "string", "minLength": 1, "maxLength": 1}));
    for wrong in ["", "ab", "e\u{301}"] {
        assert!(refused(&char, &json!(wrong)).contains("a string of one character"), "{wrong}");
    }
}

#[test]
fn bytes_are_base64_of_the_standard_alphabet_with_padding() {
    let signature = of("", "list<u8>");
    assert_eq!(same(&signature, &json!("+/8=")), Val::List(vec![Val::U8(0xfb), Val::U8(0xff)]));
    same(&signature, &json!(""));
    assert_eq!(schema(&signature), json!({"type": "string", "contentEncoding": "base64"}));
    // The URL alphabet, no padding, too much of it, stray bits, white space, and no string.
    for wrong in [json!("-_8="), json!("+/8"), json!("+/8=="), json!("+/9="), json!("+/8=\n"), json!([251, 255])] {
        let error = refused(&signature, &wrong);
        assert!(error.starts_with("/v: expected a base64 string (standard alphabet, padded), found"), "{error}");
    }
}

#[test]
fn records_are_objects_by_field_name() {
    let signature = of("record r { first-name: string, age: option<u8>, %list: u8 }", "r");
    let value = same(&signature, &json!({"first-name": "Ada", "age": null, "list": 1}));
    reads_as(
        &signature,
        &json!({"list": 1, "first-name": "Ada"}),
        &json!({"first-name": "Ada", "age": null, "list": 1}),
    );
    let Val::Record(fields) = value else { panic!("{value:?}") };
    assert_eq!(fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["first-name", "age", "list"]);
    assert_eq!(
        schema(&signature),
        json!({
            "type": "object",
            "properties": {
                "first-name": {"type": "string"},
                "age": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 255}, {"type": "null"}]},
                "list": {"type": "integer", "minimum": 0, "maximum": 255},
            },
            "required": ["first-name", "list"],
            "additionalProperties": false,
        })
    );
    assert_eq!(refused(&signature, &json!({"list": 1})), "/v: the field `first-name` is missing: expected a string");
    assert_eq!(
        refused(&signature, &json!({"list": 1, "first-name": "", "nome": 2})),
        "/v: there is no field `nome`: expected `first-name`, `age`, `list`"
    );
    assert_eq!(
        refused(&signature, &json!({"list": -1, "first-name": ""})),
        "/v/list: expected an integer from 0 to 255 (u8), found -1"
    );
    assert_eq!(refused(&signature, &json!(["Ada"])), "/v: expected an object, found an array of 1");
}

#[test]
fn lists_and_tuples_are_arrays() {
    let list = of("", "list<option<string>>");
    same(&list, &json!(["a", null]));
    same(&list, &json!([]));
    assert_eq!(refused(&list, &json!(["a", 2])), "/v/1: expected a string, found 2");
    assert_eq!(refused(&list, &json!("a")), "/v: expected an array, found the string \"a\"");

    let tuple = of("", "tuple<u8, string>");
    same(&tuple, &json!([1, "a"]));
    assert_eq!(refused(&tuple, &json!([1])), "/v: expected an array of 2, found an array of 1");
    assert_eq!(refused(&tuple, &json!([1, "a", 2])), "/v: expected an array of 2, found an array of 3");
    assert_eq!(refused(&tuple, &json!([1, 2])), "/v/1: expected a string, found 2");
    assert_eq!(schema(&tuple)["prefixItems"][1], json!({"type": "string"}));
    assert_eq!((&schema(&tuple)["items"], &schema(&tuple)["minItems"]), (&json!(false), &json!(2)));

    let fixed = of("", "list<u8, 3>");
    same(&fixed, &json!([1, 2, 3]));
    assert_eq!(refused(&fixed, &json!([1, 2])), "/v: expected an array of 3, found an array of 2");
}

#[test]
fn maps_are_objects_by_string_and_arrays_of_pairs_by_anything_else() {
    let by_name = of("", "map<string, u8>");
    same(&by_name, &json!({"a/b~c": 1}));
    assert_eq!(
        refused(&by_name, &json!({"a/b~c": "x"})),
        "/v/a~1b~0c: expected an integer from 0 to 255 (u8), found the string \"x\""
    );
    let by_number = of("", "map<u8, string>");
    same(&by_number, &json!([[1, "a"], [2, "b"]]));
    assert_eq!(
        refused(&by_number, &json!([[1, "a"], [2]])),
        "/v/1: expected an array of a key and a value, found an array of 1"
    );
    assert_eq!(refused(&by_number, &json!([[1, 2]])), "/v/0/1: expected a string, found 2");
}

#[test]
fn options_are_null_or_the_value_and_some_tells_nested_ones_apart() {
    let option = of("", "option<u8>");
    same(&option, &json!(null));
    same(&option, &json!(1));
    assert_eq!(from_json(&option, &json!({})).unwrap(), [Val::Option(None)]);
    assert_eq!(
        refused(&option, &json!({"some": 1})),
        "/v: expected an integer from 0 to 255 (u8), found an object of `some`"
    );

    let none = || Val::Option(None);
    let some = |value| Val::Option(Some(Box::new(value)));
    let nested = of("", "option<option<option<u8>>>");
    assert_eq!(same(&nested, &json!(null)), none());
    assert_eq!(same(&nested, &json!({"some": null})), some(none()));
    assert_eq!(same(&nested, &json!({"some": {"some": null}})), some(some(none())));
    assert_eq!(same(&nested, &json!({"some": {"some": 1}})), some(some(some(Val::U8(1)))));
    assert_eq!(refused(&nested, &json!(1)), "/v: expected {\"some\": …} or null, found 1");
    assert_eq!(refused(&nested, &json!({})), "/v: expected {\"some\": …} or null, found an object of nothing");
    assert_eq!(
        refused(&nested, &json!({"some": {"any": 1}})),
        "/v/some: expected {\"some\": …} or null, found an object of `any`"
    );
}

#[test]
fn enums_are_strings_and_flags_arrays_of_them_each_once() {
    let colour = of("enum colour { red, deep-blue }", "colour");
    assert_eq!(same(&colour, &json!("deep-blue")), Val::Enum("deep-blue".into()));
    assert_eq!(refused(&colour, &json!("green")), "/v: expected one of `red`, `deep-blue`, found the string \"green\"");
    assert_eq!(schema(&colour), json!({"type": "string", "enum": ["red", "deep-blue"]}));

    let rights = of("flags rights { read, write, execute }", "rights");
    same(&rights, &json!([]));
    reads_as(&rights, &json!(["write", "read"]), &json!(["read", "write"]));
    assert_eq!(refused(&rights, &json!(["read", "read"])), "/v/1: expected each flag once, found the string \"read\"");
    assert_eq!(
        refused(&rights, &json!(["own"])),
        "/v/0: expected one of `read`, `write`, `execute`, found the string \"own\""
    );
    assert_eq!(refused(&rights, &json!([1])), "/v/0: expected one of `read`, `write`, `execute`, found 1");
    assert_eq!(
        refused(&rights, &json!("read")),
        "/v: expected an array of `read`, `write`, `execute`, found the string \"read\""
    );
}

#[test]
fn variants_are_the_case_or_an_object_of_the_case_and_its_payload() {
    let shape = of("variant shape { circle(f64), point, maybe(option<u8>) }", "shape");
    assert_eq!(same(&shape, &json!("point")), Val::Variant("point".into(), None));
    same(&shape, &json!({"circle": 1.5}));
    same(&shape, &json!({"maybe": null}));
    assert_eq!(
        refused(&shape, &json!("circle")),
        "/v: expected {\"circle\": …}, as the case `circle` has a payload: \
         a number, \"NaN\", \"Infinity\" or \"-Infinity\", found the string \"circle\""
    );
    assert_eq!(
        refused(&shape, &json!({"point": null})),
        "/v: expected \"point\", as the case `point` has no payload, found an object of `point`"
    );
    assert!(refused(&shape, &json!({"circle": "x"})).starts_with("/v/circle: expected a number"));
    for wrong in [json!("square"), json!({"square": 1}), json!({"circle": 1, "point": 2}), json!({}), json!(1)] {
        let error = refused(&shape, &wrong);
        assert!(error.contains("one of `circle`, `point`, `maybe`"), "{error}");
    }
    assert_eq!(schema(&shape)["oneOf"][0], json!({"type": "string", "enum": ["point"]}));
}

#[test]
fn results_are_objects_of_ok_or_err() {
    let result = of("", "result<u8, string>");
    same(&result, &json!({"ok": 1}));
    same(&result, &json!({"err": "no"}));
    assert_eq!(
        refused(&result, &json!({"ok": "no"})),
        "/v/ok: expected an integer from 0 to 255 (u8), found the string \"no\""
    );
    for wrong in [json!(1), json!("ok"), json!({}), json!({"ok": 1, "err": ""}), json!({"fine": 1})] {
        assert!(refused(&result, &wrong).contains("expected {\"ok\": …} or {\"err\": …}, found"), "{wrong}");
    }
    let bare = of("", "result");
    same(&bare, &json!({"ok": null}));
    same(&bare, &json!({"err": null}));
    assert_eq!(refused(&bare, &json!({"ok": 1})), "/v/ok: expected null, as there is no payload, found 1");
}

#[test]
fn a_function_whose_only_result_is_a_result_gives_its_ok_and_fails_with_its_err() {
    let ok = |value: Option<Val>| [Val::Result(Ok(value.map(Box::new)))];
    let err = |value: Option<Val>| [Val::Result(Err(value.map(Box::new)))];

    let both = signature_of("", "() -> result<u8, string>");
    assert_eq!(to_json(&both, &ok(Some(Val::U8(7))), 10), Ok(json!(7)));
    let failed = to_json(&both, &err(Some(Val::String("no".into()))), 10).unwrap_err();
    assert_eq!(failed, ReturnedError::Err(json!("no")));
    assert_eq!(both.output_schema(), Some(json!({"type": "integer", "minimum": 0, "maximum": 255})));

    let bare = signature_of("", "() -> result");
    assert_eq!(to_json(&bare, &ok(None), 10), Ok(Value::Null));
    assert_eq!(to_json(&bare, &err(None), 10), Err(ReturnedError::Err(Value::Null)));
    assert_eq!(bare.output_schema(), None);

    let nested = signature_of("", "() -> result<result<u8>>");
    assert_eq!(to_json(&nested, &ok(Some(Val::Result(Err(None)))), 20), Ok(json!({"err": null})));
}

#[test]
fn a_function_without_parameters_or_result_takes_an_empty_object_and_gives_null() {
    let signature = signature_of("", "()");
    assert_eq!(from_json(&signature, &json!({})), Ok(vec![]));
    assert_eq!(
        from_json(&signature, &json!({"a": 1})).unwrap_err().to_string(),
        "the input: there is no field `a`: expected nothing"
    );
    assert_eq!(
        from_json(&signature, &json!(null)).unwrap_err().to_string(),
        "the input: expected an object, found null"
    );
    assert_eq!(to_json(&signature, &[], 4), Ok(Value::Null));
    assert_eq!((signature.result_count(), signature.output_schema()), (0, None));
    assert_eq!(
        signature.input_schema(),
        json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false})
    );
}

#[test]
fn values_of_another_function_are_not_written() {
    let signature = of("record r { a: u8 }", "r");
    let record = |name: &str, value| Val::Tuple(vec![Val::Record(vec![(name.to_owned(), value)])]);
    assert!(to_json(&signature, &[record("a", Val::U8(1))], 100).is_ok());
    for wrong in [record("b", Val::U8(1)), record("a", Val::Bool(true)), Val::Tuple(vec![]), Val::U8(1)] {
        assert_eq!(to_json(&signature, &[wrong], 100), Err(ReturnedError::Foreign));
    }
    assert_eq!(to_json(&signature, &[], 100), Err(ReturnedError::Foreign));
}

#[test]
fn what_json_cannot_hold_makes_no_tool() {
    let blob = "resource blob { read: func() -> u8; }";
    for func in ["(b: borrow<blob>)", "() -> list<option<blob>>", "() -> result<_, tuple<u8, blob>>"] {
        assert_eq!(try_signature(blob, func).unwrap_err(), Unrepresentable::Handle("resource"), "{func}");
    }
}
