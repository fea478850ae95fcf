//! Slots: places in a compiled guest that a test overwrites in the `.wasm` bytes, to make any number of distinct
//! generations of a skill from one compiled file without a compiler.
//!
//! A slot reads `%%SLOT NAME=value` + spaces + `%%`, all of it printable ASCII without `%` in between, and lies in one
//! piece in a data segment. To fill it: find `%%SLOT NAME=`, find the next `%%` after that, write the value there, and pad with
//! spaces up to that `%%`. The length never changes, so the file stays a valid component with another digest.

/// Declares a static slot of a fixed size.
///
/// It is volatile to its reader: a compiler that knew the value would fold it into code, and the bytes to overwrite
/// would be gone.
#[macro_export]
macro_rules! slot {
    ($name:ident, $bytes:expr) => {
        #[used]
        static $name: [u8; $bytes.len()] = *$bytes;
    };
}

/// The value of a slot, without its frame and padding.
pub fn read<const N: usize>(slot: &'static [u8; N]) -> String {
    // SAFETY: the reference is valid for reads of its whole length; volatile only keeps the compiler from knowing it.
    let bytes = unsafe { core::ptr::read_volatile(slot) };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let value = text.split_once('=').map_or("", |(_, rest)| rest);
    value.trim_end_matches('%').trim_end().to_string()
}
