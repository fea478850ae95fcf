//! `hostile`: one tool per attack, with what every skill gets and nothing more.

use serde_json::{Value, json};
use skillhost_tests::World;

use crate::kit::{ANSWERS, Row, hold, row};

/// `limits.log` by default.
const LOG_BYTES: u64 = 64 << 10;

/// `CONTROL_CHARACTERS` of the guest.
const CONTROL: &str = "safe\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{8}\r\n\u{202e}gpj.exe\u{2066}\u{200b}\u{0}\u{7f}end";

pub(crate) fn data(came: &Value) -> &Value {
    &came["output"]["data"]
}

/// The answer is `{"err":{"kind":KIND}}`, or there is none.
fn err(came: &Value, kinds: &[&str]) -> bool {
    came["ok"] == false || data(came)["err"]["kind"].as_str().is_some_and(|kind| kinds.contains(&kind))
}

fn refused_with_limit(came: &Value) -> bool {
    came["error"]["kind"] == "output" || err(came, &["limit"])
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

pub(crate) fn hostile(tool: &str, input: &'static str, may: &'static [&'static str]) -> Row {
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
        hostile("random-loop", "{}", &["fuel", "deadline", "host-calls"]).within(500),
        hostile("log-loop", "{}", &["fuel", "deadline", "host-calls"]).within(500),
        hostile("print-loop", "{}", &["fuel", "deadline", "host-calls"]).within(500),
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
    const REFUSED: &[&str] = &[ANSWERS, "output"];
    const TALLY: &[&str] = &[ANSWERS, "host-calls"];
    vec![
        hostile("log-flood", "{}", &[ANSWERS]).so(dropped),
        hostile("log-flood", r#"{"lines":3,"bytes":100000}"#, &[ANSWERS])
            .so(|came| came["usage"]["log_bytes"].as_u64() <= Some(LOG_BYTES)),
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
        hostile("huge-random", "{}", &["output", "trap", "memory"]),
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
    for input in [
        "{}",
        r#"{"as":"data"}"#,
        r#"{"as":"error"}"#,
        r#"{"as":"blob"}"#,
        r#"{"as":"mime-type"}"#,
        r#"{"as":"list","bytes":500000}"#,
    ] {
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
fn what_a_guest_prints_does_not_reach_the_streams_of_the_host() {
    let world = World::with(&["healthy", "hostile"]);
    let ran = world.run(&["run", "hostile.stdout-flood", "--input", r#"{"lines":50,"bytes":30}"#, "--json"]);
    assert_eq!(ran.lines().len(), 1, "only the host's own object: {ran}");
    assert!(!ran.stderr.contains("oooo"), "{ran}");
}

#[test]
fn what_a_guest_says_is_escaped_where_people_read_it() {
    let world = World::with(&["healthy", "hostile"]);
    for kind in ["log", "error"] {
        let ran = world.run(&["run", "hostile.control-characters", &format!("as={kind}")]);
        let raw = ran.stderr.chars().find(|letter| match letter {
            '\n' => false,
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
            other => other.is_control(),
        });
        assert!(ran.stderr.contains("safe") && raw.is_none(), "{raw:?} in {ran:?}");
    }
}
