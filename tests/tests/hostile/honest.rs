//! Odd and honest skills: the host tells them from the hostile ones. The agents among them are in [`crate::agents`],
//! the rings in [`crate::nesting`].

use serde_json::{Value, json};
use skillhost_tests::{World, generation, guest};

use crate::kit::{ANSWERS, Row, hold, row};

/// What the agents and the skills with wide wants need to be called at all.
const BOARD: &[&str] = &["--grant", "blackboard.read *", "--grant", "blackboard.write *"];

fn data(came: &Value) -> &Value {
    &came["output"]["data"]
}

pub(crate) fn healthy() -> Vec<Row> {
    vec![
        row("healthy.echo", r#"{"a":{"b":[null,true]}}"#, &[ANSWERS])
            .so(|came| *data(came) == json!({"a": {"b": [null, true]}})),
        row("healthy.generation", "{}", &[ANSWERS])
            .so(|came| *data(came) == json!({"generation": "0", "version": "1.0.0"})),
        row("healthy.slow", r#"{"ms":50}"#, &[ANSWERS]).so(|came| came["usage"]["wall_us"].as_u64() >= Some(50_000)),
        row("healthy.slow", r#"{"ms":60000}"#, &["deadline"]).within(500),
        row("healthy.count", "{}", &[ANSWERS]).so(|came| data(came)["ok"].as_u64() >= Some(1)),
        row("healthy.nothing-like-it", "{}", &["not-found"]).so(|came| came["usage"]["fuel"] == 0),
        row("recorder.echo", r#"{"a":1}"#, &[ANSWERS])
            .with(&["--grant", "blackboard.subscribe notes:*"])
            .so(|came| data(came)["a"] == 1),
    ]
}

pub(crate) fn refusing() -> Vec<Row> {
    let said = |came: &Value| came["error"]["message"].as_str().is_some_and(|message| message.contains("so it is"));
    let says = r#"{"message":"so it is"}"#;
    let breaks = |tool: &str, may| row(format!("output-breaks-schema.{tool}"), "{}", may);
    vec![
        row("errors.invalid-input", says, &["invalid-input"]).so(said),
        row("errors.failed", says, &["tool-error"]).so(said),
        row("errors.transient", says, &["tool-error"]).so(said),
        breaks("fits", &[ANSWERS]).so(|came| *data(came) == json!({"n": 1})),
        breaks("breaks", &["tool-error"]),
        breaks("no-data", &["tool-error"]),
        breaks("not-json", &["tool-error"]),
    ]
}

pub(crate) fn schemas() -> Vec<Row> {
    let typed = |input, may| row("schemas.typed", input, may);
    let wrong = |input, path: fn(&Value) -> bool| row("schemas.typed", input, &["invalid-input"]).so(path);
    vec![
        typed("{}", &[ANSWERS]),
        typed(
            r#"{"text":"a","count":10,"share":0.5,"yes":false,"words":["b"],"nested":{"list":[1]},"any":[{}]}"#,
            &[ANSWERS],
        )
        .so(|came| data(came)["nested"]["list"] == json!([1]) && data(came)["any"] == json!([{}])),
        wrong(r#"{"text":""}"#, |came| names_path(came, "text")),
        wrong(r#"{"count":11}"#, |came| names_path(came, "count")),
        wrong(r#"{"count":1.5}"#, |came| names_path(came, "count")),
        wrong(r#"{"share":"half"}"#, |came| names_path(came, "share")),
        wrong(r#"{"yes":1}"#, |came| names_path(came, "yes")),
        wrong(r#"{"words":["a",1]}"#, |came| names_path(came, "words/1")),
        wrong(r#"{"nested":{"list":[1,"2"]}}"#, |came| names_path(came, "nested/list/1")),
        wrong(r#"{"unknown":1}"#, |came| names_path(came, "unknown")),
        wrong("[]", |_| true),
        wrong("{", |_| true),
        row("schemas.required", r#"{"name":"abc"}"#, &[ANSWERS]).so(|came| data(came)["name"] == "abc"),
        row("schemas.required", r#"{"name":"ABC"}"#, &["invalid-input"]).so(|came| names_path(came, "name")),
        row("schemas.required", "{}", &["invalid-input"]).so(|came| names_path(came, "name")),
        row("schemas.tree", r#"{"children":[{"children":[]}]}"#, &[ANSWERS]),
        row("schemas.tree", r#"{"children":[{"children":[1]}]}"#, &["invalid-input"])
            .so(|came| names_path(came, "children/0/children/0")),
    ]
}

fn names_path(came: &Value, path: &str) -> bool {
    came["error"]["message"].as_str().is_some_and(|message| message.contains(path))
}

pub(crate) fn plain() -> Vec<Row> {
    let zoo = |tool: &str, input, may| row(format!("plain-zoo.{tool}"), input, may);
    let back = |tool: &str, input| zoo(tool, input, &[ANSWERS]);
    vec![
        back("signed", r#"{"value":-9223372036854775808}"#).so(|came| *data(came) == json!(i64::MIN)),
        back("unsigned", r#"{"value":18446744073709551615}"#).so(|came| *data(came) == json!(u64::MAX)),
        back("float", r#"{"value":"NaN"}"#).so(|came| *data(came) == json!("NaN")),
        back("float", r#"{"value":"-Infinity"}"#).so(|came| *data(came) == json!("-Infinity")),
        back("letter", r#"{"value":"ß"}"#).so(|came| *data(came) == json!("ß")),
        zoo("letter", r#"{"value":"two"}"#, &["invalid-input"]),
        back("bytes", r#"{"value":"AP8="}"#).so(|came| *data(came) == json!("AP8=")),
        zoo("bytes", r#"{"value":"no base64!"}"#, &["invalid-input"]),
        back("options", r#"{"value":{"some":null}}"#).so(|came| *data(came) == json!({"some": null})),
        back("options", r#"{"value":null}"#).so(|came| data(came).is_null()),
        back("results", r#"{"value":{"ok":3}}"#).so(|came| *data(came) == json!(3)),
        zoo("results", r#"{"value":{"err":["a"]}}"#, &["tool-error"]).so(|came| names_path(came, "\"a\"")),
        back("kind-back", r#"{"value":"x86-64"}"#).so(|came| *data(came) == json!("x86-64")),
        zoo("kind-back", r#"{"value":"fish"}"#, &["invalid-input"]),
        back("diet-back", r#"{"value":["meat","insects-2"]}"#).so(|came| *data(came) == json!(["meat", "insects-2"])),
        back("food-back", r#"{"value":{"grams":7}}"#).so(|came| *data(came) == json!({"grams": 7})),
        back("food-back", r#"{"value":"nothing"}"#).so(|came| *data(came) == json!("nothing")),
        back("tuple-back", r#"{"value":[true,-128,["x",0.5]]}"#)
            .so(|came| *data(came) == json!([true, -128, ["x", 0.5]])),
        zoo("tuple-back", r#"{"value":[true,-129,["x",0.5]]}"#, &["invalid-input"]),
        back("extremes", "{}").so(|came| *data(came) == json!([i64::MIN, i64::MAX, u64::MAX])),
        back("odd-floats", "{}").so(|came| {
            data(came).as_array().is_some_and(|all| all[..3] == [json!("NaN"), json!("Infinity"), json!("-Infinity")])
        }),
        back("nothing", "{}"),
        back("divide", r#"{"value":7,"by":2}"#).so(|came| *data(came) == json!(3)),
        zoo("divide", r#"{"value":7,"by":0}"#, &["tool-error"]).so(|came| names_path(came, "cannot be divided")),
        zoo("complain", r#"{"yes":true}"#, &["tool-error"]).so(|came| names_path(came, "418")),
        zoo("bare", r#"{"yes":true}"#, &["tool-error"]),
        back("find", r#"{"yes":false}"#).so(|came| *data(came) == json!(7)),
        row("plain-board.remember", r#"{"key":"a:b","value":"c"}"#, &[ANSWERS]).with(BOARD),
        row("plain-board.recall", r#"{"key":"a:none"}"#, &[ANSWERS]).with(BOARD),
    ]
}

pub(crate) fn other_languages() -> Vec<Row> {
    const OWN: fn(&Value) -> bool = |came| came["output"].to_string().contains("AB Ü");
    let mut rows = Vec::new();
    for name in ["pyskill", "jsskill"] {
        rows.push(row(format!("{name}.shout"), r#"{"text":"ab ü"}"#, &[ANSWERS]).so(OWN));
        rows.push(row(format!("{name}.stats"), r#"{"numbers":[1,2,3]}"#, &[ANSWERS]));
    }
    rows
}

/// Without a grant that covers the address, the request is refused, not sent.
pub(crate) fn fetching() -> Vec<Row> {
    let refused = |came: &Value| data(came)["err"].is_string() && data(came)["ok"].is_null();
    let grant: &[&str] = &["--grant", "http.request GET https://example.com/*"];
    let here = r#"{"scheme":"http","authority":"127.0.0.1:9","path":"/"}"#;
    vec![row("fetcher.fetch", here, &[ANSWERS]).with(grant).so(refused)]
}

#[test]
fn the_well_behaved_neighbour_answers() {
    hold(&World::with(&["healthy", "recorder"]), &healthy());
}

#[test]
fn a_skill_that_says_no_is_told_from_one_that_breaks_its_word() {
    hold(&World::with(&["healthy", "errors", "output-breaks-schema"]), &refusing());
}

#[test]
fn input_that_breaks_a_schema_is_refused_with_its_path() {
    hold(&World::with(&["healthy", "schemas"]), &schemas());
}

#[test]
fn values_of_plain_components_survive_both_ways() {
    hold(&World::with(&["healthy", "plain-zoo", "plain-board"]), &plain());
}

#[test]
fn skills_of_python_and_javascript_answer() {
    hold(&World::with(&["healthy", "pyskill", "jsskill"]), &other_languages());
}

#[test]
fn a_request_that_no_grant_covers_is_not_sent() {
    hold(&World::with(&["healthy", "fetcher"]), &fetching());
}

#[test]
fn a_resource_beside_functions_hides_none_of_them_and_crashes_nothing() {
    let world = World::with(&["healthy", "plain-resource"]);
    let entry = world.entry("plain-resource.wasm");
    if entry["state"] == "refused" {
        let reason = entry["reason"].as_str().unwrap();
        assert!(reason.contains("resource"), "{reason}");
    } else {
        assert_eq!(entry["tools"], json!(["count"]));
    }
    crate::kit::healthy(&world).unwrap();
}

#[test]
fn the_wants_of_a_plain_component_are_its_imports() {
    let world = World::with(&["plain-board"]);
    let seen = world.run(&["inspect", "plain-board", "--json"]).json();
    assert!(seen["wants"].to_string().contains("blackboard."), "{seen}");
    assert!(seen["imports"].to_string().contains("skillhost:skill/blackboard"), "{seen}");
    assert_eq!(seen["kind"], "plain");
}

#[test]
fn a_filled_slot_makes_another_generation() {
    let world = World::new();
    let bytes = std::fs::read(guest("healthy")).unwrap();
    let bytes = generation(generation(generation(bytes, "GENERATION", "7"), "VERSION", "2.0.1"), "NAME", "other");
    world.put("other.wasm", &generation(bytes, "WANTS", "blackboard.read other:*"));
    let data = world.call("other.generation", &[]).data();
    assert_eq!(data, json!({"generation": "7", "version": "2.0.1"}));
}
