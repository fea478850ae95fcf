//! Values of a plain component (`guests/wit/plain.wit`), both ways.

use serde_json::{Value, json};
use skillhost_tests::World;

/// Calls `tool` with `{"value": value}`.
#[track_caller]
fn back(world: &World, tool: &str, value: &Value) -> Value {
    let input = json!({ "value": value }).to_string();
    world.call(&format!("plain-zoo.{tool}"), &["--input", &input]).data()
}

/// Every one of `values` comes back as it went.
#[track_caller]
fn survive(world: &World, tool: &str, values: &[Value]) {
    for value in values {
        assert_eq!(back(world, tool, value), *value, "{tool}");
    }
}

/// `value` is refused, and the message names `path`.
#[track_caller]
fn refused(world: &World, tool: &str, value: &Value, path: &str) {
    let ran = world.call(&format!("plain-zoo.{tool}"), &["--input", &json!({ "value": value }).to_string()]);
    assert_eq!((ran.code, ran.kind().as_str()), (Some(4), "invalid-input"), "{ran}");
    let outcome = ran.json();
    assert!(outcome["error"]["message"].as_str().unwrap().contains(path), "`{path}` is named: {outcome}");
}

fn integers() -> Value {
    json!({"a-s8": -128, "a-u8": 255, "a-s16": -32768, "a-u16": 65535, "a-s32": i32::MIN, "a-u32": u32::MAX,
        "a-s64": i64::MIN, "a-u64": u64::MAX})
}

fn everything() -> Value {
    json!({
        "yes": true, "numbers": integers(), "small": 0.5, "large": 1e300, "letter": "🦀", "text": "zwei\n\"Zeilen\" \u{0}",
        "bytes": "AAEC/w==", "pages": ["", "AA=="], "grid": [[1, -2], []], "pair": [7, "seven"],
        "animal": {"name": "Ada", "legs": 2, "type": "x86-64", "nick-name": null}, "kind": "flags",
        "diet": ["meat", "insects-2"], "food": {"mixed": [{"what": "rice", "share": 0.25}]},
        "maybe": 3, "maybe-maybe": {"some": null}, "maybe-maybe-maybe": {"some": {"some": 9}},
        "maybe-list": ["a", null], "tried": {"err": "no"}, "tried-nothing": {"ok": null},
        "tried-value": {"ok": "AQI="}, "tried-error": {"err": "bird"},
    })
}

#[test]
fn a_record_of_everything_comes_back_as_it_went() {
    let world = World::with(&["plain-zoo"]);
    survive(&world, "all", &[everything()]);
    // Fields that are options may be left out, and come back as null.
    let mut sparse = everything();
    for field in ["maybe", "maybe-maybe", "maybe-maybe-maybe", "maybe-list"] {
        sparse.as_object_mut().unwrap().remove(field);
    }
    let came = back(&world, "all", &sparse);
    for field in ["maybe", "maybe-maybe", "maybe-maybe-maybe", "maybe-list"] {
        sparse[field] = Value::Null;
    }
    assert_eq!(came, sparse);
}

#[test]
fn integers_of_64_bits_are_numbers_and_exact() {
    let world = World::with(&["plain-zoo"]);
    survive(&world, "integers-back", &[integers()]);
    survive(&world, "signed", &[json!(i64::MIN), json!(i64::MAX), json!((1_i64 << 53) + 1), json!(0)]);
    survive(&world, "unsigned", &[json!(u64::MAX), json!((1_u64 << 53) + 1)]);
    assert_eq!(world.call("plain-zoo.extremes", &[]).data(), json!([i64::MIN, i64::MAX, u64::MAX]));
    let typed = world.call("plain-zoo.unsigned", &["value=18446744073709551615"]);
    assert_eq!(typed.data(), json!(u64::MAX), "KEY=VALUE by the schema");
}

