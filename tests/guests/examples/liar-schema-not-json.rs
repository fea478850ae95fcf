//! A schema that is no JSON.

use guests::Manifest;
use guests::manifest::{echo, manifest, raw_tool};

fn describe() -> Manifest {
    manifest("liar-schema-not-json", vec![raw_tool("echo", "Gives back its input.", "{\"type\": ")])
}

guests::skill!(describe, echo);
