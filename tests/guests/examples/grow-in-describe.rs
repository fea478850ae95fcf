//! Takes a gigabyte while it says what it is.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};

fn describe() -> Manifest {
    let block = core::hint::black_box(vec![1_u8; 1 << 30]);
    manifest("grow-in-describe", vec![tool("echo", &format!("Holds {} bytes.", block.len()), &[])])
}

guests::skill!(describe, echo);
