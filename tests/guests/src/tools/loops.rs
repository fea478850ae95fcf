//! Work that never ends: in the guest, in host calls, in bulk instructions, in sleep, in other skills.

use crate::bindings::skillhost::skill::{blackboard, run};
use crate::board::call_skill;
use crate::manifest::{Input, data, tool};
use crate::{Answer, Tool};
use core::hint::black_box;
use core::time::Duration;
use serde_json::json;
use std::thread::sleep;
use wasip2::clocks::monotonic_clock;

/// Well under the default memory limit of 64 MiB, so that time is what runs out.
const BULK_BYTES: usize = 32 << 20;

/// As much as the host gives in one call.
const RANDOM_BYTES: u64 = 2 << 10;

pub(super) fn tools() -> Vec<Tool> {
    vec![
        tool("spin", "An endless loop.", &[]),
        tool("spin-ms", "A busy loop of so many milliseconds, then an answer.", &[("ms", "integer")]),
        tool("host-call-loop", "Reads the blackboard for ever.", &[]),
        tool("clock-loop", "Asks WASI for the time for ever.", &[]),
        tool("random-loop", "Asks WASI for as much randomness as it gives, for ever.", &[]),
        tool("log-loop", "Logs a line of 3 MiB for ever.", &[]),
        tool("print-loop", "Prints a line of 1 MiB for ever.", &[]),
        tool("fill-loop", "memory.fill of 32 MiB for ever.", &[]),
        tool("copy-loop", "memory.copy of 16 MiB for ever.", &[]),
        tool("sleep", "Sleeps inside a WASI call, then answers.", &[("ms", "integer")]),
        tool("sleep-loop", "Sleeps a little, for ever.", &[("ms", "integer")]),
        tool("recurse", "Recursion without end.", &[]),
        tool("self-call", "Calls itself as another skill until refused.", &[("depth", "integer")]),
    ]
}

pub(super) fn call(tool: &str, input: &Input) -> Option<Answer> {
    match tool {
        "spin" => loop {
            black_box(0);
        },
        "spin-ms" => Some(spin_for(Duration::from_millis(input.number("ms", 100)))),
        "host-call-loop" => {
            let key = format!("{}:loop", run::current().skill);
            loop {
                let _ = black_box(blackboard::get(&key));
            }
        }
        "clock-loop" => loop {
            black_box(monotonic_clock::now());
        },
        "random-loop" => loop {
            black_box(wasip2::random::random::get_random_bytes(RANDOM_BYTES));
        },
        "log-loop" => {
            let line = "x".repeat(3 << 20);
            loop {
                run::log(run::Level::Info, black_box(&line));
            }
        }
        "print-loop" => {
            let line = "x".repeat(1 << 20);
            loop {
                println!("{}", black_box(&line));
            }
        }
        "fill-loop" => {
            let mut bytes = vec![1_u8; BULK_BYTES];
            loop {
                black_box(&mut bytes).fill(black_box(7));
            }
        }
        "copy-loop" => {
            let mut bytes = vec![1_u8; BULK_BYTES];
            loop {
                black_box(&mut bytes).copy_within(..BULK_BYTES / 2, BULK_BYTES / 2);
            }
        }
        "sleep" => {
            let ms = input.number("ms", 60_000);
            sleep(Duration::from_millis(ms));
            Some(data(json!({ "slept_ms": ms })))
        }
        "sleep-loop" => loop {
            sleep(Duration::from_millis(input.number("ms", 1)));
        },
        "recurse" => Some(data(json!({ "sum": recurse(black_box(1)) }))),
        "self-call" => Some(self_call(input.number("depth", 0))),
        _ => None,
    }
}

fn spin_for(time: Duration) -> Answer {
    let end = monotonic_clock::now() + u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let mut rounds = 0_u64;
    while monotonic_clock::now() < end {
        rounds += (0..10_000_u64).map(black_box).count() as u64;
    }
    data(json!({ "rounds": rounds }))
}

/// Uses the value after the call, so that no compiler makes a loop of it.
#[inline(never)]
#[expect(unconditional_recursion, reason = "the attack")]
fn recurse(n: u64) -> u64 {
    let below = recurse(black_box(n) + 1);
    black_box(below) ^ n
}

/// The innermost call says why there is none below it; every outer one passes that on.
fn self_call(depth: u64) -> Answer {
    let name = run::current().skill;
    let inner = call_skill(&name, "self-call", &json!({ "depth": depth + 1 }).to_string());
    match inner.get("ok") {
        Some(answer) => data(answer.clone()),
        None => data(json!({ "depth": depth, "err": inner["err"] })),
    }
}
