//! Decisions: each is taken once, for one file, by somebody, and is on record.

use serde_json::{Value, json};
use skillhost_tests::World;

use super::{MORE, OWN, approval, decided, events, fails, held, id, is_denied, kinds, only_one, put, set, waiting};
use super::{healthy, wanting_more};
use crate::is_time;

#[test]
fn who_decided_on_what_and_when_is_listed_and_logged() {
    for (verb, state, became) in [("approve", "applied", "approval.applied"), ("reject", "rejected", "")] {
        let world = World::new();
        put(&world, &wanting_more(0));
        let proposal = only_one(&world);
        let id = proposal["id"].as_str().unwrap();
        let output = world.command(&[verb, id, "--json"]).env("USER", "ada").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let decision = approval(&world, id);
        assert_eq!((&printed["id"], &printed["decided_at"]), (&decision["id"], &decision["decided_at"]));
        assert_eq!((&decision["state"], &decision["decided_by"]), (&json!(state), &json!("cli:ada")));
        assert!(is_time(&decision["decided_at"]), "{decision}");
        assert!(decision["decided_at"].as_str() >= decision["proposed_at"].as_str(), "{decision}");
        for field in ["skill", "digest", "proposed_at", "wants", "new", "file", "size", "version"] {
            assert_eq!(decision[field], proposal[field], "{field}");
        }
        assert_eq!(waiting(&world), Vec::<Value>::new());

        let told = events(&world, "approval.*");
        let verb = if verb == "approve" { "approval.approved" } else { "approval.rejected" };
        let expected: Vec<_> =
            ["approval.proposed", verb, became].into_iter().filter(|kind| !kind.is_empty()).collect();
        assert_eq!(kinds(&told), expected);
        for event in &told {
            for field in ["id", "skill", "digest", "file"] {
                assert_eq!(event["data"][field], proposal[field], "{field}: {event}");
            }
            assert!(is_time(&event["at"]) && event["source"] == "host", "{event}");
        }
        assert_eq!(told[0]["data"]["new"], json!([MORE]));
        assert_eq!(told[1]["data"]["by"], "cli:ada");
        if became == "approval.applied" {
            assert!(told[2]["data"]["granted"].as_array().unwrap().contains(&json!(MORE)), "{}", told[2]);
        }
    }
}

#[test]
fn a_decision_is_taken_once() {
    for (first, state) in [("approve", "applied"), ("reject", "rejected")] {
        let world = World::new();
        put(&world, &wanting_more(0));
        let id = id(&world);
        decided(&world, &[first, &id]);
        let before = approval(&world, &id);
        assert_eq!(before["state"], state);
        for second in ["approve", "reject"] {
            fails(&world.run(&[second, &id]), 1, &[&id, state]);
        }
        assert_eq!(approval(&world, &id), before, "nothing changed");
    }
}

#[test]
fn an_unknown_name_is_not_found() {
    let world = World::new();
    put(&world, &wanting_more(0));
    let before = only_one(&world);
    for verb in ["approve", "reject"] {
        for name in ["nobody", "", "*", "' OR 1 --"] {
            fails(&world.run(&[verb, name]), 3, &["approvals"]);
        }
        assert_eq!(world.run(&[verb]).code, Some(2), "{verb} without a name");
    }
    assert_eq!(only_one(&world), before);
}

#[test]
fn of_many_who_decide_at_once_one_decides() {
    const AT_ONCE: usize = 6;
    let world = World::new();
    put(&world, &wanting_more(0));
    let id = id(&world);
    let ran: Vec<_> = std::thread::scope(|scope| {
        let (world, id) = (&world, &id);
        let decide = |number| {
            let verb = if number % 2 == 0 { "approve" } else { "reject" };
            scope.spawn(move || (verb, world.run(&[verb, id])))
        };
        let started: Vec<_> = (0..AT_ONCE).map(decide).collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (done, late): (Vec<_>, Vec<_>) = ran.iter().partition(|(_, ran)| ran.code == Some(0));
    assert_eq!(done.len(), 1, "{ran:?}");
    for (_, ran) in late {
        fails(ran, 1, &[&id]);
    }
    let state = if done[0].0 == "approve" { "applied" } else { "rejected" };
    assert_eq!(approval(&world, &id)["state"], state);
    let entry = world.entry("healthy.wasm");
    assert_eq!(entry["state"], if state == "applied" { "active" } else { "rejected" });
    let told = events(&world, "approval.*");
    let decisions = kinds(&told).into_iter().filter(|kind| ["approval.approved", "approval.rejected"].contains(kind));
    assert_eq!(decisions.count(), 1, "{told:?}");
}

#[test]
fn only_gives_a_part_of_what_is_asked() {
    let world = World::with(&["greedy"]);
    let id = id(&world);
    let part = ["blackboard.read agent:*", "skills.call healthy.*"];
    let approved = decided(&world, &["approve", &id, "--only", part[0], "--only", part[1]]);
    assert_eq!(approved["granted"], json!(part));
    assert_eq!(world.entry("greedy.wasm")["state"], "active", "less than it asked for is a decision too");
    let by_default = [
        "blackboard.publish greedy:*",
        "blackboard.read greedy:*",
        "blackboard.write greedy:*",
        "events.append skill.*",
    ];
    assert_eq!(held(&world, "greedy"), set(&[&part[..], &by_default].concat()));
    let get = |key: &str| world.call("greedy.get", &[&format!("key={key}")]).data();
    assert_eq!(get("agent:timmy")["err"], Value::Null);
    assert_eq!(get("other")["err"], json!({"kind": "denied", "message": "blackboard.read other"}));
    let for_people = world.run(&["inspect", "greedy"]).stdout;
    let missing = for_people.split("does not hold").nth(1).unwrap_or_default();
    for want in ["blackboard.read *", "llm.complete *", "fs.write workspace"] {
        assert!(missing.contains(want), "`{want}` is asked for and not held: {for_people}");
    }
    assert_eq!(waiting(&world), Vec::<Value>::new());
}

#[test]
fn only_what_is_asked_for_can_be_approved() {
    let world = World::new();
    put(&world, &healthy(0, &format!("{OWN};llm.complete local*")));
    let before = only_one(&world);
    let id = before["id"].as_str().unwrap();
    for outside in ["llm.complete *", "llm.embed local", "blackboard.read *", "http.request https://example.com/"] {
        fails(&world.run(&["approve", id, "--only", outside]), 2, &[outside, "llm.complete local*"]);
        let with_a_part = ["approve", id, "--only", "llm.complete local-1", "--only", outside];
        fails(&world.run(&with_a_part), 2, &[outside]);
    }
    for malformed in ["llm.complete", "llm", "", "llm.dream *", "http.request ftp://example.com/"] {
        assert_eq!(world.run(&["approve", id, "--only", malformed]).code, Some(2), "{malformed}");
    }
    assert_eq!(only_one(&world), before, "nothing was decided");
    is_denied(&world.call("healthy.echo", &[]), &[]);
    decided(&world, &["approve", id, "--only", "llm.complete local-1"]);
    assert!(held(&world, "healthy").contains("llm.complete local-1"));
}
