//! The built program against the guests of `tests/guests/index.md` and against hostile files.
//!
//! Contract: every row of that page has a check here, and nothing is checked that is not on it ([`index`] holds the two
//! against each other). After every attack the outcome came in time and a healthy skill answers. Price: a process
//! per call, and one compilation per guest.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod archives;
mod cache;
mod deadlines;
mod describing;
mod directories;
mod files;
mod foreign;
mod honest;
mod http;
mod index;
mod kept;
mod kit;
mod names;
mod nesting;
mod reach;
mod secrets;
mod server;
mod tampering;
mod text;
mod tools;
mod tree;
