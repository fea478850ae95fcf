//! Subscribes to a channel and exports no handler.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};

fn describe() -> Manifest {
    Manifest {
        subscriptions: vec!["liar:*".into()],
        ..manifest("liar-no-handler", vec![tool("echo", "Gives back its input.", &[])])
    }
}

guests::skill!(describe, echo);
