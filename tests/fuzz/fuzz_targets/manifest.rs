//! Fuzzes manifests and their schemas.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| skillhost_lifecycle::fuzz_manifest(bytes));
