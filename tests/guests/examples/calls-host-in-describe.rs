//! Reads the blackboard before anything was granted. Were it answered, it would pass for a good skill: the call must
//! trap.

use guests::Manifest;
use guests::bindings::skillhost::skill::blackboard;
use guests::manifest::{echo, manifest, tool};

fn describe() -> Manifest {
    let answer = blackboard::get("calls-host-in-describe:early");
    manifest("calls-host-in-describe", vec![tool("echo", &format!("The host answered {answer:?}."), &[])])
}

guests::skill!(describe, echo);