#[test]
fn floats_that_json_lacks_are_words() {
    let world = World::with(&["plain-zoo"]);
    survive(
        &world,
        "float",
        &[json!(0.1), json!(f64::MAX), json!(f64::MIN_POSITIVE), json!("NaN"), json!("Infinity"), json!("-Infinity")],
    );
    survive(&world, "float-small", &[json!(0.1), json!(-2.5), json!("NaN")]);
    let odd = world.call("plain-zoo.odd-floats", &[]).data();
    assert_eq!(odd, json!(["NaN", "Infinity", "-Infinity", -0.0, f64::MIN_POSITIVE, f64::MAX]));
    refused(&world, "float", &json!("nan"), "/value");
}

#[test]
fn texts_characters_and_bytes_come_back() {
    let world = World::with(&["plain-zoo"]);
    survive(&world, "zoo-text", &[json!(""), json!("ü\u{0}\u{1b}\u{202e}🦀\u{10ffff}"), json!("x".repeat(100_000))]);
    survive(&world, "letter", &[json!("a"), json!("🦀"), json!("\u{0}"), json!("\"")]);
    survive(&world, "bytes", &[json!(""), json!("AA=="), json!("/+8AAQL/")]);
    for (tool, wrong) in [("letter", "ab"), ("letter", ""), ("bytes", "***"), ("bytes", "AA"), ("bytes", "-_8=")] {
        refused(&world, tool, &json!(wrong), "/value");
    }
}

#[test]
fn options_results_and_nested_lists_keep_their_layers() {
    let world = World::with(&["plain-zoo"]);
    survive(&world, "options", &[json!(null), json!({"some": null}), json!({"some": 255})]);
    survive(
        &world,
        "deep-options",
        &[json!(null), json!({"some": null}), json!({"some": {"some": null}}), json!({"some": {"some": "x"}})],
    );
    survive(&world, "nested", &[json!([]), json!([[], [[]], [[1], [2, 65535], []]])]);
    survive(&world, "tuple-back", &[json!([true, -128, ["x", 0.5]])]);
    refused(&world, "options", &json!(3), "/value");
    refused(&world, "options", &json!({"some": 256}), "/value/some");
    refused(&world, "nested", &json!([[[1], [2, 65536]]]), "/value/0/1/1");
    refused(&world, "tuple-back", &json!([true, 0, ["xy", 0.5]]), "/value/2/0");
    refused(&world, "tuple-back", &json!([true, 0]), "/value");
}

#[test]
fn records_enums_flags_and_variants_come_back() {
    let world = World::with(&["plain-zoo"]);
    let animal = json!({"name": "Ada", "legs": 2, "type": "mammal", "nick-name": "A"});
    survive(&world, "animal-back", std::slice::from_ref(&animal));
    survive(&world, "kind-back", &[json!("mammal"), json!("bird"), json!("flags"), json!("x86-64")]);
    survive(&world, "diet-back", &[json!([]), json!(["meat"]), json!(["meat", "list", "plants", "insects-2"])]);
    let foods = [
        json!("nothing"),
        json!({"grams": u32::MAX}),
        json!({"named": ""}),
        json!({"meal": animal}),
        json!({"mixed": [{"what": "a", "share": 1.0}, {"what": "b", "share": "NaN"}]}),
        json!({"maybe": null}),
        json!({"maybe": "x"}),
        json!({"tried": {"ok": 1}}),
        json!({"tried": {"err": "no"}}),
    ];
    survive(&world, "food-back", &foods);
}

#[test]
fn what_does_not_fit_a_type_is_refused_with_its_path() {
    let world = World::with(&["plain-zoo"]);
    refused(&world, "animal-back", &json!({"name": "a", "legs": 256, "type": "bird"}), "/value/legs");
    refused(&world, "animal-back", &json!({"name": "a", "legs": 2, "type": "fish"}), "/value/type");
    refused(&world, "animal-back", &json!({"name": "a", "legs": 2}), "type");
    refused(&world, "animal-back", &json!({"name": "a", "legs": 2, "type": "bird", "wings": 2}), "wings");
    refused(&world, "animal-back", &json!("Ada"), "/value");
    refused(&world, "diet-back", &json!(["meat", "stones"]), "/value/1");
    refused(&world, "food-back", &json!({"grams": -1}), "/value/grams");
    refused(&world, "food-back", &json!({"stones": 1}), "/value");
    refused(&world, "food-back", &json!({"grams": 1, "named": "x"}), "/value");
    refused(
        &world,
        "food-back",
        &json!({"mixed": [{"what": "a", "share": 1}, {"what": 2, "share": 1}]}),
        "/value/mixed/1/what",
    );
    refused(&world, "signed", &json!(u64::MAX), "/value");
    refused(&world, "unsigned", &json!(-1), "/value");
    refused(&world, "signed", &json!(0.5), "/value");
    refused(&world, "signed", &json!("1"), "/value");
    refused(&world, "signed", &json!(null), "/value");
    let missing = world.call("plain-zoo.twenty", &["a=1"]);
    assert_eq!((missing.code, missing.kind().as_str()), (Some(4), "invalid-input"), "{missing}");
    let strange = world.call("plain-zoo.greet", &["name=a", "more=b"]);
    assert_eq!((strange.code, strange.kind().as_str()), (Some(4), "invalid-input"), "{strange}");
    assert!(strange.json()["error"]["message"].as_str().unwrap().contains("more"), "{strange}");
}

