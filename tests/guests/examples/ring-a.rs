//! Calls `ring-b`, which calls `ring-a`, until the host says no; then both say how deep they came.

use guests::board::call_skill;
use guests::manifest::{Input, data, manifest, tool, want};
use guests::{Answer, Manifest};
use serde_json::json;

const OTHER: &str = "ring-b";

fn describe() -> Manifest {
    Manifest {
        wants: vec![want("skills.call", "ring-b.*")],
        ..manifest("ring-a", vec![tool("round", "Calls the other one.", &[("depth", "integer")])])
    }
}

fn call(_tool: &str, input: String) -> Answer {
    let depth = Input::read(&input).number("depth", 0);
    let inner = call_skill(OTHER, "round", &json!({ "depth": depth + 1 }).to_string());
    match inner.get("ok") {
        Some(answer) => data(answer.clone()),
        None => data(json!({ "depth": depth, "err": inner["err"] })),
    }
}

guests::skill!(describe, call);
