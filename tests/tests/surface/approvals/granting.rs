//! What the configuration decides: `approval.auto` for all, `grants:` for one.

use serde_json::{Value, json};
use skillhost_tests::{World, generation};

use super::{MORE, OWN, healthy, held, is_denied, list, put, set, waiting};

/// `healthy` called `name`, asking for `wants`.
fn named(name: &str, wants: &str) -> Vec<u8> {
    generation(healthy(0, wants), "NAME", name)
}

#[test]
fn a_grants_section_is_the_operators_decision_for_one_skill() {
    let world = World::new();
    world.configure("grants: { healthy: [\"llm.complete local\", \"skills.call *\"] }\n");
    put(&world, &healthy(0, &format!("{OWN};{MORE};events.read *")));
    world.put("other.wasm", &named("other", MORE));
    let entry = world.entry("healthy.wasm");
    assert_eq!(entry["state"], "active", "it may give less than was asked: {entry}");
    let mut expected = set(&OWN.split(';').collect::<Vec<_>>());
    expected.insert("llm.complete local".to_owned());
    assert_eq!(held(&world, "healthy"), expected, "wants ∩ grants: nothing unasked either");
    let for_people = world.run(&["inspect", "healthy"]).stdout;
    let missing = for_people.split("does not hold").nth(1).unwrap_or_default();
    assert!(missing.contains(MORE) && missing.contains("events.read *"), "{for_people}");
    assert_eq!(world.entry("other.wasm")["state"], "pending", "it is for one skill");
    assert!(waiting(&world).iter().all(|proposal| proposal["skill"] == "other"));
}

#[test]
fn a_grants_section_takes_back_the_proposal_that_it_answers() {
    let world = World::new();
    put(&world, &healthy(0, MORE));
    let id = super::id(&world);
    world.configure("grants: { healthy: [\"llm.* *\"] }\n");
    assert_eq!(world.entry("healthy.wasm")["state"], "active");
    assert_eq!(waiting(&world), Vec::<Value>::new());
    assert_eq!(super::approval(&world, &id)["state"], "superseded");
    world.configure("");
    is_denied(&world.call("healthy.echo", &[]), &[MORE]);
    assert_eq!(world.entry("healthy.wasm")["state"], "pending", "taken away, it waits again");
}

#[test]
fn an_empty_grants_section_decides_that_a_skill_holds_nothing() {
    let world = World::with(&["plain-board"]);
    world.configure("approval: { auto: [] }\ngrants: { plain-board: [] }\n");
    let entry = world.entry("plain-board.wasm");
    assert_eq!(entry["state"], "active", "{entry}");
    assert_eq!(held(&world, "plain-board"), set(&[]));
    assert_eq!(list(&world, &["--all"]), Vec::<Value>::new());
    let refused = world.call("plain-board.recall", &["key=a"]);
    assert_eq!((refused.kind().as_str(), refused.code), ("tool-error", Some(1)), "{refused}");
    assert!(refused.stdout.contains("Denied"), "{refused}");
}

#[test]
fn automatic_grants_stand_for_each_skill_by_its_own_name() {
    let world = World::new();
    put(&world, &healthy(0, OWN));
    world.put("own.wasm", &named("other", "blackboard.read other:*;blackboard.write other:notes:*"));
    world.put("foreign.wasm", &named("foreign", OWN));
    world.put("prefix.wasm", &named("heal", "blackboard.read healthy:*"));
    let states: Vec<_> = world.list().iter().map(|entry| (entry["name"].clone(), entry["state"].clone())).collect();
    let expected = [("foreign", "pending"), ("healthy", "active"), ("other", "active"), ("heal", "pending")];
    let expected: Vec<_> = expected.iter().map(|(name, state)| (json!(name), json!(state))).collect();
    for state in &expected {
        assert!(states.contains(state), "{state:?} in {states:?}");
    }
    assert_eq!(held(&world, "other"), set(&["blackboard.read other:*", "blackboard.write other:notes:*"]));
}

#[test]
fn automatic_grants_may_be_other_ones_or_none() {
    let world = World::with(&["healthy"]);
    world.configure("approval: { auto: [] }\n");
    assert_eq!(world.entry("healthy.wasm")["state"], "pending", "nothing is for all");
    world.configure("approval: { auto: [\"blackboard.read *\", \"blackboard.write self:*\"] }\n");
    assert_eq!(world.entry("healthy.wasm")["state"], "active");
    assert_eq!(held(&world, "healthy"), set(&OWN.split(';').collect::<Vec<_>>()), "as narrow as it asked");
    world.configure("approval: { auto: [\"blackboard.read *\", \"blackboard.write self:count\"] }\n");
    assert_eq!(world.entry("healthy.wasm")["state"], "pending", "a part of a want does not cover it");
}

#[test]
fn a_grant_that_is_none_is_an_error_of_the_configuration_at_its_line() {
    let world = World::with(&["healthy"]);
    for (yaml, word, line) in [
        ("grants:\n  healthy: [\"llm.dream *\"]\n", "llm.dream", 2),
        ("grants:\n  healthy:\n    - \"llm.complete\"\n", "llm.complete", 3),
        ("approval:\n  auto: [\"http.request ftp://example.com/\"]\n", "ftp", 2),
        ("approval:\n  carry_over: always\n", "always", 2),
        ("grants:\n  Not A Name: []\n", "Not A Name", 2),
    ] {
        world.configure(yaml);
        let ran = world.run(&["list"]);
        super::fails(&ran, 2, &[word, &format!("line {line}")]);
    }
}

#[test]
fn a_plain_component_works_with_the_part_that_it_was_given() {
    let world = World::with(&["plain-board"]);
    world.configure("grants: { plain-board: [\"blackboard.* notes:*\"] }\n");
    assert_eq!(world.call("plain-board.remember", &["key=notes:a", "value=b"]).code, Some(0));
    assert_eq!(world.call("plain-board.recall", &["key=notes:a"]).code, Some(0));
    let refused = world.call("plain-board.remember", &["key=other", "value=b"]);
    assert_eq!(refused.kind(), "tool-error", "{refused}");
    assert!(refused.stdout.contains("blackboard.write other"), "names the grant that would: {refused}");
}
