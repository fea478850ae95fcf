//! `hostile`: one tool per attack, with what every skill gets and nothing more.

use serde_json::{Value, json};
use skillhost_tests::World;

use crate::kit::{ANSWERS, Row, hold, row};

/// `limits.log` by default.
const LOG_BYTES: u64 = 64 << 10;

/// `CONTROL_CHARACTERS` of the guest.
const CONTROL: &str = "safe\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{8}\r\n\u{202e}gpj.exe\u{2066}\u{200b}\u{0}\u{7f}end";

fn data(came: &Value) -> &Value {
    &came["output"]["data"]
}

/// The answer is `{"err":{"kind":KIND}}`, or there is none.
fn err(came: &Value, kinds: &[&str]) -> bool {
    came["ok"] == false || data(came)["err"]["kind"].as_str().is_some_and(|kind| kinds.contains(&kind))
}

fn refused_with_limit(came: &Value) -> bool {
    err(came, &["limit"])
}

/// `{"taken","refused","err"}` that adds up, or there is no answer.
fn tallied(came: &Value) -> bool {
    let count = |field: &str| data(came)[field].as_u64();
    let limited = count("refused") == Some(0) || err(came, &["limit"]);
    came["ok"] == false || (count("taken").is_some() && count("refused").is_some() && limited)
}

/// Something was dropped, and what was kept of the log is within its cap.
fn dropped(came: &Value) -> bool {
    let used = |field: &str| came["usage"][field].as_u64().unwrap_or_default();
    used("dropped") > 0 && used("log_bytes") <= LOG_BYTES
}

fn tried(came: &Value) -> bool {
    let answer = data(came);
    answer["err"].is_string() && answer["ok"].is_null()
}

/// A pass-through that was let through.
fn passed(came: &Value) -> bool {
    data(came).get("ok").is_some()
}

/// A pass-through of what the skill has no grant for.
fn denied(came: &Value) -> bool {
    data(came)["err"]["kind"] == "denied"
}

