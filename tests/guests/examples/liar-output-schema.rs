//! An output schema that is no JSON Schema.

use guests::Manifest;
use guests::Tool;
use guests::manifest::{echo, manifest, tool};

fn describe() -> Manifest {
    manifest(
        "liar-output-schema",
        vec![Tool { output_schema: Some(r#"{"type":17}"#.into()), ..tool("echo", "Gives back its input.", &[]) }],
    )
}

guests::skill!(describe, echo);
