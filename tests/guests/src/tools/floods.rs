//! Too much of something that is allowed in small amounts. The run goes on and answers, except where `index.md` says
//! otherwise; each answer counts what the host took and repeats its last refusal.

use crate::bindings::skillhost::skill::{blackboard, event_log, run, types::HostError};
use crate::board::{call_skill, outcome, refusal};
use crate::manifest::{Input, data, tool};
use crate::{Answer, Tool};
use serde_json::{Value, json};
use std::io::Write;

pub(super) fn tools() -> Vec<Tool> {
    vec![
        tool("log-flood", "Many long log lines.", &[("lines", "integer"), ("bytes", "integer")]),
        tool(
            "stdout-flood",
            "Many long lines on standard output and standard error.",
            &[("lines", "integer"), ("bytes", "integer")],
        ),
        tool("progress-flood", "Many reports, the last ones senseless.", &[("times", "integer"), ("bytes", "integer")]),
        tool("event-flood", "Many events.", &[("times", "integer"), ("bytes", "integer")]),
        tool("board-flood", "Many keys.", &[("keys", "integer"), ("bytes", "integer")]),
        tool("publish-flood", "Many messages.", &[("times", "integer"), ("channel", "string")]),
        tool("huge-value", "One large value for blackboard.set.", &[("bytes", "integer")]),
        tool("huge-key", "One long key for blackboard.set.", &[("bytes", "integer")]),
        tool("huge-publish", "One large message.", &[("bytes", "integer")]),
        tool("huge-event", "One large event.", &[("bytes", "integer")]),
        tool("huge-call", "One large input for skills.call of its own echo.", &[("bytes", "integer")]),
        tool("huge-random", "Asks WASI for that many random bytes.", &[("bytes", "integer")]),
    ]
}

pub(super) fn call(tool: &str, input: &Input) -> Option<Answer> {
    let bytes = |default| usize::try_from(input.number("bytes", default)).unwrap_or(usize::MAX);
    let me = || run::current().skill;
    let answer = match tool {
        "log-flood" => {
            let (lines, line) = (input.number("lines", 10_000), "l".repeat(bytes(1_000)));
            (0..lines).for_each(|n| run::log(run::Level::Info, &format!("{n} {line}")));
            json!({ "lines": lines })
        }
        "stdout-flood" => {
            let (lines, line) = (input.number("lines", 10_000), "o".repeat(bytes(1_000)));
            let failed = (0..lines).filter(|n| print(*n, &line).is_err()).count();
            json!({ "lines": lines, "failed": failed })
        }
        "progress-flood" => {
            let (times, text) = (input.number("times", 5_000), "p".repeat(bytes(200)));
            (0..times).for_each(|n| run::progress(n as f64, Some(times as f64), &text));
            for senseless in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, f64::MAX] {
                run::progress(senseless, Some(senseless), "senseless");
            }
            json!({ "times": times })
        }
        "event-flood" => {
            let document = json!({ "filler": "e".repeat(bytes(100)) }).to_string();
            tally(input.number("times", 2_000), |_| event_log::append("skill.flood", &document).map(|_| ()))
        }
        "board-flood" => {
            let (skill, value) = (me(), "v".repeat(bytes(100)));
            tally(input.number("keys", 20_000), |n| blackboard::set(&format!("{skill}:flood:{n}"), &value, None))
        }
        "publish-flood" => {
            let default = format!("{}:flood", me());
            let channel = input.string("channel", &default);
            tally(input.number("times", 2_000), |n| blackboard::publish(channel, &n.to_string()).map(|_| ()))
        }
        "huge-value" => {
            let value = "v".repeat(bytes(16 << 20));
            outcome(blackboard::set(&format!("{}:huge", me()), &value, None).map(|()| Value::Null))
        }
        "huge-key" => {
            let key = format!("{}:{}", me(), "k".repeat(bytes(1 << 20)));
            outcome(blackboard::set(&key, "small", None).map(|()| Value::Null))
        }
        "huge-publish" => outcome(blackboard::publish(&format!("{}:huge", me()), &document(bytes(16 << 20)))),
        "huge-event" => outcome(event_log::append("skill.huge", &document(bytes(16 << 20)))),
        // The echo may come back whole: only its length is passed on.
        "huge-call" => match call_skill(&me(), "echo", &document(bytes(16 << 20))) {
            Value::Object(answer) if answer.contains_key("err") => Value::Object(answer),
            answer => json!({ "ok": answer.to_string().len() }),
        },
        "huge-random" => {
            let length = input.number("bytes", 1 << 30);
            json!({ "ok": wasip2::random::random::get_random_bytes(length).len() })
        }
        _ => return None,
    };
    Some(data(answer))
}

/// A JSON object of about so many bytes.
fn document(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 16);
    text.push_str(r#"{"filler":""#);
    text.extend(core::iter::repeat_n('f', bytes));
    text.push_str(r#""}"#);
    text
}

/// Written, not printed: `println!` panics when the stream is closed, and a closed stream is a fine answer.
fn print(n: u64, line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{n} {line}")?;
    writeln!(std::io::stderr(), "{n} {line}")
}

/// How often the host took it, how often not, and what it said last.
fn tally(times: u64, mut once: impl FnMut(u64) -> Result<(), HostError>) -> Value {
    let (mut taken, mut refused, mut last) = (0_u64, 0_u64, Value::Null);
    for n in 0..times {
        match once(n) {
            Ok(()) => taken += 1,
            Err(error) => {
                refused += 1;
                last = refusal(&error);
            }
        }
    }
    json!({ "taken": taken, "refused": refused, "err": last })
}
