//! Every call of a host's interface is held against the grants.

use serde_json::{Value, json};
use skillhost_tests::World;

use super::held;

/// What `greedy` is given of all that it asks for: of `a:` everything, of `r:` to read, of `w:` to write.
const GIVEN: &str = r#"
approval: { auto: [] }
grants:
  greedy:
    - "blackboard.* a:*"
    - "blackboard.read r:*"
    - "blackboard.write w:*"
    - "events.append skill.mine.*"
    - "events.read skill.mine.*"
    - "skills.call healthy.count"
  healthy:
    - "blackboard.write healthy:*"
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
            json!({"skill": "healthy", "tool": "count", "input": {}}),
            json!({"skill": "healthy", "tool": "generation", "input": {}}),
            "skills.call healthy.generation",
        ),
    ] {
        let answer = greedy(&world, tool, &inside);
        assert!(answer.get("ok").is_some(), "{tool} {inside}: {answer}");
        let answer = greedy(&world, tool, &outside);
        assert_eq!(answer, denied(needed), "{tool} {outside}");
    }
}

/// The answers of several calls in one run.
#[track_caller]
fn steps(world: &World, steps: &[Value]) -> Vec<Value> {
    greedy(world, "steps", &json!({"steps": steps})).as_array().unwrap().clone()
}

fn denied(needed: &str) -> Value {
    json!({"err": {"kind": "denied", "message": needed}})
}

#[test]
fn what_is_denied_is_not_done() {
    let answers = steps(
        &world(),
        &[
            json!({"call": "set", "key": "r:1", "value": "x"}),
            json!({"call": "add", "key": "r:1"}),
            json!({"call": "get", "key": "r:1"}),
            json!({"call": "set", "key": "w:1", "value": "x"}),
            json!({"call": "get", "key": "w:1"}),
            // It was there: what may be written may be written over.
            json!({"call": "delete", "key": "w:1"}),
        ],
    );
    let (no_write, no_read) = (denied("blackboard.write r:1"), denied("blackboard.read w:1"));
    assert_eq!(
        answers,
        [no_write.clone(), no_write, json!({"ok": null}), json!({"ok": null}), no_read, json!({"ok": true})]
    );
}

#[test]
fn keys_and_clear_reach_what_the_skill_may_reach() {
    let count = json!({"call": "call-skill", "skill": "healthy", "tool": "count", "input": {}});
    let set = |key: &str| json!({"call": "set", "key": key, "value": "x"});
    let keys = |pattern: &str| json!({"call": "keys", "pattern": pattern});
    let clear = |pattern: &str| json!({"call": "clear", "pattern": pattern});
    let answers = steps(
        &world(),
        &[
            count.clone(),
            set("a:1"),
            set("a:2"),
            set("w:1"),
            keys("*"),
            keys("a:1"),
            keys("healthy:*"),
            clear("healthy:*"),
            clear("*"),
            keys("*"),
            count,
        ],
    );
    let ok = |value: Value| json!({"ok": value});
    assert_eq!(answers[4..7], [ok(json!(["a:1", "a:2"])), ok(json!(["a:1"])), ok(json!([]))], "what it may read");
    assert_eq!(answers[7..9], [ok(json!(0)), ok(json!(3))], "what it may write");
    assert_eq!(answers[9], ok(json!([])));
    assert_eq!(
        (&answers[0]["ok"]["ok"], &answers[10]["ok"]["ok"]),
        (&json!(1), &json!(2)),
        "another's key is still there"
    );
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
    for (tool, input, _) in calls() {
        let answer = greedy(&world, tool, &input);
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
