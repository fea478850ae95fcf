//! Traps when asked what it is.

use guests::Manifest;
use guests::manifest::echo;

fn describe() -> Manifest {
    core::arch::wasm32::unreachable()
}

guests::skill!(describe, echo);
