//! What a guest sees of its run, of the machine, of the host and of others: what is its own, and nothing else.

use serde_json::{Value, json};
use skillhost_tests::World;

use crate::kit::{ANSWERS, Row, hold, row};
use crate::tools::{data, hostile};

fn tried(came: &Value) -> bool {
    let answer = data(came);
    answer["err"].is_string() && answer["ok"].is_null()
}

/// A pass-through that was let through.
fn passed(came: &Value) -> bool {
    data(came).get("ok").is_some()
}

/// A pass-through that lacks a grant of this capability, which is named.
fn lacks(came: &Value, capability: &str) -> bool {
    let err = &data(came)["err"];
    err["kind"] == "denied" && err["message"].as_str().is_some_and(|message| message.contains(capability))
}

fn no_read(came: &Value) -> bool {
    lacks(came, "blackboard.read healthy:count")
}

fn no_write(came: &Value) -> bool {
    lacks(came, "blackboard.write healthy:count")
}

/// What a guest sees of the world.
pub(crate) fn world() -> Vec<Row> {
    let empty_world = |came: &Value| {
        let seen = data(came);
        let empty = ["arguments", "environment", "preopens"].iter().all(|field| seen[*field] == json!([]));
        let refused =
            ["tcp", "listen", "udp", "name", "root", "here"].iter().all(|field| seen[*field]["err"].is_string());
        empty
            && refused
            && seen["stdin"]["ok"] == ""
            && seen["terminal"] == false
            && seen["initial_directory"].is_null()
    };
    vec![
        hostile("remaining", "{}", &[ANSWERS]).within(3_000).so(|came| {
            let left = |field: &str| data(came)[field].as_u64().unwrap_or(u64::MAX);
            left("wall_ms") <= 3_000 && left("fuel") <= 1_000_000_000 && left("memory_bytes") <= 64 << 20
        }),
        hostile("context", "{}", &[ANSWERS]).so(|came| {
            data(came)["run_id"] == came["run"] && data(came)["tenant"] == "default" && data(came)["skill"] == "hostile"
        }),
        hostile("env", "{}", &[ANSWERS]).so(empty_world),
        hostile("clock-and-random", "{}", &[ANSWERS]).so(|came| {
            let clock = |n: usize| data(came)["monotonic_ns"][n].as_u64();
            clock(0).is_some() && clock(0) <= clock(1) && data(came)["wall_ms"].as_u64() > Some(1_600_000_000_000)
        }),
        hostile("read-file", r#"{"path":"/etc/passwd"}"#, &[ANSWERS]).so(tried),
        hostile("read-file", r#"{"path":"/skill/../../../etc/passwd"}"#, &[ANSWERS]).so(tried),
        hostile("write-file", r#"{"path":"/tmp/written"}"#, &[ANSWERS]).so(tried),
        hostile("write-file", r#"{"path":"written"}"#, &[ANSWERS]).so(tried),
        hostile("list-dir", "{}", &[ANSWERS]).so(tried),
        hostile("remove-file", r#"{"path":"/skills/healthy.wasm"}"#, &[ANSWERS]).so(tried),
        hostile("rename", r#"{"path":"/etc/hostname","to":"/etc/hosts"}"#, &[ANSWERS]).so(tried),
        hostile("hard-link", r#"{"path":"/etc/passwd","to":"/tmp/linked"}"#, &[ANSWERS]).so(tried),
        hostile("log", r#"{"level":"warn","message":"one line"}"#, &[ANSWERS])
            .so(|came| came["log"][0]["message"] == "one line" && came["log"][0]["level"] == "warn"),
        hostile("progress", r#"{"done":1,"total":2,"message":"half"}"#, &[ANSWERS]),
    ]
}

/// The interfaces of the host: its own keys and events pass, all that it did not ask for is denied.
pub(crate) fn pass_throughs() -> Vec<Row> {
    let answered = |tool: &str, input, holds| hostile(tool, input, &[ANSWERS]).so(holds);
    vec![
        answered("get", r#"{"key":"hostile:none"}"#, passed),
        answered("get", r#"{"key":"healthy:count"}"#, no_read),
        answered("set", r#"{"key":"hostile:a","value":"1","ttl_ms":60000}"#, passed),
        answered("set", r#"{"key":"healthy:count","value":"1"}"#, no_write),
        answered("cas", r#"{"key":"hostile:c","value":"2"}"#, passed),
        answered("cas", r#"{"key":"healthy:count","value":"2"}"#, no_write),
        answered("add", r#"{"key":"hostile:n"}"#, passed),
        answered("add", r#"{"key":"healthy:count"}"#, no_write),
        answered("delete", r#"{"key":"hostile:a"}"#, passed),
        answered("delete", r#"{"key":"healthy:count"}"#, no_write),
        answered("exists", r#"{"key":"hostile:a"}"#, passed),
        answered("exists", r#"{"key":"healthy:count"}"#, no_read),
        answered("keys", r#"{"pattern":"hostile:*"}"#, passed),
        answered("clear", r#"{"pattern":"hostile:*"}"#, passed),
        // Of all, as far as they are its own: `approvals` in the tests of the surface.
        answered("clear", r#"{"pattern":"*"}"#, passed),
        answered("publish", r#"{"channel":"hostile:x","message":{"a":1}}"#, passed),
        answered("publish", r#"{"channel":"ping:x","message":{"a":1}}"#, |came| {
            lacks(came, "blackboard.publish ping:x")
        }),
        answered("events-append", r#"{"kind":"skill.test","data":{"a":1}}"#, passed),
        // The contract takes `skill.` kinds alone, whatever is granted.
        answered("events-append", r#"{"kind":"system.started","data":{}}"#, |came| {
            lacks(came, "events.append") || data(came)["err"]["kind"] == "invalid"
        }),
        answered("events-read", "{}", |came| lacks(came, "events.read")),
        answered("call-skill", r#"{"skill":"healthy","tool":"echo","input":{}}"#, |came| lacks(came, "skills.call")),
        answered("llm", "{}", |came| lacks(came, "llm.complete")),
        answered("llm-stream", "{}", |came| lacks(came, "llm.complete")),
        answered("embed", r#"{"inputs":["a"]}"#, |came| lacks(came, "llm.embed")),
        answered(
            "steps",
            r#"{"steps":[{"call":"set","key":"hostile:a","value":"1"},{"call":"get","key":"hostile:a"}]}"#,
            |came| *data(came) == json!([{"ok": null}, {"ok": "1"}]),
        ),
    ]
}

#[test]
fn a_guest_sees_an_empty_world() {
    hold(&World::with(&["healthy", "hostile"]), &world());
}

#[test]
fn a_guest_reaches_what_is_its_own_and_nothing_else() {
    hold(&World::with(&["healthy", "hostile"]), &pass_throughs());
}

#[test]
fn greedy_waits_for_a_decision_and_then_does_as_hostile_does() {
    let greedy = |tool: &str, input, may| row(format!("greedy.{tool}"), input, may);
    let world = World::with(&["healthy", "greedy"]);
    assert_eq!(world.entry("greedy.wasm")["state"], "pending");
    let never_ran = |came: &Value| came["usage"]["fuel"] == 0 && came["output"].is_null();
    hold(&world, &[greedy("echo", "{}", &["denied"]).so(never_ran), greedy("spin", "{}", &["denied"]).so(never_ran)]);
    let world = world.allowing_all();
    hold(
        &world,
        &[
            greedy("echo", "{}", &[ANSWERS]),
            greedy("spin", "{}", &["fuel", "deadline"]).within(500),
            greedy("grow", "{}", &["memory"]),
            greedy("trap", "{}", &["trap"]),
            greedy("get", r#"{"key":"healthy:count"}"#, &[ANSWERS]).so(passed),
            greedy("call-skill", r#"{"skill":"healthy","tool":"echo","input":{"a":1}}"#, &[ANSWERS]).so(passed),
            greedy("read-file", r#"{"path":"/etc/passwd"}"#, &[ANSWERS]).so(tried),
        ],
    );
}
