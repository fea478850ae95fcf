//! One of its tools has a name that no tool may have.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};

fn describe() -> Manifest {
    manifest("liar-tool-name", vec![tool("Echo All!", "Gives back its input.", &[])])
}

guests::skill!(describe, echo);
