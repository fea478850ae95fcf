//! The host as a library, with real guests: what holds while calls, replacements and attacks meet.
//!
//! Needs the guests (`tests/guests/build rust`) and the program that compiles (`cargo build --release`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod agents;
mod attacks;
mod chains;
mod fairness;
mod petitions;
mod recording;
mod world;
