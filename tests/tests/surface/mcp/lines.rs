//! Over standard input and output, line by line.

use serde_json::{Value, json};
use skillhost_tests::World;

use super::{SESSIONS, request};

fn world(guests: &[&str]) -> World {
    let world = World::with(guests).allowing_all();
    // Absorbed before, so that no list is about what is on its way.
    world.run(&["list"]);
    world
}

/// What `skillhost mcp` answers to these lines, each checked to be a message. Notifications are left out.
#[track_caller]
fn answers(world: &World, lines: &[String]) -> Vec<Value> {
    let ran = world.run_with_input(&["mcp"], format!("{}\n", lines.join("\n")).as_bytes());
    assert_eq!(ran.code, Some(0), "{ran}");
    let messages = ran.lines();
    assert!(messages.iter().all(|message| message["jsonrpc"] == "2.0"), "{ran}");
    messages.into_iter().filter(|message| message.get("method").is_none()).collect()
}

#[track_caller]
fn answer(answers: &[Value], id: u64) -> &Value {
    let found: Vec<_> = answers.iter().filter(|answer| answer["id"] == id).collect();
    assert_eq!(found.len(), 1, "one answer to {id}: {answers:?}");
    found[0]
}

fn call(id: u64, tool: &str, arguments: Value) -> String {
    request(id, "tools/call", json!({"name": tool, "arguments": arguments}), &json!({})).to_string()
}

#[test]
fn a_guest_that_prints_does_not_disturb() {
    let world = world(&["hostile", "healthy"]);
    let came = answers(
        &world,
        &[
            call(1, "hostile__control-characters", json!({"as": "stdout"})),
            call(2, "hostile__stdout-flood", json!({})),
            call(3, "hostile__print-loop", json!({})),
            call(4, "healthy__echo", json!({"a": "line\nbreak"})),
        ],
    );
    assert_eq!(came.len(), 4, "{came:?}");
    assert_eq!(answer(&came, 1)["result"]["content"][0]["text"], "printed");
    assert_eq!(answer(&came, 3)["result"]["isError"], true);
    assert_eq!(answer(&came, 4)["result"]["structuredContent"], json!({"a": "line\nbreak"}));
}

#[test]
fn what_is_no_message_is_answered_and_ends_nothing() {
    let world = world(&["healthy"]);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let long = "x".repeat(3 << 20);
    let wrong = ["nonsense".to_owned(), deep, long, "[]".to_owned(), r#"{"jsonrpc":"2.0","method":7}"#.to_owned()];
    let mut lines = wrong.to_vec();
    lines.extend([
        String::new(),
        r#"{"jsonrpc":"2.0","id":1}"#.to_owned(),
        r#"{"jsonrpc":"2.0","method":"notifications/nothing"}"#.to_owned(),
        request(2, "no/such", json!({}), &json!({})).to_string(),
        request(3, "tools/call", json!({"name": 7}), &json!({})).to_string(),
        call(4, "healthy__echo", json!({})),
    ]);
    let came = answers(&world, &lines);
    let mut codes: Vec<i64> = came
        .iter()
        .filter(|answer| answer.get("id").is_none())
        .map(|answer| answer["error"]["code"].as_i64().unwrap())
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, [-32700, -32700, -32700, -32600, -32600], "{came:?}");
    for (id, code) in [(1, -32600), (2, -32601), (3, -32602)] {
        assert_eq!(answer(&came, id)["error"]["code"], code, "{came:?}");
    }
    assert_eq!(answer(&came, 4)["result"]["structuredContent"], json!({}), "{came:?}");
}

#[test]
fn what_was_asked_for_is_answered_after_the_input_ended_and_notices_go_to_standard_error() {
    let world = world(&["healthy", "hostile", "errors", "plain-zoo"]);
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": SESSIONS, "capabilities": {}, "clientInfo": {"name": "a\u{1b}[31mclient", "version": "1"},
    }});
    let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
        "name": "healthy__slow", "arguments": {"ms": 500},
    }});
    let lines = [initialize, json!({"jsonrpc": "2.0", "method": "notifications/initialized"}), call];
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let ran = world.run_with_input(&["mcp"], input.as_bytes());
    let messages = ran.lines();
    let came = messages.iter().find(|message| message["id"] == 2).unwrap_or_else(|| panic!("no answer: {ran}"));
    assert_ne!(came["result"]["isError"], true, "{came}");
    assert!(ran.stderr.contains("absorbed healthy"), "{ran}");
    let changes = messages.iter().filter(|message| message["method"] == "notifications/tools/list_changed").count();
    assert!(changes <= 1, "the folder is told of once: {ran}");
    let runs = world.run(&["runs", "--json"]).json();
    assert_eq!((&runs[0]["caller"], &runs[0]["tenant"]), (&json!("mcp:a[31mclient"), &json!("default")), "{runs}");
}
