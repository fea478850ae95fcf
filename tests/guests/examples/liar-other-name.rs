//! Says that it is `healthy`, which lies in the folder as a file of its own.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};

fn describe() -> Manifest {
    manifest("healthy", vec![tool("echo", "Gives back its input.", &[])])
}

guests::skill!(describe, echo);
