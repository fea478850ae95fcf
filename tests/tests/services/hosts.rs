//! What the tests ask of hosts: what a skill sees of the board, their agents, their events, and what ran.

use serde_json::{Value, json};
use skillhost_tests::{PATIENCE, Ran, World, eventually};

/// More than any test makes, where a command would show the last hundred.
const ALL: &str = "100000";

/// What `greedy`, which holds everything, is answered to a call of the host: `{"ok": …}` or `{"err": {"kind", "message"}}`.
#[track_caller]
pub(crate) fn ask(world: &World, tool: &str, input: &Value) -> Value {
    ask_as(world, "default", tool, input)
}

/// The same for another tenant. A parameter that is null is left out.
#[track_caller]
pub(crate) fn ask_as(world: &World, tenant: &str, tool: &str, input: &Value) -> Value {
    let mut input = input.clone();
    input.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    world.call(&format!("greedy.{tool}"), &["--tenant", tenant, "--input", &input.to_string()]).data()
}

/// One call of each kind that the board has, in one run, on keys of `prefix`.
pub(crate) fn every_call(prefix: &str) -> Value {
    let key = format!("{prefix}:key");
    json!({"steps": [
        {"call": "get", "key": key},
        {"call": "set", "key": key, "value": "1"},
        {"call": "cas", "key": key, "expected": "1", "value": "2"},
        {"call": "add", "key": key},
        {"call": "delete", "key": key},
        {"call": "exists", "key": key},
        {"call": "keys", "pattern": format!("{prefix}:*")},
        {"call": "clear", "pattern": format!("{prefix}:*")},
        {"call": "publish", "channel": prefix, "message": {}},
    ]})
}

/// Every answer to [`every_call`] is `unavailable`, with `words` in it.
#[track_caller]
pub(crate) fn all_unavailable(ran: &Ran, words: &str) {
    let answers = ran.data();
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 9, "{ran}");
    for answer in answers {
        assert_eq!(answer["err"]["kind"], "unavailable", "{answer}");
        assert!(answer["err"]["message"].as_str().unwrap().contains(words), "without `{words}`: {answer}");
    }
}

/// `agents --json`; none while no host answers.
pub(crate) fn agents(world: &World) -> Option<Vec<Value>> {
    let ran = world.run(&["agents", "--json"]);
    (ran.code == Some(0)).then(|| ran.json().as_array().unwrap().clone())
}

/// How many messages the agent `name` of the running host has handled.
#[track_caller]
pub(crate) fn handled(world: &World, name: &str) -> u64 {
    let agents = agents(world).expect("a running host");
    let agent = agents.iter().find(|agent| agent["name"] == name);
    agent.unwrap_or_else(|| panic!("no agent `{name}`: {agents:?}"))["handled"].as_u64().unwrap()
}

/// Waits until the agent `name` of the running host has handled so many.
#[track_caller]
pub(crate) fn until_handled(world: &World, name: &str, count: u64) {
    eventually(&format!("`{name}` handles {count}"), PATIENCE, || handled(world, name) >= count);
    assert_eq!(handled(world, name), count);
}

/// Waits until agents have joined so many times since the data directory was made.
#[track_caller]
pub(crate) fn until_joined(world: &World, times: usize) {
    eventually("the agents live", PATIENCE, || events(world, "agent.joined").len() >= times);
}

/// `send CHANNEL JSON`; gives the count of receivers.
#[track_caller]
pub(crate) fn send(world: &World, channel: &str, message: &Value) -> u64 {
    let ran = world.run(&["send", channel, &message.to_string(), "--json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.json()["receivers"].as_u64().unwrap()
}

/// The data of all events of a kind, oldest first.
#[track_caller]
pub(crate) fn events(world: &World, kind: &str) -> Vec<Value> {
    let ran = world.run(&["events", "--json", "--kind", kind, "--after", "0", "--limit", ALL]);
    ran.lines().into_iter().map(|event| event["data"].clone()).collect()
}

/// Waits until there are so many events of a kind; gives the last of them.
#[track_caller]
pub(crate) fn until_event(world: &World, kind: &str, times: usize) -> Value {
    eventually(&format!("{times} events {kind}"), PATIENCE, || events(world, kind).len() >= times);
    let all = events(world, kind);
    assert_eq!(all.len(), times, "{all:?}");
    all.last().unwrap().clone()
}

/// How many messages a skill of this data directory has handled well, by the records of its runs.
#[track_caller]
pub(crate) fn runs_of(world: &World, skill: &str) -> usize {
    let runs = world.run(&["runs", "--json", "--skill", skill, "--limit", ALL]).json();
    let runs = runs.as_array().unwrap().iter().filter(|run| run["tool"] == "handle" && run["ok"] == true);
    runs.count()
}
