//! Ten thousand subscriptions, some of them no patterns.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};

fn describe() -> Manifest {
    Manifest {
        subscriptions: (0..10_000).map(|n| format!("no pattern {n} [")).collect(),
        ..manifest("liar-subscriptions", vec![tool("echo", "Gives back its input.", &[])])
    }
}

guests::skill!(describe, echo);
