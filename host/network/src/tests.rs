#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod exchange;
mod guard;
mod limits;
mod secrets;
pub(crate) mod support;
