//! Its version is no semantic version.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};

fn describe() -> Manifest {
    Manifest { version: "one.two".into(), ..manifest("liar-semver", vec![tool("echo", "Gives back its input.", &[])]) }
}

guests::skill!(describe, echo);
