//! Fuzzes grant patterns and rules.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| skillhost_types::fuzz_grants(bytes));
