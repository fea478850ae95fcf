//! Ends itself, successfully, instead of saying what it is.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};

fn describe() -> Manifest {
    wasip2::cli::exit::exit(Ok(()));
    manifest("exit-in-describe", vec![tool("echo", "Never reached.", &[])])
}

guests::skill!(describe, echo);
