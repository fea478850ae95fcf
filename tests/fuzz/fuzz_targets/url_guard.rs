//! Fuzzes the URL guard.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| skillhost_network::fuzz_url_guard(bytes));
