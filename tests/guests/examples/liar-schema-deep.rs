//! A schema nested ten thousand deep, for a reader that recurses.

use guests::Manifest;
use guests::manifest::{echo, manifest, raw_tool};

fn describe() -> Manifest {
    let depth = 10_000;
    let schema = format!(r#"{{"type":"object","not":{}{{}}{}}}"#, r#"{"not":"#.repeat(depth), "}".repeat(depth));
    manifest("liar-schema-deep", vec![raw_tool("echo", "Gives back its input.", &schema)])
}

guests::skill!(describe, echo);
