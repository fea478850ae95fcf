//! Every call of a host's interface is held against the grants.

use serde_json::{Value, json};
use skillhost_tests::World;

use super::held;

/// What `greedy` is given of all that it asks for.
const GIVEN: &str = r#"
approval: { auto: [] }
grants:
  greedy:
    - "blackboard.read a:*"
    - "blackboard.write a:*"
    - "blackboard.publish a:*"
    - "events.append skill.mine.*"
    - "events.read skill.mine.*"
    - "skills.call healthy.echo"
  healthy: []
"#;

fn world() -> World {
    let world = World::with(&["greedy", "healthy"]);
    world.configure(GIVEN);
    world
}

#[track_caller]
fn greedy(world: &World, tool: &str, input: &Value) -> Value {
    world.call(&format!("greedy.{tool}"), &["--input", &input.to_string()]).data()
}

#[test]
fn each_call_needs_a_grant_that_covers_it_and_names_the_one_that_would() {
    let world = world();
    for (tool, inside, outside, needed) in [
        ("set", json!({"key": "a:1", "value": "x"}), json!({"key": "b:1", "value": "x"}), "blackboard.write b:1"),
        ("get", json!({"key": "a:1"}), json!({"key": "b:1"}), "blackboard.read b:1"),
        ("exists", json!({"key": "a:1"}), json!({"key": "a"}), "blackboard.read a"),
        ("cas", json!({"key": "a:2", "value": "x"}), json!({"key": "ab:2", "value": "x"}), "blackboard.write ab:2"),
        ("add", json!({"key": "a:n"}), json!({"key": "*"}), "blackboard.write *"),
        ("delete", json!({"key": "a:2"}), json!({"key": "A:2"}), "blackboard.write A:2"),
        ("publish", json!({"channel": "a:x", "message": 1}), json!({"channel": "b:x"}), "blackboard.publish b:x"),
        ("events-append", json!({"kind": "skill.mine.a"}), json!({"kind": "skill.other"}), "events.append skill.other"),
        (
            "call-skill",
            json!({"skill": "healthy", "tool": "echo", "input": {}}),
            json!({"skill": "healthy", "tool": "generation", "input": {}}),
            "skills.call healthy.generation",
        ),
    ] {
        let answer = greedy(&world, tool, &inside);
        assert!(answer.get("ok").is_some(), "{tool} {inside}: {answer}");
        let answer = greedy(&world, tool, &outside);
        assert_eq!(answer, json!({"err": {"kind": "denied", "message": needed}}), "{tool} {outside}");
    }
    let others = world.call("greedy.get", &["--grant", "blackboard.read *", "key=b:1"]).data();
    assert_eq!(others, json!({"ok": null}), "what was denied was not done");
}

#[test]
fn keys_and_clear_reach_what_the_skill_may_reach() {
    let world = world();
    let everything = ["--grant", "blackboard.read *", "--grant", "blackboard.write *"];
    for key in ["a:1", "a:2", "b:1", "ab:1"] {
        let ran = world.call("greedy.set", &[&everything[..], &[&format!("key={key}"), "value=x"]].concat());
        assert_eq!(ran.data(), json!({"ok": null}));
    }
    for (pattern, seen) in
        [("*", json!(["a:1", "a:2"])), ("a:1", json!(["a:1"])), ("b:*", json!([])), ("?b:1", json!([]))]
    {
        assert_eq!(greedy(&world, "keys", &json!({"pattern": pattern})), json!({"ok": seen}), "{pattern}");
    }
    assert_eq!(greedy(&world, "clear", &json!({"pattern": "b:*"})), json!({"ok": 0}));
    assert_eq!(greedy(&world, "clear", &json!({"pattern": "*"})), json!({"ok": 2}), "its own, and no other's");
    let left = world.call("greedy.keys", &[&everything[..], &["pattern=*"]].concat()).data();
    assert_eq!(left, json!({"ok": ["ab:1", "b:1"]}));
}

#[test]
fn events_are_read_as_far_as_their_kinds_are_granted() {
    let world = world();
    greedy(&world, "events-append", &json!({"kind": "skill.mine.a", "data": {"n": 1}}));
    for kinds in [json!([]), json!(["*"]), json!(["skill.*"])] {
        let answer = greedy(&world, "events-read", &json!({"kinds": kinds}));
        let seen: Vec<_> = answer["ok"].as_array().unwrap().iter().map(|event| event["kind"].clone()).collect();
        assert_eq!(seen, ["skill.mine.a"], "{kinds}");
    }
    assert_eq!(greedy(&world, "events-read", &json!({"kinds": ["tool.*"]})), json!({"ok": []}));
    let logged = world.run(&["events", "--json", "--after", "0"]).lines();
    assert!(logged.iter().any(|event| event["kind"] == "tool.called"), "though they are there");
}

#[test]
fn an_interface_without_any_grant_refuses_every_call() {
    let world = World::with(&["greedy", "healthy"]);
    world.configure("approval: { auto: [] }\ngrants: { greedy: [], healthy: [] }\n");
    assert_eq!(held(&world, "greedy"), super::set(&[]));
    let calls = calls();
    for (tool, input, _) in &calls {
        let answer = greedy(&world, tool, input);
        assert_eq!(answer["err"]["kind"], "denied", "{tool}: {answer}");
    }
    assert_eq!(greedy(&world, "echo", &json!({"a": 1})), json!({"a": 1}), "the rest of it works");
}

#[test]
fn an_interface_without_any_grant_names_the_one_that_would_do() {
    let world = World::with(&["greedy", "healthy"]);
    world.configure("approval: { auto: [] }\ngrants: { greedy: [], healthy: [] }\n");
    let mut faults = Vec::new();
    for (tool, input, [exact, full]) in calls() {
        let answer = greedy(&world, tool, &input);
        let message = answer["err"]["message"].as_str().unwrap_or_default();
        if !message.contains(exact) && !message.contains(full) {
            faults.push(format!("{tool}: neither `{exact}` nor `{full}` in `{message}`"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// A call of each kind, and the grants that would let it.
fn calls() -> Vec<(&'static str, Value, [&'static str; 2])> {
    vec![
        ("get", json!({"key": "k"}), ["blackboard.read k", "blackboard.read *"]),
        ("set", json!({"key": "k", "value": "x"}), ["blackboard.write k", "blackboard.write *"]),
        ("keys", json!({"pattern": "*"}), ["blackboard.read *", "blackboard.read *"]),
        ("clear", json!({"pattern": "*"}), ["blackboard.write *", "blackboard.write *"]),
        ("publish", json!({"channel": "c", "message": 1}), ["blackboard.publish c", "blackboard.publish *"]),
        ("events-append", json!({"kind": "skill.a"}), ["events.append skill.a", "events.append *"]),
        ("events-read", json!({}), ["events.read *", "events.read *"]),
        ("call-skill", json!({"skill": "healthy", "tool": "echo"}), ["skills.call healthy.echo", "skills.call *"]),
        ("llm", json!({}), ["llm.complete *", "llm.complete *"]),
        ("embed", json!({"inputs": ["a"]}), ["llm.embed *", "llm.embed *"]),
    ]
}
