//! The live feed: what happens, as it happens, to many who listen.
//!
//! Contract: a listener gets every event that it may see and asked for exactly once and in the order of the log, or is
//! told that it did not: over its rate by one `summary` a second, after an absence by `recovered: false`, and if it
//! takes nothing by the close code 1013, after which it comes back with `since`. Events with those that summaries count are
//! always as many as matched. Price: the log is read and decoded once for all; an event is there some
//! 20 ms after its commit; memory is bounded by the [ring](Hub) and, per client, by its socket's buffers.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test may fail loudly"
    )
)]

mod config;
mod connections;
mod event;
mod feed;
mod hub;
mod message;
mod pace;
mod session;
mod shares;
mod subscription;

pub use config::FeedConfig;
pub use connections::{Full, Place};
pub use event::FeedEvent;
pub use feed::{Counters, Feed};
pub use hub::{Hub, Lagged, Listener};
pub use session::{Entrance, Pass, TokenCheck, serve, upgrade};
pub use shares::{NoneLeft, Share, Shares};
pub use subscription::Viewer;
