//! What a skill holds, and what waits for a person: `approvals`, `approve`, `reject`, `grants:`, `approval:`, `--grant`.

mod checked;
mod deciding;
mod forerunners;
mod granting;
mod passing;
mod replacing;
mod waiting;

use std::collections::BTreeSet;

use serde_json::Value;
use skillhost_tests::{Ran, World, generation, guest};

/// What `healthy` asks for by default, which everybody gets.
const OWN: &str = "blackboard.read healthy:*;blackboard.write healthy:*";

/// A want that nobody gets by default.
const MORE: &str = "llm.complete *";

/// A plain component that imports `wasi:http`, and a tool that needs none of it.
const PLAIN: &str = r#"(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "fields" (type $fields (sub resource)))
    (export "[constructor]fields" (func (result (own $fields))))))
  (import "wasi:http/outgoing-handler@0.2.0" (instance))
  (core func $make (canon lower (func $types "[constructor]fields")))
  (core module $m
    (import "types" "make" (func $make (result i32)))
    (func (export "idle") (result i32) (i32.const 7)))
  (core instance $i (instantiate $m (with "types" (instance (export "make" (func $make))))))
  (func (export "idle") (result u32) (canon lift (core func $i "idle")))
)"#;

fn plain() -> Vec<u8> {
    wat::parse_str(PLAIN).unwrap()
}

/// `healthy` that says it is generation `number` and asks for `wants`, parted by `;`.
fn healthy(number: u32, wants: &str) -> Vec<u8> {
    let bytes = std::fs::read(guest("healthy")).unwrap();
    generation(generation(bytes, "GENERATION", &number.to_string()), "WANTS", wants)
}

/// `healthy` with what it asks for by default and one capability more.
fn wanting_more(number: u32) -> Vec<u8> {
    healthy(number, &format!("{OWN};{MORE}"))
}

#[track_caller]
fn put(world: &World, bytes: &[u8]) {
    world.put("healthy.wasm", bytes);
}

/// The generation that answers.
#[track_caller]
fn answers(world: &World) -> String {
    world.call("healthy.generation", &[]).data()["generation"].as_str().unwrap().to_owned()
}

#[track_caller]
fn list(world: &World, arguments: &[&str]) -> Vec<Value> {
    let ran = world.run(&[&["approvals", "--json"], arguments].concat());
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.json().as_array().unwrap_or_else(|| panic!("no array: {ran}")).clone()
}

/// `approvals --json`.
#[track_caller]
fn waiting(world: &World) -> Vec<Value> {
    list(world, &[])
}

/// The only one that waits.
#[track_caller]
fn only_one(world: &World) -> Value {
    let waiting = waiting(world);
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    waiting[0].clone()
}

/// The name of the only one that waits.
#[track_caller]
fn id(world: &World) -> String {
    only_one(world)["id"].as_str().unwrap().to_owned()
}

/// The approval `id` of `approvals --json --all`.
#[track_caller]
fn approval(world: &World, id: &str) -> Value {
    let all = list(world, &["--all"]);
    all.iter().find(|approval| approval["id"] == id).unwrap_or_else(|| panic!("no {id} in {all:?}")).clone()
}

/// `approve` or `reject`, which is done.
#[track_caller]
fn decided(world: &World, arguments: &[&str]) -> Value {
    let ran = world.run(&[arguments, &["--json"]].concat());
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.json()
}

#[track_caller]
fn fails(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran}");
    for word in words {
        assert!(ran.stderr.contains(word), "it says `{word}`: {ran}");
    }
}

/// A call that is not made: `denied`, exit 5, and the guest never ran.
#[track_caller]
fn is_denied(ran: &Ran, words: &[&str]) {
    assert_eq!((ran.kind().as_str(), ran.code), ("denied", Some(5)), "{ran}");
    let outcome = ran.json();
    assert!(outcome["ok"] == false && outcome["usage"]["fuel"] == 0 && outcome["output"].is_null(), "{ran}");
    for word in words {
        assert!(outcome["error"]["message"].as_str().unwrap().contains(word), "it says `{word}`: {ran}");
    }
}

/// The events of these kinds, whole.
#[track_caller]
fn events(world: &World, kinds: &str) -> Vec<Value> {
    world.run(&["events", "--json", "--after", "0", "--limit", "1000", "--kind", kinds]).lines()
}

/// The kinds of events, in order.
fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

/// What `inspect` says that a skill holds.
#[track_caller]
fn held(world: &World, skill: &str) -> BTreeSet<String> {
    let ran = world.run(&["inspect", skill, "--json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.json()["grants"].as_array().unwrap().iter().map(|grant| grant.as_str().unwrap().to_owned()).collect()
}

fn set(grants: &[&str]) -> BTreeSet<String> {
    grants.iter().map(|grant| (*grant).to_owned()).collect()
}
