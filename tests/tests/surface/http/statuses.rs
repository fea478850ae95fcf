//! Each status of a tool call, from a guest that brings it about.

use serde_json::{Value, json};
use skillhost_tests::{Reply, World};

use super::{call, cancelling, path, runs, started};
use crate::{has_fields, is_digest, is_run, is_time};

/// The fields of a run, and those that it has if there is something in them.
const RUN: [&str; 11] =
    ["run", "skill", "tool", "digest", "tenant", "caller", "started_at", "ok", "output", "error", "usage"];
const MORE: [&str; 2] = ["log", "calls"];

/// The run in an answer of this status and this kind; fails the test if it is anything else.
#[track_caller]
fn run(reply: &Reply, status: u16, kind: &str) -> Value {
    assert_eq!((reply.status, reply.header("content-type")), (status, Some("application/json")), "{}", reply.text());
    let run = reply.json();
    has_fields(&run, &RUN, &MORE);
    assert!(is_run(run["run"].as_str().unwrap()) && is_time(&run["started_at"]), "{run}");
    assert_eq!(run["ok"], status == 200, "{run}");
    assert_eq!(run["error"]["kind"].as_str().unwrap_or_default(), kind, "{run}");
    assert_eq!(run["output"].is_null(), status != 200, "{run}");
    run
}

#[test]
fn a_call_gives_the_object_of_run_and_is_on_record() {
    let world = World::with(&["healthy"]).allowing_all();
    let (_up, admin) = started(&world);
    let input = json!({"text": "grün 🦀", "n": 1.5});
    let run = run(&call(&admin, "healthy.echo", &input), 200, "");
    assert_eq!((&run["output"]["data"], &run["caller"]), (&input, &json!("http:admin")));
    assert_eq!((&run["skill"], &run["tool"], &run["tenant"]), (&json!("healthy"), &json!("echo"), &json!("default")));
    assert!(is_digest(&run["digest"]), "{run}");
    // What was given out is on record, here and on the command line.
    let shown = admin.get(&format!("/api/runs/{}", run["run"].as_str().unwrap()));
    assert_eq!((shown.status, shown.json()), (200, run.clone()));
    assert_eq!(runs(&admin), std::slice::from_ref(&run));
    assert_eq!(world.run(&["show", run["run"].as_str().unwrap(), "--json"]).json(), run);
}

