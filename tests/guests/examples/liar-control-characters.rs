//! Descriptions that fool a terminal or a reader: escapes, bidirectional overrides, zero-width characters.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};
use guests::tools::CONTROL_CHARACTERS;

fn describe() -> Manifest {
    Manifest {
        description: CONTROL_CHARACTERS.into(),
        ..manifest("liar-control-characters", vec![tool("echo", CONTROL_CHARACTERS, &[])])
    }
}

guests::skill!(describe, echo);
