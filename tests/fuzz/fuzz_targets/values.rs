//! Fuzzes JSON documents as WIT values.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| skillhost_engine::values::fuzz_values(bytes));
