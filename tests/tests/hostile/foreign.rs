//! Components that other projects build for `wasi:keyvalue`, `wasi:http`, `wasi:config` and `wasi:logging`, as they are.
//!
//! Contract: they wait for a decision on what they import, work under the grants, and what is not granted is refused by the
//! standard's own words. What several calls do to the board is seen from a skill that makes them
//! in one run, so that nothing else comes between.

use serde_json::{Value, json};
use skillhost_tests::{Ran, World};

use crate::kit::{ANSWERS, Row, hold, row};
use crate::server::Server;

/// The components, as the page has them.
pub(crate) const COMPONENTS: [&str; 3] = ["foreign-keyvalue", "foreign-http", "foreign-config"];

#[track_caller]
fn call(world: &World, target: &str, input: &Value) -> Ran {
    world.call(target, &["--input", &input.to_string()])
}

/// `foreign-http.fetch` of an address.
#[track_caller]
fn fetch(world: &World, url: &str) -> Ran {
    call(world, "foreign-http.fetch", &json!({"url": url, "headers": [["x-own", "its own"]]}))
}

/// Fails the test unless the request was refused, in a way that the guest could tell.
#[track_caller]
fn is_refused(ran: &Ran, why: &str) {
    assert_eq!((ran.kind().as_str(), ran.code), ("tool-error", Some(1)), "{ran}");
    let message = ran.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains(why), "{why}: {ran}");
}

/// A world with the courier, which was granted these requests.
fn courier(grants: &[String]) -> World {
    let world = World::with(&["healthy", "foreign-http"]);
    world.configure(&format!("grants: {{ foreign-http: {} }}\n", json!(grants)));
    world
}

/// A world with the keyvalue component under `grants`, and a skill that makes several calls.
fn stock(grants: &[&str]) -> World {
    let world = World::with(&["healthy", "foreign-keyvalue", "greedy"]);
    let grants = json!({"foreign-keyvalue": grants, "greedy": ["skills.call *", "blackboard.* *"]});
    world.configure(&format!("grants: {grants}\n"));
    world
}

/// Makes the steps in one run; gives what came of each.
#[track_caller]
fn steps(world: &World, steps: &[Value]) -> Vec<Value> {
    let ran = call(world, "greedy.steps", &json!({ "steps": steps }));
    ran.data().as_array().unwrap().clone()
}

fn on_stock(tool: &str, input: Value) -> Value {
    json!({"call": "call-skill", "skill": "foreign-keyvalue", "tool": tool, "input": input})
}

#[test]
fn a_component_of_another_project_waits_with_its_imports_as_wants() {
    let server = Server::new();
    let world = World::with(&COMPONENTS);
    for (name, wants) in [
        ("foreign-http", vec!["http.request *"]),
        ("foreign-keyvalue", vec!["blackboard.read *", "blackboard.write *"]),
        ("foreign-config", vec![]),
    ] {
        let seen = world.run(&["inspect", name, "--json"]).json();
        let asked =
            |want: &Value| format!("{} {}", want["capability"].as_str().unwrap(), want["scope"].as_str().unwrap());
        assert_eq!(seen["wants"].as_array().unwrap().iter().map(asked).collect::<Vec<_>>(), wants, "{seen}");
        assert_eq!(seen["state"], if wants.is_empty() { "active" } else { "pending" }, "{seen}");
        assert_eq!(seen["kind"], "plain");
    }
    let ran = fetch(&world, &format!("{}/echo", server.origin()));
    assert_eq!((ran.kind().as_str(), ran.code), ("denied", Some(5)), "{ran}");
    assert_eq!(server.seen(), Vec::<String>::new());
    let ran = call(&world, "foreign-keyvalue.list", &json!({"bucket": "default"}));
    assert_eq!((ran.kind().as_str(), ran.code), ("denied", Some(5)), "{ran}");
}

