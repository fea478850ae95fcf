//! Its description is no UTF-8.

use guests::Manifest;
use guests::manifest::{echo, manifest, tool};

fn describe() -> Manifest {
    // SAFETY: none. The string breaks Rust's own rule so that the host sees what a string may not hold; nothing here
    // looks into it.
    let broken = unsafe { String::from_utf8_unchecked(vec![0xc3, 0x28, 0xff]) };
    Manifest { description: broken, ..manifest("liar-not-utf8", vec![tool("echo", "Gives back its input.", &[])]) }
}

guests::skill!(describe, echo);
