//! Every attack, asking only for what a host gives to all: its own part of the blackboard and its own events.

use guests::manifest::{manifest, want};
use guests::{Manifest, tools};

fn describe() -> Manifest {
    Manifest {
        wants: vec![
            want("blackboard.read", "hostile:*"),
            want("blackboard.write", "hostile:*"),
            want("blackboard.publish", "hostile:*"),
            want("events.append", "skill.*"),
        ],
        ..manifest("hostile", tools::all())
    }
}

guests::skill!(describe, tools::call);
