//! JSON, but no JSON Schema: a type that there is not, and a negative length.

use guests::Manifest;
use guests::manifest::{echo, manifest, raw_tool};

fn describe() -> Manifest {
    manifest(
        "liar-schema-invalid",
        vec![raw_tool(
            "echo",
            "Gives back its input.",
            r#"{"type":"object","properties":{"a":{"type":"animal"},"b":{"type":"string","minLength":-1}}}"#,
        )],
    )
}

guests::skill!(describe, echo);
