//! `approval.carry_over`: new bytes of a skill that was approved before.

use std::fs;

use serde_json::{Value, json};
use skillhost_tests::World;

use super::{
    MORE, OWN, answers, decided, events, healthy, held, id, kinds, list, only_one, put, waiting, wanting_more,
};

const NEVER: &str = "approval: { carry_over: never }\n";

/// A world where generation 0, which asks for more, was approved.
#[track_caller]
fn approved(only: &[&str]) -> World {
    let world = World::new();
    put(&world, &wanting_more(0));
    decided(&world, &[&["approve", &id(&world)], only].concat());
    assert_eq!(answers(&world), "0");
    world
}

/// The last approval, and the last event about one.
#[track_caller]
fn last(world: &World) -> (Value, Value) {
    let all = list(world, &["--all"]);
    let told = events(world, "approval.*");
    (all.last().unwrap().clone(), told.last().unwrap().clone())
}

#[test]
fn a_file_that_asks_for_no_more_than_its_approved_forerunner_is_taken_at_once() {
    let world = approved(&[]);
    for (number, wants) in [
        (1, format!("{OWN};{MORE}")),
        (2, format!("{MORE};{OWN}")),
        (3, format!("{OWN};llm.complete local")),
        (4, "llm.complete local".to_owned()),
    ] {
        put(&world, &healthy(number, &wants));
        let entry = world.entry("healthy.wasm");
        assert_eq!(entry["state"], "active", "{wants}: {entry}");
        assert_eq!(answers(&world), number.to_string());
        let expected = wants.split(';').map(str::to_owned).collect();
        assert_eq!(held(&world, "healthy"), expected, "no more than it asks for");
        let (approval, event) = last(&world);
        assert_eq!((&approval["digest"], &approval["state"]), (&entry["digest"], &json!("applied")), "{approval}");
        assert_eq!(event["kind"], "approval.applied", "{event}");
        assert_eq!(event["data"]["digest"], entry["digest"], "{event}");
        assert_eq!((&event["data"]["by"], &approval["decided_by"]), (&json!("carry_over"), &json!("carry_over")));
    }
    assert_eq!(waiting(&world), Vec::<Value>::new());
    assert_eq!(kinds(&events(&world, "approval.proposed")).len(), 1, "a person was asked once");
    assert_eq!(kinds(&events(&world, "approval.applied")).len(), 5);
}

#[test]
fn one_that_asks_for_more_than_its_approved_forerunner_waits_with_what_is_new() {
    let world = approved(&[]);
    put(&world, &healthy(1, &format!("{OWN};{MORE};events.read *;blackboard.read agent:*")));
    let proposal = only_one(&world);
    assert_eq!(proposal["new"], json!(["events.read *", "blackboard.read agent:*"]), "{proposal}");
    assert_eq!(answers(&world), "0");
}

#[test]
fn under_never_every_file_waits() {
    let world = approved(&[]);
    world.configure(NEVER);
    assert_eq!(answers(&world), "0", "what was approved serves on");
    for (number, wants) in [(1, format!("{OWN};{MORE}")), (2, format!("{OWN};llm.complete local"))] {
        let before = answers(&world);
        put(&world, &healthy(number, &wants));
        let entry = world.entry("healthy.wasm");
        assert_eq!(entry["state"], "pending", "{entry}");
        assert!(entry["reason"].as_str().unwrap().contains("carry_over"), "why: {entry}");
        assert_eq!(answers(&world), before);
        let proposal = only_one(&world);
        assert_eq!(proposal["new"], json!([]), "nothing is new: {proposal}");
        let (_, event) = last(&world);
        assert_eq!((&event["kind"], &event["data"]["digest"]), (&json!("approval.proposed"), &entry["digest"]));
        decided(&world, &["approve", proposal["id"].as_str().unwrap()]);
        assert_eq!(answers(&world), number.to_string());
    }
}

#[test]
fn under_never_what_needs_no_approval_needs_none() {
    let world = World::new();
    world.configure(NEVER);
    for number in 0..2 {
        put(&world, &healthy(number, OWN));
        assert_eq!(answers(&world), number.to_string());
    }
    assert_eq!(list(&world, &["--all"]), Vec::<Value>::new());
}

#[test]
fn a_part_that_was_approved_is_carried_over_as_a_part() {
    let world = approved(&["--only", "llm.complete local"]);
    put(&world, &wanting_more(1));
    assert_eq!(answers(&world), "1");
    let held = held(&world, "healthy");
    assert!(held.contains("llm.complete local") && !held.contains(MORE), "{held:?}");
}

#[test]
fn a_rejected_forerunner_lets_nothing_in() {
    let world = World::new();
    put(&world, &wanting_more(0));
    decided(&world, &["reject", &id(&world)]);
    put(&world, &wanting_more(1));
    assert_eq!(world.entry("healthy.wasm")["state"], "pending");
}

#[test]
fn bytes_that_were_approved_come_back_without_a_question() {
    let world = approved(&[]);
    fs::remove_file(world.skills().join("healthy.wasm")).unwrap();
    assert_eq!(world.list(), Vec::<Value>::new());
    world.configure(NEVER);
    put(&world, &wanting_more(0));
    assert_eq!(answers(&world), "0", "the decision was on these bytes");
    put(&world, &wanting_more(1));
    assert_eq!(world.entry("healthy.wasm")["state"], "pending");
}
