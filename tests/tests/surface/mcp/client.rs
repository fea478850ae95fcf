//! The official client, over both transports and in both eras.

use serde_json::{Value, json};
use skillhost_tests::{PATIENCE, Up, World, eventually};

use super::python::Python;
use super::{SESSIONS, STATELESS, add_notes, token};

/// The client's modes, and the era that each of them comes to.
const MODES: [(&str, &str); 3] = [("legacy", SESSIONS), (STATELESS, STATELESS), ("auto", STATELESS)];

/// A client at a host in `world`, and the host where it is another process.
fn connected(world: &World, over_http: bool, mode: &str) -> (Option<Up>, Python) {
    if !over_http {
        return (None, Python::over_stdio(world, mode));
    }
    let mut up = world.up();
    let address = up.address();
    let token = token(world, &format!("client-{mode}"), "caller");
    (Some(up), Python::over_http(&address, &token, mode))
}

/// As many changes as there are skills in the folder at the start, and the one that is made.
const CHANGES: usize = 6;

/// Each of the transports in each of the modes, one after the other at the same skills.
fn each_way(act: impl Fn(&World, &mut Python, &str)) {
    let world = World::with(&["healthy", "hostile", "plain-zoo", "errors"]).allowing_all();
    add_notes(&world);
    for over_http in [true, false] {
        for (mode, era) in MODES {
            let (_up, mut client) = connected(&world, over_http, mode);
            assert_eq!(client.say(&json!(["era"])), era);
            act(&world, &mut client, era);
            client.leave();
        }
    }
}

#[test]
fn the_client_lists_and_calls_and_hears_of_errors() {
    each_way(|world, client, era| {
        let tools = client.tools();
        assert!(tools.is_sorted() && tools.contains(&"healthy__echo".to_owned()), "{tools:?}");
        assert_eq!(client.tools(), tools, "the order is the same whenever it is asked for");

        let came = client.call("healthy__echo", json!({"größe": [1, 2.5, null, 9007199254740993_i64]}));
        assert_eq!(came["structuredContent"], json!({"größe": [1, 2.5, null, 9007199254740993_i64]}), "{came}");
        assert_eq!(came["content"][0]["type"], "text");
        let run = came["_meta"]["run"].as_str().unwrap().to_owned();
        assert!(crate::is_run(&run), "{came}");

        let all = client.call("hostile__all-content", json!({}));
        let kinds: Vec<_> = all["content"].as_array().unwrap().iter().map(|part| part["type"].clone()).collect();
        assert_eq!(kinds, ["text", "image", "audio"], "{all}");

        // What is no object is structured content only where the era knows that; as text it always comes.
        let number = client.call("plain-zoo__divide", json!({"value": 7, "by": 2}));
        assert_eq!(number["content"], json!([{"type": "text", "text": "3"}]), "{number}");
        let structured = if era == STATELESS { json!(3) } else { Value::Null };
        assert_eq!(number["structuredContent"], structured, "{number}");

        for (tool, input, kind) in [
            ("errors__failed", json!({"message": "no"}), "tool-error"),
            ("errors__invalid-input", json!({"message": "no"}), "invalid-input"),
            ("healthy__slow", json!({"ms": "long"}), "invalid-input"),
            ("plain-zoo__divide", json!({"value": 7, "by": 0}), "tool-error"),
            ("hostile__trap", json!({}), "trap"),
            ("hostile__spin", json!({}), "fuel"),
        ] {
            let came = client.call(tool, input);
            assert_eq!((&came["isError"], &came["_meta"]["kind"]), (&json!(true), &json!(kind)), "{tool}: {came}");
            assert!(came["content"][0]["text"].as_str().is_some_and(|text| !text.is_empty()), "{came}");
        }
        for unknown in ["nobody__tool", "healthy__nothing", "healthy", "__", ""] {
            assert_eq!(client.call(unknown, json!({}))["error"]["code"], -32602, "{unknown}");
        }
        let shown = world.run(&["show", &run, "--json"]);
        assert_eq!(shown.json()["skill"], "healthy", "{shown}");
    });
}

