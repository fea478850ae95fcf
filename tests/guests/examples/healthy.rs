//! The well-behaved neighbour: it must answer as before after every attack. Its four slots make it any generation, any
//! version, any name and any wants (`guests::slots`).

use guests::bindings::skillhost::skill::{blackboard, run};
use guests::manifest::{Input, data, manifest, raw_data, tool, unknown, want};
use guests::{Answer, Manifest, Want, board, slot, slots};
use serde_json::{Value, json};

slot!(NAME, b"%%SLOT NAME=healthy                                                         %%");
slot!(VERSION, b"%%SLOT VERSION=1.0.0                                                           %%");
slot!(GENERATION, b"%%SLOT GENERATION=0                               %%");
// `capability scope`, parted by semicolons.
slot!(WANTS, b"%%SLOT WANTS=blackboard.read healthy:*;blackboard.write healthy:*                                                                                                                                                                                                                                                                                                                                                                                                                                                                            %%");

fn describe() -> Manifest {
    Manifest {
        version: slots::read(&VERSION),
        wants: wants(),
        ..manifest(
            &slots::read(&NAME),
            vec![
                tool("echo", "Gives back its input.", &[]),
                tool("generation", "Says which generation answers.", &[]),
                tool("slow", "Sleeps, then says which generation answers.", &[("ms", "integer")]),
                tool("count", "Counts its calls on the blackboard.", &[]),
            ],
        )
    }
}

fn wants() -> Vec<Want> {
    let all = slots::read(&WANTS);
    all.split(';')
        .filter_map(|one| one.trim().split_once(' '))
        .map(|(capability, scope)| want(capability, scope))
        .collect()
}

fn generation() -> Value {
    json!({ "generation": slots::read(&GENERATION), "version": slots::read(&VERSION) })
}

fn call(tool: &str, input: String) -> Answer {
    match tool {
        "echo" => raw_data(input),
        "generation" => data(generation()),
        "slow" => {
            let ms = Input::read(&input).number("ms", 100);
            std::thread::sleep(std::time::Duration::from_millis(ms));
            data(generation())
        }
        "count" => data(board::outcome(blackboard::add(&format!("{}:count", run::current().skill), 1))),
        _ => unknown(tool),
    }
}

guests::skill!(describe, call);
