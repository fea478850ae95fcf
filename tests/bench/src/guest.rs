//! The component that is called: the tests' well-behaved guest, whose `echo` does nothing but answer.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;

/// Where the tests' guests are.
const GUESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../guests");

/// The guest's bytes; it is built if it is not there.
pub(crate) fn bytes() -> Result<Vec<u8>, Failure> {
    named("healthy")
}

/// The same of another guest.
pub(crate) fn named(name: &str) -> Result<Vec<u8>, Failure> {
    let built = Path::new(GUESTS).join(format!("dist/{name}.wasm"));
    if !built.exists() {
        let status = Command::new("cargo")
            .args(["build", "--release", "--target", "wasm32-wasip2", "--example", name])
            .current_dir(GUESTS)
            .status()?;
        if !status.success() {
            return Err("the guest does not build; `rustup target add wasm32-wasip2` installs its target".into());
        }
        let target = PathBuf::from(GUESTS).join(format!("target/wasm32-wasip2/release/examples/{name}.wasm"));
        return Ok(std::fs::read(target)?);
    }
    Ok(std::fs::read(built)?)
}

/// The guest with another text in one of its slots.
pub(crate) fn with(bytes: &[u8], slot: &str, text: &str) -> Result<Vec<u8>, Failure> {
    let mark = format!("%%SLOT {slot}=");
    let find = |from: usize, what: &[u8]| {
        let rest = bytes.get(from..)?;
        rest.windows(what.len()).position(|window| window == what).map(|at| from + at)
    };
    let start = find(0, mark.as_bytes()).ok_or("the guest has no such slot")? + mark.len();
    let end = find(start, b"%%").ok_or("the guest's slot has no end")?;
    let mut changed = bytes.to_vec();
    let room = changed.get_mut(start..end).ok_or("the guest's slot has no room")?;
    if text.len() > room.len() {
        return Err("the text is longer than the guest's slot".into());
    }
    room.fill(b' ');
    for (place, byte) in room.iter_mut().zip(text.bytes()) {
        *place = byte;
    }
    Ok(changed)
}
