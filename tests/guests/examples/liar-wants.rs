//! Asks for a capability that there is not, and for one with a scope that is none.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool, want};

fn describe() -> Manifest {
    Manifest {
        wants: vec![want("root.everything", "*"), want("blackboard.read", ""), want("http.request", "everywhere")],
        ..manifest("liar-wants", vec![tool("echo", "Gives back its input.", &[])])
    }
}

guests::skill!(describe, echo);
