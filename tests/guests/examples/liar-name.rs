//! Its name breaks the form of names: capitals, spaces, slashes and dots.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};

fn describe() -> Manifest {
    manifest("../Liar Name", vec![tool("echo", "Gives back its input.", &[])])
}

guests::skill!(describe, echo);
