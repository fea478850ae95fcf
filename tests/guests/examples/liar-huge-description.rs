//! A description of a megabyte.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};

fn describe() -> Manifest {
    Manifest {
        description: "d".repeat(1 << 20),
        ..manifest("liar-huge-description", vec![tool("echo", "Gives back its input.", &[])])
    }
}

guests::skill!(describe, echo);
