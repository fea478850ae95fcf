//! A schema that refers to itself without ever coming to a check.

use guests::Manifest;
use guests::manifest::{echo, manifest, raw_tool};

fn describe() -> Manifest {
    manifest(
        "liar-schema-loop",
        vec![raw_tool(
            "echo",
            "Gives back its input.",
            r##"{"type":"object","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"allOf":[{"$ref":"#/$defs/a"}]}"##,
        )],
    )
}

guests::skill!(describe, echo);
