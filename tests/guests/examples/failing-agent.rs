//! An agent that fails on cue: the field `how` of a message on `failing:*` says in which way.
//! What it did handle it counts under `failing-agent:handled`.

use guests::bindings::skillhost::skill::blackboard;
use guests::manifest::{Input, echo, manifest, want};
use guests::{Manifest, Message};
use std::time::Duration;

fn describe() -> Manifest {
    Manifest {
        subscriptions: vec!["failing:*".into()],
        wants: vec![want("blackboard.write", "failing-agent:*")],
        ..manifest("failing-agent", vec![])
    }
}

fn handle(message: Message) -> Result<(), String> {
    let input = Input::read(&message.payload);
    match input.string("how", "ok") {
        "err" => return Err("the handler fails on cue".into()),
        "huge-err" => return Err("e".repeat(16 << 20)),
        "trap" => core::arch::wasm32::unreachable(),
        "panic" => panic!("the handler panics on cue"),
        "spin" => loop {
            core::hint::black_box(0);
        },
        "sleep" => std::thread::sleep(Duration::from_millis(input.number("ms", 60_000))),
        _ => {}
    }
    blackboard::add("failing-agent:handled", 1).map(|_| ()).map_err(|error| format!("{error:?}"))
}

guests::skill!(describe, echo);
guests::handler!(handle);
