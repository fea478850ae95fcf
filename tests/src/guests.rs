//! The guests: components of `tests/guests`, as files, text and patched bytes.

use std::path::{Path, PathBuf};

/// `tests/guests`.
pub fn guests_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests")
}

/// The built guest `name`.
#[track_caller]
pub fn guest(name: &str) -> PathBuf {
    let path = guests_folder().join("dist").join(format!("{name}.wasm"));
    assert!(path.exists(), "there is no guest {}; make them with: tests/guests/build", path.display());
    path
}

/// `tests/guests/wat/NAME.wat`, assembled.
#[track_caller]
pub fn wat(name: &str) -> Vec<u8> {
    let path = guests_folder().join("wat").join(format!("{name}.wat"));
    wat::parse_file(&path).unwrap_or_else(|error| panic!("{error}"))
}

/// `component` with its slot `slot` set to `value`: another digest, the same length. `healthy` has the slots
/// `GENERATION`, `VERSION`, `NAME` and `WANTS`; the call can be repeated for several.
#[track_caller]
pub fn generation(mut component: Vec<u8>, slot: &str, value: &str) -> Vec<u8> {
    let mark = format!("%%SLOT {slot}=");
    let find = |from: usize, what: &[u8]| {
        let rest = component.get(from..).unwrap_or_default();
        rest.windows(what.len()).position(|window| window == what).map(|at| from + at)
    };
    let start = find(0, mark.as_bytes()).unwrap_or_else(|| panic!("no slot {slot}")) + mark.len();
    let end = find(start, b"%%").unwrap_or_else(|| panic!("slot {slot} has no end"));
    let width = end - start;
    assert!(value.len() <= width, "`{value}` is over the {width} bytes of slot {slot}");
    component.splice(start..end, format!("{value:width$}").into_bytes());
    component
}
