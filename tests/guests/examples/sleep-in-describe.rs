//! Never says what it is: `describe` sleeps an hour in a host call, where no fuel is used.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};
use std::time::Duration;

fn describe() -> Manifest {
    std::thread::sleep(Duration::from_secs(3600));
    manifest("sleep-in-describe", vec![tool("echo", "Reached after an hour.", &[])])
}

guests::skill!(describe, echo);
