//! `run --grant`: for this run only.

use serde_json::Value;
use skillhost_tests::World;

use super::{MORE, OWN, answers, approval, decided, events, fails, healthy, held, is_denied, kinds, list, only_one};
use super::{put, waiting, wanting_more};

#[test]
fn a_grant_on_the_command_line_is_for_that_run() {
    let world = World::with(&["plain-board"]);
    let grants = ["--grant", "blackboard.write a:*", "--grant", "blackboard.read a:*"];
    let call = |target: &str, arguments: &[&str]| world.call(target, &[&grants, arguments].concat());
    assert_eq!(call("plain-board.remember", &["key=a:1", "value=x"]).code, Some(0));
    assert_eq!(call("plain-board.recall", &["key=a:1"]).code, Some(0));
    let outside = call("plain-board.recall", &["key=b:1"]);
    assert_eq!(outside.kind(), "tool-error", "no more than the flag says: {outside}");
    assert!(outside.stdout.contains("blackboard.read b:1"), "{outside}");
    is_denied(&world.call("plain-board.recall", &["key=a:1"]), &[]);
    assert_eq!(world.entry("plain-board.wasm")["state"], "pending");
    assert_eq!(held(&world, "plain-board"), super::set(&[]));
}

#[test]
fn a_grant_on_the_command_line_leaves_no_trace_in_the_queue() {
    let world = World::with(&["plain-board"]);
    let before = only_one(&world);
    let ran = world.call("plain-board.recall", &["--grant", "blackboard.read *", "key=a"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(approval(&world, before["id"].as_str().unwrap()), before, "what was shown can still be decided on");
    assert_eq!(only_one(&world), before);
    assert_eq!(kinds(&events(&world, "approval.*")), ["approval.proposed"]);
    assert_eq!(list(&world, &["--all"]).len(), 1);
    decided(&world, &["approve", before["id"].as_str().unwrap()]);
}

#[test]
fn a_grant_on_the_command_line_runs_what_waits_and_the_old_generation_serves_on() {
    let world = World::new();
    put(&world, &healthy(0, OWN));
    assert_eq!(answers(&world), "0");
    put(&world, &wanting_more(1));
    let tried = world.call("healthy.generation", &["--grant", MORE]);
    assert_eq!(tried.data()["generation"], "1", "one may try it");
    assert_eq!(answers(&world), "0", "and nobody else does");
    assert_eq!(world.entry("healthy.wasm")["state"], "pending");
    assert_eq!(kinds(&events(&world, "skill.replaced")), Vec::<&str>::new());
}

#[test]
fn a_grant_on_the_command_line_changes_nothing_for_a_running_host() {
    let world = World::new();
    let mut up = world.up();
    put(&world, &wanting_more(0));
    up.wait_for("pending", "healthy.wasm");
    assert_eq!(world.call("healthy.generation", &["--grant", MORE]).code, Some(0));
    // Whatever it made of that, it made before the next file.
    world.add("errors");
    up.wait_for("absorbed", "errors.wasm");
    let about: Vec<_> = up.notices().into_iter().filter(|notice| notice["file"] == "healthy.wasm").collect();
    assert!(about.iter().all(|notice| notice["what"] == "pending"), "{about:?}");
    is_denied(&world.call("healthy.generation", &[]), &[]);
}

#[test]
fn a_grant_on_the_command_line_is_not_for_the_skills_that_it_calls() {
    let world = World::with(&["ring-a", "ring-b"]);
    let grants = ["--grant", "skills.call ring-a.*", "--grant", "skills.call ring-b.*"];
    let ran = world.call("ring-a.round", &grants);
    let answer = ran.data();
    assert_eq!(answer["err"]["kind"], "denied", "{ran}");
    assert!(answer["err"]["message"].as_str().unwrap().contains("ring-b"), "{ran}");
    assert_eq!(waiting(&world).len(), 2, "both wait as before");
    is_denied(&world.call("ring-b.round", &[]), &[]);
}

#[test]
fn a_grant_on_the_command_line_gives_nothing_that_was_not_asked_for() {
    let world = World::with(&["healthy", "hostile"]);
    let ran = world.call("hostile.get", &["--grant", "blackboard.read *", "key=healthy:count"]);
    assert_eq!(ran.data()["err"]["kind"], "denied", "{ran}");
    let ran = world.call("hostile.call-skill", &["--grant", "skills.call *", "skill=healthy", "tool=echo"]);
    assert_eq!(ran.data()["err"]["kind"], "denied", "{ran}");
}

#[test]
fn a_grant_that_is_malformed_is_a_usage_error() {
    let world = World::with(&["healthy"]);
    for malformed in
        ["llm", "llm.complete", "llm.complete ", "llm.dream *", "*", "", "http.request ftp://a/", "fs.read /etc"]
    {
        let ran = world.run(&["run", "healthy.echo", "--grant", malformed]);
        fails(&ran, 2, &["--grant"]);
        assert!(ran.stdout.is_empty(), "{ran}");
    }
    assert_eq!(world.call("healthy.echo", &["--grant", "llm.complete *"]).code, Some(0), "one that is well formed");
    assert_eq!(world.list()[0]["reason"], Value::Null);
}