#[test]
fn a_request_that_is_granted_is_answered_and_every_other_is_refused_before_it_is_sent() {
    let (server, other) = (Server::new(), Server::new());
    let world = courier(&[format!("http.request GET {}/open/*", server.origin())]);
    let ran = fetch(&world, &format!("{}/open/echo?a=b", server.origin()));
    let answer = ran.data();
    assert_eq!(answer["status"], 200, "{ran}");
    assert!(answer["body"].as_str().unwrap().contains("GET /open/echo?a=b HTTP/1.1"), "{ran}");
    assert!(answer["body"].as_str().unwrap().contains("x-own: its own"), "{ran}");
    assert_eq!(server.seen().len(), 1);
    let (origin, port) = (server.origin(), server.port());
    for url in [
        format!("{}/open/echo", other.origin()),
        format!("http://127.0.0.1:{port}/open/echo"),
        format!("http://[::1]:{port}/open/echo"),
        format!("https://localhost:{port}/open/echo"),
        format!("{origin}/closed"),
        format!("{origin}/open/../closed"),
        format!("{origin}/open/%2e%2e/closed"),
        format!("{origin}/open/..%2fclosed"),
        format!("http://user@localhost:{port}/open/echo"),
        format!("http://localhost:{port}@127.0.0.1:{}/open/echo", other.port()),
        format!("http://localhost.:{}/open/echo", other.port()),
        format!("http://2130706433:{port}/open/echo"),
        format!("ftp://localhost:{port}/open/echo"),
    ] {
        is_refused(&fetch(&world, &url), "");
    }
    assert_eq!((server.seen().len(), other.seen().len()), (1, 0), "{:?} {:?}", server.seen(), other.seen());
    is_refused(&fetch(&world, &format!("{origin}/closed")), "HttpRequestDenied");
    is_refused(&fetch(&world, "http://localhost/open/echo"), "HttpRequestDenied");
}

#[test]
fn without_a_grant_of_any_request_none_is_sent() {
    let server = Server::new();
    let world = courier(&[]);
    assert_eq!(world.entry("foreign-http.wasm")["state"], "active");
    is_refused(&fetch(&world, &format!("{}/echo", server.origin())), "HttpRequestDenied");
    assert_eq!(server.seen(), Vec::<String>::new());
    let wide = courier(&["http.request *".into(), "http.request http://*".into(), "http.request https://*".into()]);
    is_refused(&fetch(&wide, &format!("{}/echo", server.origin())), "");
    assert_eq!(server.seen(), Vec::<String>::new(), "no wildcard leads to this machine");
}

#[test]
fn a_redirect_is_the_guests_to_follow_and_looked_at_anew() {
    let other = Server::new();
    let server = Server::leading_to(&format!("{}/echo", other.origin()));
    let world = courier(&[format!("http.request {}/*", server.origin())]);
    let ran = fetch(&world, &format!("{}/away", server.origin()));
    let answer = ran.data();
    assert_eq!(answer["status"], 302, "{ran}");
    let headers = answer["headers"].as_array().unwrap();
    let location = headers.iter().find(|header| header[0] == "location").expect("it is shown where to")[1].clone();
    is_refused(&fetch(&world, location.as_str().unwrap()), "HttpRequestDenied");
    assert_eq!(other.seen(), Vec::<String>::new());
}

