//! What asks for more than it was granted waits, and an approval lets it in.

use serde_json::{Value, json};
use skillhost_tests::{World, guest};

use super::{MORE, OWN, approval, decided, events, healthy, id, is_denied, kinds, only_one, plain, put, waiting};
use crate::{has_fields, is_digest, is_time};

const APPROVAL: [&str; 10] =
    ["id", "skill", "digest", "state", "proposed_at", "decided_at", "decided_by", "wants", "new", "serving"];

/// Beyond the contract's list: what one decides by, and what came of it.
const MORE_OF_IT: [&str; 6] = ["version", "file", "size", "granted", "imports", "reason"];

/// A native skill that asks for a model, and a plain component that imports `wasi:http`.
fn strangers() -> [(&'static str, Vec<u8>, &'static str, &'static str); 2] {
    [
        ("healthy.wasm", healthy(0, MORE), "healthy.generation", MORE),
        ("plain-http.wasm", plain(), "plain-http.idle", "http.request *"),
    ]
}

#[test]
fn what_was_granted_nothing_waits_denied_until_it_is_approved() {
    for (file, bytes, target, want) in strangers() {
        let world = World::new();
        world.put(file, &bytes);
        let entry = world.entry(file);
        assert_eq!(entry["state"], "pending", "{entry}");
        assert!(entry["serving"].is_null() && !entry["tools"].as_array().unwrap().is_empty(), "{entry}");
        let id = id(&world);
        let reason = entry["reason"].as_str().unwrap();
        assert!(reason.contains(want) && reason.contains(&format!("approve {id}")), "the way out: {entry}");
        is_denied(&world.call(target, &[]), &[want, &id]);
        decided(&world, &["approve", &id]);
        let ran = world.call(target, &[]);
        assert_eq!(ran.code, Some(0), "{ran}");
        let entry = world.entry(file);
        assert!(entry["state"] == "active" && entry["reason"].is_null(), "{entry}");
        assert_eq!(waiting(&world), Vec::<Value>::new());
        assert_eq!(approval(&world, &id)["state"], "applied");
    }
}

#[test]
fn a_running_host_takes_in_what_another_process_approved() {
    let world = World::new();
    let mut up = world.up();
    for (file, bytes, target, _) in strangers() {
        world.put(file, &bytes);
        let notice = up.wait_for("pending", file);
        let entry = world.entry(file);
        assert_eq!((&entry["state"], &entry["reason"]), (&json!("pending"), &notice["reason"]), "{entry}");
        is_denied(&world.call(target, &[]), &[]);
        decided(&world, &["approve", &id(&world)]);
        let notice = up.wait_for("absorbed", file);
        assert!(notice["reason"].is_null(), "{notice}");
        assert_eq!(world.entry(file)["state"], "active");
        assert_eq!(world.call(target, &[]).code, Some(0));
    }
    assert!(up.is_alive(), "without a restart");
    assert_eq!(kinds(&events(&world, "skill.absorbed")).len(), 2, "once each, though two processes take part");
    assert_eq!(kinds(&events(&world, "system.started")).len(), 1);
}

#[test]
fn a_rejection_beside_a_running_host_lets_nothing_in() {
    let world = World::new();
    let mut up = world.up();
    put(&world, &healthy(0, MORE));
    up.wait_for("pending", "healthy.wasm");
    decided(&world, &["reject", &id(&world)]);
    assert_eq!(world.entry("healthy.wasm")["state"], "rejected");
    // Whatever it did of it, it did before the next file.
    world.add("errors");
    up.wait_for("absorbed", "errors.wasm");
    let taken = up.notices().into_iter().find(|notice| notice["what"] == "absorbed" && notice["skill"] == "healthy");
    assert!(taken.is_none(), "{taken:?}");
    assert_eq!(waiting(&world), Vec::<Value>::new(), "and it is not proposed anew");
}

#[test]
fn a_proposal_shows_what_a_person_needs_to_decide() {
    let world = World::new();
    assert_eq!(waiting(&world), Vec::<Value>::new(), "an empty array");
    let bytes = healthy(0, &format!("{OWN};{MORE}"));
    put(&world, &bytes);
    let proposal = only_one(&world);
    has_fields(&proposal, &APPROVAL, &MORE_OF_IT);
    assert_eq!((&proposal["skill"], &proposal["version"]), (&json!("healthy"), &json!("1.0.0")));
    assert_eq!((&proposal["file"], &proposal["size"]), (&json!("healthy.wasm"), &json!(bytes.len())));
    assert!(is_digest(&proposal["digest"]) && proposal["digest"] == world.entry("healthy.wasm")["digest"]);
    assert_eq!(proposal["state"], "proposed");
    assert!(is_time(&proposal["proposed_at"]) && proposal["decided_at"].is_null(), "{proposal}");
    assert!(proposal["decided_by"].is_null() && proposal["serving"].is_null(), "{proposal}");
    assert_eq!(proposal["new"], json!([MORE]), "what it gets anyhow is not new");
    let wants = proposal["wants"].as_array().unwrap();
    assert_eq!(wants.len(), 3, "{proposal}");
    for want in wants {
        has_fields(want, &["capability", "scope", "reason"], &[]);
        assert!(!want["reason"].as_str().unwrap().is_empty(), "{want}");
    }
    assert!(proposal["imports"].as_array().unwrap().contains(&json!("skillhost:skill/blackboard@0.1.0")));
    let for_people = world.run(&["approvals"]);
    assert_eq!(for_people.code, Some(0), "{for_people}");
    for field in ["id", "skill", "digest", "version", "file"] {
        assert!(for_people.stdout.contains(proposal[field].as_str().unwrap()), "{field}: {for_people}");
    }
    for word in [MORE, "The tests try llm.complete.", "skillhost:skill/blackboard@0.1.0"] {
        assert!(for_people.stdout.contains(word), "`{word}`: {for_people}");
    }
    assert_eq!(only_one(&world), proposal, "looked at again, it is the same");
}

#[test]
fn inspect_shows_what_waits_what_is_held_and_what_is_asked_in_vain() {
    let world = World::with(&["hostile"]);
    put(&world, &healthy(0, &format!("{OWN};{MORE};skills.call hostile.*")));
    let inspect = |skill: &str| world.run(&["inspect", skill, "--json"]).json();
    let waits = inspect("healthy");
    assert_eq!((&waits["state"], &waits["grants"]), (&json!("pending"), &json!([])), "what waits holds nothing");
    assert_eq!(waits["asks_without_importing"], json!([MORE, "skills.call hostile.*"]));
    assert_eq!(waits["imports_without_asking"], json!([]));
    assert_eq!(waits["wants"].as_array().unwrap().len(), 4);
    let hostile = inspect("hostile");
    let grants = ["blackboard.publish", "blackboard.read", "blackboard.write"].map(|name| format!("{name} hostile:*"));
    let grants = [&grants[..], &["events.append skill.*".to_owned()]].concat();
    assert_eq!(hostile["grants"], json!(grants), "each want that the defaults cover");
    let unasked = hostile["imports_without_asking"].as_array().unwrap();
    for (import, is_unasked) in [("llm", true), ("skills", true), ("blackboard", false), ("event-log", false)] {
        assert_eq!(
            unasked.contains(&json!(format!("skillhost:skill/{import}@0.1.0"))),
            is_unasked,
            "{import}: {unasked:?}"
        );
    }
    assert_eq!(hostile["asks_without_importing"], json!([]));
}

#[test]
fn a_file_that_is_run_by_its_path_is_denied_with_the_flag_that_lets_it() {
    let world = World::new();
    std::fs::copy(guest("plain-board"), world.root().join("x.wasm")).unwrap();
    let board = ["blackboard.read *", "blackboard.write *", "blackboard.publish *"];
    is_denied(&world.call("./x.wasm.recall", &["key=a"]), &["--grant", board[0], board[1], board[2]]);
    let grants = board.map(|grant| ["--grant", grant]).concat();
    assert!(world.call("./x.wasm.recall", &[&grants[..], &["key=a"]].concat()).data().is_null());
    is_denied(&world.call("./x.wasm.recall", &["key=a"]), &[]);
    assert_eq!(waiting(&world), Vec::<Value>::new(), "what was not dropped is not proposed");
}
