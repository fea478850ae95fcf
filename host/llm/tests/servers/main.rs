//! The router against real HTTP servers that misbehave on cue.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod accounts;
mod breaker;
mod dialects;
mod embed;
mod encryption;
mod failures;
mod local;
mod places;
mod schema;
mod secrets;
mod streams;
mod support;
