//! Two tools of one name.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};

fn describe() -> Manifest {
    manifest("liar-duplicate-tools", vec![tool("echo", "The first.", &[]), tool("echo", "The second.", &[])])
}

guests::skill!(describe, echo);
