//! A schema of ten megabytes.

use guests::Manifest;
use guests::manifest::{echo, manifest, raw_tool};

fn describe() -> Manifest {
    let schema = format!(r#"{{"type":"object","description":"{}"}}"#, "d".repeat(10 << 20));
    manifest("liar-huge-schema", vec![raw_tool("echo", "Gives back its input.", &schema)])
}

guests::skill!(describe, echo);