#[test]
fn the_client_hears_progress_in_order() {
    each_way(|_, client, _| {
        let reports = client.say(&json!(["progress", "hostile__progress-flood", {"times": 5, "bytes": 3}]));
        let done: Vec<f64> = reports.as_array().unwrap().iter().map(|report| report[0].as_f64().unwrap()).collect();
        assert!(done.len() >= 4 && done.is_sorted_by(|one, other| one < other), "{reports}");
    });
}

#[test]
fn what_the_client_cancels_is_cancelled() {
    each_way(|world, client, _| {
        let cancelled = || {
            let runs = world.run(&["runs", "--json"]).json();
            let cancelled = |run: &&Value| run["tool"] == "sleep" && run["error"]["kind"] == "cancelled";
            runs.as_array().unwrap().iter().filter(cancelled).count()
        };
        let before = cancelled();
        client.say(&json!(["begin", "hostile__sleep", {"ms": 60_000}]));
        // Another answer says that the first request is on its way too.
        client.call("healthy__echo", json!({}));
        client.call("healthy__echo", json!({}));
        client.say(&json!(["cancel", "hostile__sleep"]));
        eventually("a run that was cancelled", PATIENCE, || cancelled() > before);
    });
}

#[test]
fn the_client_hears_that_the_list_changed_after_a_drop_a_replacement_and_a_removal() {
    each_way(|world, client, _| {
        let before = client.tools();
        client.say(&json!(["listen"]));
        let file = world.add("fetcher");
        let mut with = before.clone();
        // Over standard input and output the client may be there while the folder is still being absorbed: that is a change too.
        for _ in 0..CHANGES {
            assert_eq!(client.say(&json!(["changed"])), "tools");
            with = client.tools();
            if with.iter().any(|tool| tool.starts_with("fetcher__")) {
                break;
            }
        }
        assert!(with.len() > before.len() && with.iter().any(|tool| tool.starts_with("fetcher__")), "{with:?}");
        client.say(&json!(["listen"]));
        std::fs::remove_file(file).unwrap();
        assert_eq!(client.say(&json!(["changed"])), "tools");
        assert_eq!(client.tools(), before);
    });
}

#[test]
fn skill_folders_are_listed_with_digests_and_their_files_read() {
    each_way(|_, client, era| {
        let meta = json!({});
        let came = client.say(&json!(["raw", "skills/list", meta]));
        let [skill] = came["skills"].as_array().unwrap().as_slice() else { panic!("one skill: {came}") };
        assert_eq!(skill["uri"], "skill://notes/SKILL.md");
        let front = json!({"name": "notes", "description": "How to take notes.", "license": "MIT"});
        assert_eq!(skill["frontmatter"], front);
        let files: Vec<_> = skill["resources"].as_array().unwrap().iter().map(|file| file["uri"].clone()).collect();
        let expected =
            ["skill://notes/SKILL.md", "skill://notes/assets/dot.png", "skill://notes/references/more%20words.md"];
        assert_eq!(files, expected);
        let got = client.say(&json!(["raw", "skills/get", {"uri": "skill://notes/SKILL.md"}]));
        assert_eq!(got["skill"], *skill, "{era}");

        let listed = client.say(&json!(["resources"]));
        assert_eq!(listed[2]["name"], "notes/references/more words.md", "{listed}");
        let listed: Vec<_> = listed.as_array().unwrap().iter().map(|file| file["uri"].clone()).collect();
        assert_eq!(listed, expected);
        let text = client.say(&json!(["read", "skill://notes/references/more%20words.md"]));
        assert_eq!(
            (&text["contents"][0]["text"], &text["contents"][0]["mimeType"]),
            (&json!("More.\n"), &json!("text/markdown"))
        );
        let picture = client.say(&json!(["read", "skill://notes/assets/dot.png"]));
        assert_eq!(
            (&picture["contents"][0]["blob"], &picture["contents"][0]["mimeType"]),
            (&json!("iVBORw0KGgo="), &json!("image/png"))
        );
    });
}