#[test]
fn the_body_is_json_whatever_it_is_called_and_nothing_is_an_empty_object() {
    let world = World::with(&["healthy"]).allowing_all();
    let (_up, admin) = started(&world);
    let send = |content_type: &str, body: &[u8]| {
        admin.send("POST", &path("healthy.echo"), &[("content-type", content_type)], body)
    };
    for content_type in ["application/json", "application/x-www-form-urlencoded", "text/plain; charset=utf-8"] {
        assert_eq!(run(&send(content_type, br#"{"a": [1]}"#), 200, "")["output"]["data"], json!({"a": [1]}));
    }
    assert_eq!(run(&send("application/json", b""), 200, "")["output"]["data"], json!({}));
    for wrong in [&b"{"[..], b"a=b", b" ", b"{\"a\": \"\xff\"}", b"\xef\xbb\xbf{}"] {
        run(&send("application/json", wrong), 400, "invalid-input");
    }
}

#[test]
fn what_the_tool_or_the_host_finds_wrong_with_the_input_is_400() {
    let world = World::with(&["schemas", "errors"]).allowing_all();
    let (_up, admin) = started(&world);
    let said = run(&call(&admin, "schemas.required", &json!({"name": 1})), 400, "invalid-input");
    assert!(said["error"]["message"].as_str().unwrap().contains("name"), "{said}");
    run(&call(&admin, "errors.invalid-input", &json!({})), 400, "invalid-input");
}

#[test]
fn what_waits_for_approval_or_was_rejected_is_403() {
    let world = World::with(&["greedy"]);
    let (_up, admin) = started(&world);
    run(&call(&admin, "greedy.echo", &json!({})), 403, "denied");
    let id = admin.get("/api/approvals").json()[0]["id"].as_str().unwrap().to_owned();
    admin.post(&format!("/api/approvals/{id}/reject"), &json!({}));
    let said = run(&call(&admin, "greedy.echo", &json!({})), 403, "denied");
    assert!(said["error"]["message"].as_str().unwrap().contains("http:admin"), "{said}");
}

#[test]
fn what_there_is_not_or_was_refused_is_404() {
    let world = World::with(&["healthy", "liar-not-utf8"]).allowing_all();
    let (_up, admin) = started(&world);
    for target in ["healthy.nothing", "nobody.echo", "liar-not-utf8.echo", "%20.%3Cb%3E"] {
        run(&call(&admin, target, &json!({})), 404, "not-found");
    }
    // What is no text is the name of nothing.
    admin.post("/api/skills/%ff/tools/echo", &json!({})).problem(404);
    assert_eq!(runs(&admin), Vec::<Value>::new(), "nothing ran");
}

#[test]
fn a_tool_that_fails_or_reaches_a_limit_is_422() {
    let world = World::with(&["errors", "hostile"]);
    world.configure(
        "approval: { auto: [\"* *\"] }\nlimits: { fuel: 50000000, host_calls: 100, memory: 16MiB, output: 64KiB }\n",
    );
    let (_up, admin) = started(&world);
    for (target, kind) in [
        ("errors.failed", "tool-error"),
        ("errors.transient", "tool-error"),
        ("hostile.trap", "trap"),
        ("hostile.spin", "fuel"),
        ("hostile.grow", "memory"),
        ("hostile.huge-output", "output"),
        ("hostile.host-call-loop", "host-calls"),
    ] {
        run(&call(&admin, target, &json!({})), 422, kind);
    }
}

#[test]
fn a_run_that_takes_too_long_is_504() {
    let world = World::with(&["hostile"]);
    world.configure("approval: { auto: [\"* *\"] }\nskills: { hostile: { limits: { timeout: 200ms } } }\n");
    let (_up, admin) = started(&world);
    run(&call(&admin, "hostile.sleep", &json!({"ms": 60_000})), 504, "deadline");
}

#[test]
fn a_host_without_room_is_429_and_says_when_to_come_back() {
    let world = World::with(&["hostile"]);
    world.configure("approval: { auto: [\"* *\"] }\nlimits: { concurrency: 1, queue_timeout: 100ms, timeout: 60s }\n");
    let (_up, admin) = started(&world);
    let _sleeping = cancelling::open(&admin, "hostile.sleep", r#"{"ms": 50000}"#);
    cancelling::until_taken(&admin);
    let reply = call(&admin, "hostile.echo", &json!({}));
    run(&reply, 429, "overloaded");
    assert_eq!(reply.header("retry-after"), Some("1"));
}

#[test]
fn a_host_that_stops_breaks_off_what_runs_with_503_and_writes_it_down() {
    let world = World::with(&["hostile"]);
    world.configure("approval: { auto: [\"* *\"] }\nlimits: { timeout: 60s, concurrency: 1, queue_timeout: 50ms }\nhttp: { grace: 200ms }\n");
    let (up, admin) = started(&world);
    let caller = {
        let admin = admin.clone();
        std::thread::spawn(move || call(&admin, "hostile.sleep", &json!({"ms": 50_000})))
    };
    cancelling::until_taken(&admin);
    let ended = up.stop();
    assert_eq!(ended.code, Some(0), "{ended}");
    let reply = caller.join().unwrap();
    let cancelled = run(&reply, 503, "cancelled");
    assert!(reply.header("retry-after").is_some());
    let shown = world.run(&["show", cancelled["run"].as_str().unwrap(), "--json"]);
    assert_eq!(shown.json()["error"]["kind"], "cancelled", "{shown}");
}

#[test]
fn a_body_over_the_limit_is_413() {
    let world = World::with(&["healthy"]);
    world.configure("approval: { auto: [\"* *\"] }\nmax_body: 1KiB\n");
    let (_up, admin) = started(&world);
    call(&admin, "healthy.echo", &json!({"text": "x".repeat(2_000)})).problem(413);
    assert_eq!(call(&admin, "healthy.echo", &json!({"text": "x".repeat(900)})).status, 200);
}
