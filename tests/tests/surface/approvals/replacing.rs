//! A replacement that asks for more waits; what served goes on serving, whatever becomes of it.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use skillhost_tests::{PATIENCE, World, eventually};

use super::{MORE, OWN, answers, approval, decided, events, fails, id, is_denied, kinds, list, only_one, put, waiting};
use super::{healthy, wanting_more};

/// A world where generation 0 serves and generation 1, which asks for more, waits.
#[track_caller]
fn one_waits() -> World {
    let world = World::new();
    put(&world, &healthy(0, OWN));
    assert_eq!(answers(&world), "0");
    put(&world, &wanting_more(1));
    assert_eq!(world.entry("healthy.wasm")["state"], "pending");
    world
}

#[test]
fn a_replacement_that_asks_for_more_waits_while_the_old_generation_serves() {
    let world = World::new();
    put(&world, &healthy(0, OWN));
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    let old = world.entry("healthy.wasm")["digest"].clone();
    put(&world, &wanting_more(1));
    up.wait_for("pending", "healthy.wasm");

    let entry = world.entry("healthy.wasm");
    assert_eq!((&entry["state"], &entry["serving"]), (&json!("pending"), &old), "{entry}");
    assert_ne!(entry["digest"], old);
    let ran = world.call("healthy.generation", &[]);
    assert_eq!((&ran.data()["generation"], &ran.json()["digest"]), (&json!("0"), &old));
    let proposal = only_one(&world);
    assert_eq!((&proposal["new"], &proposal["serving"]), (&json!([MORE]), &old), "what is new, and in whose place");
    assert_eq!(proposal["digest"], entry["digest"]);

    let mark = up.mark();
    decided(&world, &["approve", proposal["id"].as_str().unwrap()]);
    up.wait_after(mark, "replaced", "healthy.wasm");
    let ran = world.call("healthy.generation", &[]);
    assert_eq!((&ran.data()["generation"], &ran.json()["digest"]), (&json!("1"), &entry["digest"]));
    assert_eq!(world.entry("healthy.wasm")["state"], "active");
    assert_eq!(kinds(&events(&world, "skill.replaced")).len(), 1);
    assert_eq!(kinds(&events(&world, "approval.*")), ["approval.proposed", "approval.approved", "approval.applied"]);
}

#[test]
fn no_call_is_lost_while_a_replacement_is_approved() {
    const CALLERS: usize = 3;
    let world = one_waits();
    let id = id(&world);
    let _up = world.up();
    let (is_approved, enough) = (AtomicBool::new(false), AtomicBool::new(false));
    let call = || {
        let mut seen = Vec::new();
        while !enough.load(Ordering::SeqCst) {
            let after = is_approved.load(Ordering::SeqCst);
            seen.push((after, answers(&world)));
        }
        seen
    };
    let seen: Vec<_> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(call)).collect();
        eventually("calls before the approval", PATIENCE, || kinds(&events(&world, "tool.completed")).len() > 10);
        decided(&world, &["approve", &id]);
        is_approved.store(true, Ordering::SeqCst);
        let so_far = kinds(&events(&world, "tool.completed")).len();
        eventually("calls after it", PATIENCE, || kinds(&events(&world, "tool.completed")).len() > so_far + 10);
        enough.store(true, Ordering::SeqCst);
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    for seen in &seen {
        assert!(seen.iter().all(|(after, answer)| !after || answer == "1"), "after the approval: {seen:?}");
        let generations: Vec<_> = seen.iter().map(|(_, answer)| answer).collect();
        assert!(generations.is_sorted(), "never back: {generations:?}");
    }
    assert!(seen.iter().flatten().any(|(_, answer)| answer == "0"), "some before it: {seen:?}");
}

/// Generation 2 is a byte away from generation 1.
#[track_caller]
fn an_approval_counts_for_the_bytes_that_were_shown(world: &World) {
    let before = only_one(world);
    let shown = before["id"].as_str().unwrap();
    put(world, &wanting_more(2));
    let ran = world.run(&["approve", shown]);
    let anew = only_one(world);
    let new_id = anew["id"].as_str().unwrap();
    assert_ne!(new_id, shown);
    assert_ne!(anew["digest"], before["digest"]);
    fails(&ran, 1, &[shown, "superseded", "healthy.wasm was changed", new_id]);
    assert_eq!(answers(world), "0", "neither came in");
    let old = approval(world, shown);
    assert_eq!((&old["state"], &old["decided_by"]), (&json!("superseded"), &Value::Null));
    assert!(old["reason"].as_str().unwrap().contains(new_id), "{old}");
    fails(&world.run(&["reject", shown]), 1, &["superseded"]);
    decided(world, &["approve", new_id]);
    assert_eq!(answers(world), "2");
}

#[test]
fn a_waiting_file_that_was_changed_by_a_byte_is_no_longer_what_was_shown() {
    an_approval_counts_for_the_bytes_that_were_shown(&one_waits());
}

#[test]
fn that_holds_beside_a_running_host_as_well() {
    let world = one_waits();
    let mut up = world.up();
    up.wait_for("pending", "healthy.wasm");
    an_approval_counts_for_the_bytes_that_were_shown(&world);
    up.wait_for("replaced", "healthy.wasm");
}

