//! Traps in a constructor, which runs ahead of the first export that is called. `wat/start-trap.wat` traps earlier yet.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};

extern "C" fn before_anything() {
    core::arch::wasm32::unreachable()
}

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = before_anything;

fn describe() -> Manifest {
    manifest("trap-in-start", vec![tool("echo", "Never reached.", &[])])
}

guests::skill!(describe, echo);
