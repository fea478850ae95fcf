//! What a skill's author gets: the manifest, the dispatch and the host in memory, all through the public interface.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::module_inception,
    unreachable_pub,
    reason = "a test may fail loudly; its skills are written as a crate's public module would be"
)]

mod agent;
mod attributes;
mod host;
mod replies;
