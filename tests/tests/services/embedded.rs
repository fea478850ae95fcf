//! The board without Redis: in the data directory, shared by all processes on it, and still there after the death of one.

use serde_json::{Value, json};
use skillhost_tests::World;

use crate::hosts::{ask, ask_as, send, until_handled, until_joined};

/// Processes at once that add to one number.
const WRITERS: i64 = 8;

/// What each adds.
const ADDED: i64 = 25;

#[test]
fn processes_on_one_data_directory_share_keys_and_lose_no_update() {
    let world = World::with(&["greedy"]).allowing_all();
    assert_eq!(ask(&world, "set", &json!({"key": "k", "value": "grün"})), json!({"ok": null}));
    assert_eq!(ask(&world, "get", &json!({"key": "k"})), json!({"ok": "grün"}));
    assert_eq!(ask_as(&world, "acme", "get", &json!({"key": "k"})), json!({"ok": null}));
    let _up = world.up();
    let adds: Vec<_> = (0..ADDED).map(|_| json!({"call": "add", "key": "n"})).collect();
    let adds = json!({ "steps": adds });
    let mut sums: Vec<i64> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(|| ask(&world, "steps", &adds))).collect();
        let answers = writers.into_iter().map(|writer| writer.join().unwrap());
        answers.flat_map(|answers| answers.as_array().unwrap().clone()).map(|sum| sum["ok"].as_i64().unwrap()).collect()
    });
    // Every process was given its own part of the way.
    sums.sort_unstable();
    assert_eq!(sums, (1..=WRITERS * ADDED).collect::<Vec<_>>());
    assert_eq!(ask(&world, "keys", &json!({"pattern": "*"})), json!({"ok": ["k", "n"]}));
}

#[test]
fn a_run_that_publishes_wakes_an_agent_of_the_running_host() {
    let world = World::with(&["greedy", "recorder"]).allowing_all();
    let _up = world.up();
    until_joined(&world, 1);
    let message = r#"{"n": 12345678901234567890, "x": 1.50}"#;
    let publish = |channel: &str| ask(&world, "publish", &json!({"channel": channel, "message": message}));
    assert_eq!(publish("notes:day"), json!({"ok": 1}));
    until_handled(&world, "recorder", 1);
    let note = ask(&world, "get", &json!({"key": "recorder:1"}));
    let note: Value = serde_json::from_str(note["ok"].as_str().unwrap()).unwrap();
    assert_eq!((&note["payload"], &note["source"]), (&json!(message), &json!("greedy")), "{note}");
    // Nobody listens there, neither for this tenant nor for that.
    assert_eq!(publish("elsewhere"), json!({"ok": 0}));
    let other = ask_as(&world, "acme", "publish", &json!({"channel": "notes:day", "message": message}));
    assert_eq!(other, json!({"ok": 0}));
}

#[test]
fn what_was_written_survives_the_death_of_the_process() {
    let world = World::with(&["greedy", "recorder"]).allowing_all();
    let up = world.up();
    until_joined(&world, 1);
    for n in 0..20 {
        assert_eq!(send(&world, "notes:day", &json!(n)), 1);
    }
    until_handled(&world, "recorder", 20);
    up.kill();
    assert_eq!(ask(&world, "get", &json!({"key": "recorder:count"})), json!({"ok": "20"}));
    for n in 1..=20 {
        let note = ask(&world, "get", &json!({"key": format!("recorder:{n}")}));
        let note: Value = serde_json::from_str(note["ok"].as_str().unwrap()).unwrap();
        assert_eq!(note["payload"], (n - 1).to_string());
    }
}

#[test]
fn a_board_that_is_not_to_persist_ends_with_its_process() {
    let world = World::with(&["greedy"]);
    world.configure("approval: { auto: ['* *'] }\nblackboard: { persist: false }\n");
    let steps = json!({"steps": [{"call": "set", "key": "k", "value": "v"}, {"call": "get", "key": "k"}]});
    assert_eq!(ask(&world, "steps", &steps)[1], json!({"ok": "v"}));
    assert_eq!(ask(&world, "get", &json!({"key": "k"})), json!({"ok": null}));
}
