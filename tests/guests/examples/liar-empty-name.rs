//! It has no name at all.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};

fn describe() -> Manifest {
    manifest("", vec![tool("echo", "Gives back its input.", &[])])
}

guests::skill!(describe, echo);