#[test]
fn the_log_names_what_a_proposal_takes_the_place_of() {
    let world = one_waits();
    let first = id(&world);
    put(&world, &wanting_more(2));
    let second = id(&world);
    let told = events(&world, "approval.proposed");
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((&told[1]["data"]["id"], &told[1]["data"]["supersedes"]), (&json!(second), &json!([first])));
}

#[test]
fn the_file_that_served_put_back_needs_nobody() {
    let world = one_waits();
    let id = id(&world);
    put(&world, &healthy(0, OWN));
    let entry = world.entry("healthy.wasm");
    assert_eq!(entry["state"], "active", "{entry}");
    assert_eq!(answers(&world), "0");
    assert_eq!(waiting(&world), Vec::<Value>::new());
    assert_eq!(approval(&world, &id)["state"], "superseded");
    fails(&world.run(&["approve", &id]), 1, &["superseded"]);
    assert_eq!(answers(&world), "0");
}

#[test]
fn a_file_that_is_deleted_takes_its_proposal_and_its_skill_with_it() {
    let world = one_waits();
    let id = id(&world);
    fs::remove_file(world.skills().join("healthy.wasm")).unwrap();
    assert_eq!(waiting(&world), Vec::<Value>::new());
    assert_eq!(approval(&world, &id)["state"], "superseded");
    fails(&world.run(&["approve", &id]), 1, &["superseded"]);
    assert_eq!(world.call("healthy.generation", &[]).code, Some(3), "deleting the file removes the skill");
    assert_eq!(world.list(), Vec::<Value>::new());
    put(&world, &wanting_more(1));
    assert_ne!(super::id(&world), id, "what comes back is proposed anew");
    is_denied(&world.call("healthy.generation", &[]), &[]);
}

#[test]
fn after_a_restart_what_served_serves_beside_what_waits() {
    let world = one_waits();
    let before = (world.entry("healthy.wasm"), only_one(&world));
    for _ in 0..2 {
        let mut up = world.up();
        up.wait_for("pending", "healthy.wasm");
        assert_eq!(answers(&world), "0", "from the kept bytes, beside a running host");
        assert_eq!((world.entry("healthy.wasm"), only_one(&world)), before);
        assert_eq!(up.stop().code, Some(0));
        assert_eq!(answers(&world), "0", "and without one");
    }
    assert_eq!(kinds(&events(&world, "approval.*")), ["approval.proposed"], "it is proposed once");
    assert_eq!(kinds(&events(&world, "skill.absorbed")).len(), 1);
    decided(&world, &["approve", &id(&world)]);
    assert_eq!(answers(&world), "1");
}

#[test]
fn what_was_rejected_stays_rejected_and_the_old_generation_goes_on() {
    let world = one_waits();
    let id = id(&world);
    let serving = world.entry("healthy.wasm")["serving"].clone();
    decided(&world, &["reject", &id]);
    for round in ["at once", "after a restart"] {
        let entry = world.entry("healthy.wasm");
        assert_eq!((&entry["state"], &entry["serving"]), (&json!("rejected"), &serving), "{round}: {entry}");
        assert!(entry["reason"].as_str().unwrap().contains(&id), "{round}: {entry}");
        assert_eq!(answers(&world), "0", "{round}");
        assert_eq!(waiting(&world), Vec::<Value>::new(), "{round}: nobody is asked again");
        let mut up = world.up();
        world.add("errors");
        up.wait_for("absorbed", "errors.wasm");
        assert_eq!(up.stop().code, Some(0));
    }
    put(&world, &wanting_more(2));
    assert_eq!(world.entry("healthy.wasm")["state"], "pending", "another file is another question");
    put(&world, &wanting_more(1));
    assert_eq!(world.entry("healthy.wasm")["state"], "rejected", "and this one is answered");
    put(&world, &healthy(3, OWN));
    assert_eq!(answers(&world), "3", "one that asks for less needs nobody");
    let states: Vec<_> = list(&world, &["--all"]).iter().map(|approval| approval["state"].clone()).collect();
    assert_eq!(states, ["rejected", "superseded"]);
}

#[test]
fn a_new_skill_that_was_rejected_is_denied_and_says_by_whom() {
    let world = World::new();
    put(&world, &wanting_more(0));
    let id = id(&world);
    decided(&world, &["reject", &id]);
    is_denied(&world.call("healthy.generation", &[]), &["rejected", &id]);
    let entry = world.entry("healthy.wasm");
    assert!(entry["state"] == "rejected" && entry["serving"].is_null(), "{entry}");
    world.configure("grants: { healthy: [\"llm.complete local\"] }\n");
    assert_eq!(answers(&world), "0", "an operator decides otherwise");
}

#[test]
fn one_replacement_is_one_event_though_two_processes_see_it() {
    const ROUNDS: u32 = 8;
    let world = World::new();
    put(&world, &healthy(0, OWN));
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    for number in 1..=ROUNDS {
        let mark = up.mark();
        put(&world, &healthy(number, OWN));
        // Each looks at the folder by itself; now this one is first, now that one.
        while up.mark() == mark {
            world.list();
        }
    }
    assert_eq!(answers(&world), ROUNDS.to_string());
    let mut told: Vec<_> =
        events(&world, "skill.replaced").iter().map(|event| event["data"]["digest"].to_string()).collect();
    told.sort_unstable();
    assert_eq!(told.len(), ROUNDS as usize, "{told:#?}");
}
