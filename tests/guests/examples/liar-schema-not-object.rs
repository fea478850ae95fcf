//! A schema whose root is no object.

use guests::Manifest;
use guests::manifest::{echo, manifest, raw_tool};

fn describe() -> Manifest {
    manifest("liar-schema-not-object", vec![raw_tool("echo", "Gives back its input.", r#"{"type":"string"}"#)])
}

guests::skill!(describe, echo);
