//! Ten thousand tools, each of them fine.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};

fn describe() -> Manifest {
    manifest("liar-10000-tools", (0..10_000).map(|n| tool(&format!("t{n}"), "One of many.", &[])).collect())
}

guests::skill!(describe, echo);
