//! What the tests of the services share: a world whose skills ask models, and what is read of it afterwards.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use skillhost_tests::{PATIENCE, Ran, World, eventually};

/// A world with `asker`, which may ask, and these sections of the configuration.
#[track_caller]
pub(crate) fn world(sections: &Value) -> World {
    let world = World::with(&["asker"]);
    configure(&world, sections);
    world
}

/// Writes `config.yaml`: these sections, and everything granted where they do not say otherwise. Nothing of the machine answers:
/// where no section `llm` names providers, the world's variables do.
#[track_caller]
pub(crate) fn configure(world: &World, sections: &Value) {
    let mut all = json!({"approval": {"auto": ["* *"]}});
    all.as_object_mut().unwrap().extend(sections.as_object().unwrap().clone());
    // JSON is YAML.
    world.configure(&all.to_string());
}

/// The section `llm` with these providers, all of them asked for the model `m`, in this order, for the default `chat`.
pub(crate) fn cascade(providers: &[(&str, Value)]) -> Value {
    let names: Vec<_> = providers.iter().map(|(name, _)| format!("{name}/m")).collect();
    let providers: BTreeMap<_, _> = providers.iter().cloned().collect();
    json!({"default": "chat", "models": {"chat": names}, "providers": providers})
}

/// What the skill was told: `{"ok"}` or `{"err"}`.
#[track_caller]
pub(crate) fn ask(world: &World, tool: &str, input: &Value) -> Value {
    called(world, tool, input, &[]).data()
}

/// The same with more arguments, as it was printed.
#[track_caller]
pub(crate) fn called(world: &World, tool: &str, input: &Value, more: &[&str]) -> Ran {
    world.call(&format!("asker.{tool}"), &[&["--input", &input.to_string()], more].concat())
}

/// The events of these kinds, oldest first.
#[track_caller]
pub(crate) fn events(world: &World, kind: &str) -> Vec<Value> {
    world.run(&["events", "--json", "--kind", kind, "--after", "0", "--limit", "10000"]).lines()
}

/// The entries of the ledger, oldest first.
#[track_caller]
pub(crate) fn ledger(world: &World) -> Vec<Value> {
    let ran = world.run(&["ledger", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.lines()
}

/// The rows of `budget --json`.
#[track_caller]
pub(crate) fn budgets(world: &World) -> Vec<Value> {
    let ran = world.run(&["budget", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.json().as_array().unwrap().clone()
}

/// Sends a message through the running host. Gives how many heard it.
#[track_caller]
pub(crate) fn send(world: &World, channel: &str, message: &Value) -> u64 {
    let ran = world.run(&["send", channel, &message.to_string(), "--json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.json()["receivers"].as_u64().unwrap()
}

/// Waits until the running host's agent `name` is there and `condition` holds of it.
#[track_caller]
pub(crate) fn until(world: &World, name: &str, what: &str, condition: impl Fn(&Value) -> bool) {
    eventually(what, PATIENCE, || {
        let ran = world.run(&["agents", "--json"]);
        ran.code == Some(0)
            && ran.json().as_array().unwrap().iter().any(|agent| agent["name"] == name && condition(agent))
    });
}

/// Says that `value` is an error of this kind whose message has all these words in it.
#[track_caller]
pub(crate) fn is_refused(value: &Value, kind: &str, words: &[&str]) {
    let message = value["err"]["message"].as_str().unwrap_or_default();
    let holds = value["err"]["kind"] == kind && words.iter().all(|word| message.contains(word));
    assert!(holds, "expected `{kind}` with {words:?}, not {value}");
}

/// Says that `value` is an object of just these fields.
#[track_caller]
pub(crate) fn has_fields(value: &Value, fields: &[&str]) {
    let mut names: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let mut fields = fields.to_vec();
    names.sort_unstable();
    fields.sort_unstable();
    assert_eq!(names, fields, "{value}");
}