#[test]
fn a_server_that_never_answers_ends_with_the_runs_deadline() {
    let server = Server::new();
    let world = World::with(&["healthy", "foreign-http"]);
    world.configure(&format!("grants: {{ foreign-http: [\"http.request {}/*\"] }}\n", server.origin()));
    // A table takes its input from the program's text, so the address comes from a file.
    let input = json!({"url": format!("{}/hang", server.origin()), "headers": []});
    world.aside("input.json", input.to_string().as_bytes());
    hold(&world, &[row("foreign-http.fetch", "@input.json", &["deadline"]).within(700)]);
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_store_of_another_project_works_on_the_boards_keys() {
    let world = stock(&["blackboard.* shelf:*", "blackboard.* plain:*"]);
    let key = |value: Value| {
        let mut input = json!({"bucket": "shelf", "key": "nails"});
        input.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        input
    };
    let came = steps(
        &world,
        &[
            on_stock("put", key(json!({"value": "a box"}))),
            json!({"call": "get", "key": "shelf:nails"}),
            on_stock("get", key(json!({}))),
            on_stock("exists", key(json!({}))),
            on_stock("swap", key(json!({"expected": "another box", "value": "two boxes"}))),
            on_stock("swap", key(json!({"expected": "a box", "value": "two boxes"}))),
            json!({"call": "get", "key": "shelf:nails"}),
            on_stock("count", json!({"bucket": "shelf", "key": "hammers", "by": 3})),
            on_stock("count", json!({"bucket": "shelf", "key": "hammers", "by": -1})),
            on_stock("list", json!({"bucket": "shelf"})),
            on_stock("remove", key(json!({}))),
            on_stock("get", key(json!({}))),
            on_stock("exists", key(json!({}))),
            json!({"call": "keys", "pattern": "*"}),
            on_stock("put", json!({"bucket": "default", "key": "plain:a", "value": "b"})),
            json!({"call": "get", "key": "plain:a"}),
        ],
    );
    let ok = |value: Value| json!({ "ok": value });
    let mut listed = came[9]["ok"].as_array().unwrap_or_else(|| panic!("{came:?}")).clone();
    listed.sort_by_key(Value::to_string);
    assert_eq!(listed, [json!("hammers"), json!("nails")], "by the bucket's own names: {came:?}");
    let expected = [
        ok(Value::Null),
        ok(json!("a box")),
        ok(json!("a box")),
        ok(json!(true)),
        ok(json!(false)),
        ok(json!(true)),
        ok(json!("two boxes")),
        ok(json!(3)),
        ok(json!(2)),
        came[9].clone(),
        ok(Value::Null),
        ok(Value::Null),
        ok(json!(false)),
        ok(json!(["shelf:hammers"])),
        ok(Value::Null),
        ok(json!("b")),
    ];
    assert_eq!(came, expected);
}

#[test]
fn what_a_store_was_not_granted_is_access_denied() {
    let world = stock(&["blackboard.* shelf:*", "blackboard.read seen:*"]);
    let denied = |bucket: &str, key: &str, tool: &str| {
        let mut input = json!({"bucket": bucket, "key": key});
        match tool {
            "put" | "swap" => input["value"] = json!("x"),
            "count" => input["by"] = json!(1),
            _ => {}
        }
        let ran = call(&world, &format!("foreign-keyvalue.{tool}"), &input);
        is_refused(&ran, "access denied");
    };
    for tool in ["put", "get", "exists", "remove", "count", "swap"] {
        denied("other", "nails", tool);
        denied("default", "shelves:nails", tool);
    }
    for tool in ["put", "remove", "count"] {
        denied("seen", "nails", tool);
    }
    let ran = call(&world, "foreign-keyvalue.get", &json!({"bucket": "seen", "key": "nails"}));
    assert_eq!(ran.data(), Value::Null);
    let none = stock(&[]);
    // Its own keys, which every skill is granted, would be one thing that it may list.
    none.configure("approval: { auto: [] }\ngrants: { foreign-keyvalue: [] }\n");
    for (tool, input) in [
        ("get", json!({"bucket": "default", "key": "a"})),
        ("put", json!({"bucket": "default", "key": "a", "value": "b"})),
        ("list", json!({"bucket": "default"})),
        ("count", json!({"bucket": "default", "key": "a", "by": 1})),
    ] {
        is_refused(&call(&none, &format!("foreign-keyvalue.{tool}"), &input), "access denied");
    }
}

#[test]
fn a_listing_holds_only_the_keys_that_were_granted() {
    let world = stock(&["blackboard.read shelf:*", "blackboard.write shelf:*"]);
    let came = steps(
        &world,
        &[
            json!({"call": "set", "key": "shelf:nails", "value": "1"}),
            json!({"call": "set", "key": "cellar:wine", "value": "1"}),
            on_stock("list", json!({"bucket": "default"})),
            on_stock("list", json!({"bucket": "shelf"})),
            on_stock("list", json!({"bucket": "cellar"})),
        ],
    );
    assert_eq!(came[2], json!({"ok": ["shelf:nails"]}), "{came:?}");
    assert_eq!(came[3], json!({"ok": ["nails"]}), "{came:?}");
    assert!(!came[4].to_string().contains("wine"), "{came:?}");
}

fn settings() -> Vec<Row> {
    vec![
        row("foreign-config.setting", r#"{"key":"language"}"#, &[ANSWERS])
            .so(|came| came["output"]["data"] == "en" && came["log"].to_string().contains("language is Some")),
        row("foreign-config.setting", r#"{"key":"limits"}"#, &[ANSWERS]).so(|came| came["output"]["data"].is_null()),
        row("foreign-config.settings", "{}", &[ANSWERS])
            .so(|came| came["output"]["data"] == json!([["language", "en"], ["shelves", "7"]])),
    ]
}

#[test]
fn a_component_reads_its_own_section_of_the_configuration() {
    let world = World::with(&["healthy", "foreign-config"]);
    world.configure(
        "skills:\n  foreign-config: { config: { language: en, shelves: 7 }, limits: { timeout: 20s } }\n  healthy: { config: { other: secret } }\n",
    );
    hold(&world, &settings());
}

#[test]
fn what_a_component_logs_is_in_the_log_of_its_run() {
    let world = World::with(&["foreign-config"]);
    let ran = call(&world, "foreign-config.log-all", &json!({"context": "desk", "message": "good morning"}));
    assert_eq!(ran.data(), 6);
    let shown = world.run(&["show", ran.json()["run"].as_str().unwrap(), "--json"]).json();
    let lines = shown["log"].as_array().unwrap_or_else(|| panic!("no log: {shown}"));
    let levels: Vec<_> = lines.iter().map(|line| line["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["trace", "debug", "info", "warn", "error", "error"], "{shown}");
    assert!(lines.iter().all(|line| line["message"] == "desk: good morning"), "{shown}");
    let for_people = world.run(&["show", ran.json()["run"].as_str().unwrap()]);
    assert!(for_people.stdout.contains("desk: good morning"), "{for_people}");
}