fn hostile(tool: &str, input: &'static str, may: &'static [&'static str]) -> Row {
    row(format!("hostile.{tool}"), input, may)
}

/// Loops and memory. How punctually they end is in [`crate::deadlines`].
pub(crate) fn work() -> Vec<Row> {
    const ENDS: &[&str] = &["fuel", "deadline"];
    const LEAKS: &[&str] = &["trap", "host-calls"];
    vec![
        hostile("spin", "{}", ENDS).within(500),
        hostile("spin-ms", "{}", &[ANSWERS]).with(&["--fuel", "100000000000"]),
        hostile("spin-ms", r#"{"ms":60000}"#, ENDS).within(500),
        hostile("host-call-loop", "{}", &["host-calls", "fuel", "deadline"]).within(500),
        hostile("clock-loop", "{}", &["fuel", "deadline", "host-calls"]).within(500),
        hostile("fill-loop", "{}", ENDS).within(500),
        hostile("copy-loop", "{}", ENDS).within(500),
        hostile("sleep", "{}", &["deadline"]).within(500),
        hostile("sleep", r#"{"ms":10}"#, &[ANSWERS]),
        hostile("sleep-loop", "{}", &["deadline", "host-calls"]).within(500),
        hostile("recurse", "{}", &["trap"]),
        hostile("self-call", "{}", &[ANSWERS]).so(|came| err(came, &["denied"]) && data(came)["depth"] == 0),
        hostile("grow", "{}", &["memory"]),
        hostile("grow-politely", "{}", &[ANSWERS]).so(|came| {
            let pages = data(came)["pages"].as_u64().unwrap_or(u64::MAX);
            data(came)["grown_pages"].as_u64().is_some_and(|grown| grown > 0) && pages <= 1_024
        }),
        hostile("grow-politely", "{}", &[ANSWERS])
            .with(&["--memory", "8MiB"])
            .so(|came| data(came)["pages"].as_u64() <= Some(128)),
        hostile("allocate", "{}", &[ANSWERS]).so(|came| data(came)["bytes"] == 1 << 20),
        hostile("allocate", r#"{"bytes":134217728}"#, &["memory"]),
        hostile("leak-handles", "{}", LEAKS),
        hostile("leak-handles", r#"{"kind":"stream"}"#, LEAKS),
        hostile("leak-handles", r#"{"kind":"output-stream"}"#, LEAKS),
        hostile("leak-handles", r#"{"kind":"socket"}"#, LEAKS),
        hostile("leak-handles", r#"{"kind":"pollable","count":3}"#, &[ANSWERS]),
        hostile("leak-handles", r#"{"kind":"socket","count":3}"#, &[ANSWERS]),
        hostile("trap", "{}", &["trap"]),
        hostile("panic", "{}", &["trap"]).so(|came| came["log"].to_string().contains("the guest panics on demand")),
        hostile("oob", "{}", &["trap"]),
        hostile("abort-exit", "{}", &["trap"]),
        hostile("abort-exit", r#"{"ok":true}"#, &["trap"]),
    ]
}

/// Too much of what is allowed in small amounts.
pub(crate) fn floods() -> Vec<Row> {
    const REFUSED: &[&str] = &[ANSWERS, "trap"];
    const TALLY: &[&str] = &[ANSWERS, "host-calls"];
    vec![
        hostile("log-flood", "{}", &[ANSWERS]).so(dropped),
        hostile("log-flood", r#"{"lines":3,"bytes":100000}"#, &[ANSWERS]).so(dropped),
        hostile("stdout-flood", "{}", &[ANSWERS]).so(|came| dropped(came) && data(came)["lines"] == 10_000),
        hostile("progress-flood", "{}", &[ANSWERS]).so(dropped),
        hostile("event-flood", "{}", TALLY).so(tallied),
        hostile("event-flood", r#"{"times":50,"bytes":100000}"#, TALLY).so(tallied),
        hostile("board-flood", "{}", TALLY).so(tallied),
        hostile("board-flood", r#"{"keys":5000}"#, TALLY).so(tallied),
        hostile("publish-flood", "{}", &[ANSWERS]).so(|came| tallied(came) && data(came)["refused"].as_u64() > Some(0)),
        hostile("huge-value", "{}", REFUSED).so(refused_with_limit),
        hostile("huge-key", "{}", &[ANSWERS]).so(|came| err(came, &["invalid", "limit"])),
        hostile("huge-publish", "{}", REFUSED).so(refused_with_limit),
        hostile("huge-event", "{}", REFUSED).so(refused_with_limit),
        hostile("huge-call", "{}", REFUSED).so(refused_with_limit),
        hostile("huge-random", "{}", &["trap", "memory"]),
    ]
}

/// Answers that break a rule, and odd ones that break none.
pub(crate) fn outputs() -> Vec<Row> {
    const CUT: &[&str] = &["output", "trap"];
    const DEEP: &[&str] = &["output", "tool-error"];
    let mut rows = vec![
        hostile("echo", r#"{"a":[1,2.5,null,"ü"],"b":{"c":18446744073709551615}}"#, &[ANSWERS])
            .so(|came| *data(came) == json!({"a": [1, 2.5, null, "ü"], "b": {"c": u64::MAX}})),
        hostile("deep-json-output", "{}", DEEP),
        hostile("deep-json-output", r#"{"as":"object"}"#, DEEP),
        hostile("not-json-output", "{}", &["tool-error"]),
        hostile("not-json-output", r#"{"text":""}"#, &["tool-error"]),
        hostile("not-json-output", r#"{"text":"NaN"}"#, &["tool-error"]),
        hostile("not-json-output", r#"{"text":"{} {}"}"#, &["tool-error"]),
        hostile("amplified-output", "{}", CUT),
        hostile("empty-output", "{}", &[ANSWERS])
            .so(|came| data(came).is_null() && came["output"]["content"] == json!([])),
        hostile("all-content", "{}", &[ANSWERS])
            .so(|came| came["output"]["content"].as_array().map(Vec::len) == Some(3)),
        hostile("control-characters", r#"{"as":"data"}"#, &[ANSWERS]).so(|came| data(came)["text"] == CONTROL),
        hostile("control-characters", r#"{"as":"error"}"#, &["tool-error"])
            .so(|came| came["error"]["message"] == CONTROL),
        hostile("control-characters", r#"{"as":"log"}"#, &[ANSWERS]).so(|came| came["log"][0]["message"] == CONTROL),
        hostile("control-characters", r#"{"as":"stdout"}"#, &[ANSWERS]),
        hostile("control-characters", r#"{"as":"progress"}"#, &[ANSWERS]),
        hostile("control-characters", r#"{"as":"event"}"#, &[ANSWERS]),
    ];
    for input in
        ["{}", r#"{"as":"data"}"#, r#"{"as":"error"}"#, r#"{"as":"blob"}"#, r#"{"as":"mime-type"}"#, r#"{"as":"list"}"#]
    {
        rows.push(hostile("huge-output", input, CUT));
    }
    for input in ["{}", r#"{"as":"data"}"#, r#"{"as":"log"}"#] {
        rows.push(hostile("not-utf8-output", input, &["trap"]));
    }
    rows.push(
        hostile("control-characters", "{}", &[ANSWERS]).so(|came| came["output"]["content"][0]["text"] == CONTROL),
    );
    rows
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

/// The interfaces of the host, as they are: its own keys and events pass, all that it did not ask for is denied.
pub(crate) fn pass_throughs() -> Vec<Row> {
    let answered = |tool: &str, input, holds| hostile(tool, input, &[ANSWERS]).so(holds);
    vec![
        answered("get", r#"{"key":"hostile:none"}"#, passed),
        answered("get", r#"{"key":"healthy:count"}"#, denied),
        answered("set", r#"{"key":"hostile:a","value":"1","ttl_ms":60000}"#, passed),
        answered("set", r#"{"key":"healthy:count","value":"1"}"#, denied),
        answered("cas", r#"{"key":"hostile:c","value":"2"}"#, passed),
        answered("cas", r#"{"key":"healthy:count","value":"2"}"#, denied),
        answered("add", r#"{"key":"hostile:n"}"#, passed),
        answered("add", r#"{"key":"healthy:count"}"#, denied),
        answered("delete", r#"{"key":"hostile:a"}"#, passed),
        answered("delete", r#"{"key":"healthy:count"}"#, denied),
        answered("exists", r#"{"key":"hostile:a"}"#, passed),
        answered("exists", r#"{"key":"healthy:count"}"#, denied),
        answered("keys", r#"{"pattern":"hostile:*"}"#, passed),
        answered("clear", r#"{"pattern":"hostile:*"}"#, passed),
        answered("clear", r#"{"pattern":"*"}"#, denied),
        answered("publish", r#"{"channel":"hostile:x","message":{"a":1}}"#, passed),
        answered("publish", r#"{"channel":"ping:x","message":{"a":1}}"#, denied),
        answered("events-append", r#"{"kind":"skill.test","data":{"a":1}}"#, passed),
        answered("events-append", r#"{"kind":"system.started","data":{}}"#, denied),
        answered("events-read", "{}", denied),
        answered("call-skill", r#"{"skill":"healthy","tool":"echo","input":{}}"#, denied),
        answered("llm", "{}", denied),
        answered("llm-stream", "{}", denied),
        answered("embed", r#"{"inputs":["a"]}"#, denied),
    ]
}

#[test]
fn every_attack_by_work_and_memory_ends_as_it_must() {
    hold(&World::with(&["healthy", "hostile"]), &work());
}

#[test]
fn every_flood_is_bounded_and_counted() {
    hold(&World::with(&["healthy", "hostile"]), &floods());
}

#[test]
fn every_bad_answer_is_told_from_a_good_one() {
    hold(&World::with(&["healthy", "hostile"]), &outputs());
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
fn what_a_guest_prints_does_not_reach_the_streams_of_the_host() {
    let world = World::with(&["healthy", "hostile"]);
    let ran = world.run(&["run", "hostile.stdout-flood", "--input", r#"{"lines":50,"bytes":30}"#, "--json"]);
    assert_eq!(ran.lines().len(), 1, "only the host's own object: {ran}");
    assert!(!ran.stderr.contains("oooo"), "{ran}");
}

#[test]
fn greedy_waits_for_a_decision_and_then_does_as_hostile_does() {
    const GRANTS: &[&str] = &[
        "--grant",
        "blackboard.read *",
        "--grant",
        "blackboard.write *",
        "--grant",
        "blackboard.publish *",
        "--grant",
        "events.append skill.*",
        "--grant",
        "events.read *",
        "--grant",
        "llm.complete *",
        "--grant",
        "llm.embed *",
        "--grant",
        "skills.call *",
        "--grant",
        "fs.read workspace",
        "--grant",
        "fs.write workspace",
        "--grant",
        "secrets.use github",
    ];
    let world = World::with(&["healthy", "greedy"]);
    assert_eq!(world.entry("greedy.wasm")["state"], "pending");
    let greedy = |tool: &str, input, may| row(format!("greedy.{tool}"), input, may);
    hold(
        &world,
        &[
            greedy("echo", "{}", &["denied"]),
            greedy("echo", "{}", &[ANSWERS]).with(GRANTS),
            greedy("spin", "{}", &["fuel", "deadline"]).with(GRANTS).within(500),
            greedy("grow", "{}", &["memory"]).with(GRANTS),
            greedy("trap", "{}", &["trap"]).with(GRANTS),
            greedy("get", r#"{"key":"healthy:count"}"#, &[ANSWERS]).with(GRANTS).so(passed),
            greedy("call-skill", r#"{"skill":"healthy","tool":"echo","input":{"a":1}}"#, &[ANSWERS])
                .with(GRANTS)
                .so(passed),
            greedy("read-file", r#"{"path":"/etc/passwd"}"#, &[ANSWERS]).with(GRANTS).so(tried),
        ],
    );
}