#[test]
fn a_result_gives_its_value_and_its_error_fails_the_call() {
    let world = World::with(&["plain-zoo"]);
    let call = |tool: &str, arguments: &[&str]| world.call(&format!("plain-zoo.{tool}"), arguments);
    assert_eq!(call("divide", &["value=7", "by=2"]).data(), 3);
    assert_eq!(call("complain", &["yes=false"]).data(), "content");
    assert_eq!(call("find", &["yes=false"]).data(), 7);
    assert_eq!(call("bare", &["yes=false"]).data(), Value::Null);
    assert_eq!(call("check", &["yes=false"]).data(), Value::Null);
    assert_eq!(back(&world, "results", &json!({"ok": 5})), 5);
    assert_eq!(back(&world, "results", &json!({"ok": null})), Value::Null);
    let failures: [(&str, &[&str], &str); 6] = [
        ("divide", &["value=7", "by=0"], "7 cannot be divided by 0"),
        ("complain", &["yes=true"], "418"),
        ("find", &["yes=true"], ""),
        ("bare", &["yes=true"], ""),
        ("check", &["yes=true"], "as asked"),
        ("results", &["value:={\"err\":[\"first\",\"second\"]}"], "second"),
    ];
    for (tool, arguments, word) in failures {
        let ran = call(tool, arguments);
        assert_eq!((ran.code, ran.kind().as_str()), (Some(1), "tool-error"), "{ran}");
        assert!(ran.json()["error"]["message"].as_str().unwrap().contains(word), "`{word}`: {ran}");
    }
}

#[test]
fn functions_have_their_names_and_those_that_share_one_get_their_interface_before_it() {
    let world = World::with(&["plain-zoo"]);
    let call = |tool: &str, arguments: &[&str]| world.call(&format!("plain-zoo.{tool}"), arguments).data();
    assert_eq!(call("text", &["value=a"]), "of the world: a");
    assert_eq!(call("zoo-text", &["value=a"]), "a");
    assert_eq!(call("first-same", &[]), "first");
    assert_eq!(call("second-same", &[]), "second");
    assert_eq!(call("only-first", &[]), "only first");
    assert_eq!(call("nothing", &[]), Value::Null);
    assert_eq!(call("optional", &[]), "None None");
    assert_eq!(call("optional", &["first=a", "second=2"]), "Some(\"a\") Some(2)");
    let letters: Vec<String> = ('a'..='t').map(|letter| format!("{letter}=10")).collect();
    assert_eq!(call("twenty", &letters.iter().map(String::as_str).collect::<Vec<_>>()), 200);
}

#[test]
fn a_plain_components_name_is_its_files_in_kebab_case() {
    let world = World::new();
    let bytes = std::fs::read(skillhost_tests::guest("plain-zoo")).unwrap();
    for (file, name) in [("My_Zoo.wasm", "my-zoo"), ("bigZoo.wasm", "big-zoo"), ("zoo.wasm", "zoo")] {
        let path = world.put(file, &bytes);
        assert_eq!(world.entry(file)["name"], name);
        assert_eq!(world.call(&format!("{name}.greet"), &["name=Ada"]).data(), "Hello, Ada!");
        std::fs::remove_file(path).unwrap();
    }
}
