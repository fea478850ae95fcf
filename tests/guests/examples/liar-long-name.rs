//! Its name is one character too long: 49, all of them allowed.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};

fn describe() -> Manifest {
    manifest(&"n".repeat(49), vec![tool("echo", "Gives back its input.", &[])])
}

guests::skill!(describe, echo);
