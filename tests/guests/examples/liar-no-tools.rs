//! Neither tools nor subscriptions.

use guests::Manifest;
use guests::manifest::{echo, manifest};

fn describe() -> Manifest {
    manifest("liar-no-tools", vec![])
}

guests::skill!(describe, echo);
