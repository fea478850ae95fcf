//! SQLite for the parts of skillhost that remember: one writer at a time, a few readers, group commit.
//!
//! Contract: a [`Database`] is one file that several processes may share. Its schema is brought up to date when it
//! is opened, and a file from a newer program is refused untouched. What a transaction reports as written survives
//! the death of the process; under [`Durability::Full`] the death of the machine as well. A [`Writer`] loses no entry
//! without saying so: a full queue makes senders wait, a failing disk is retried and shown in [`Writer::health`].
//! Price: a connection for writing and up to [`READERS`] for reading, one thread per writer; for entries that
//! nobody waits for a delay of [`FLUSH_INTERVAL`] at the most before they are on disk; and for who waits for one alone the
//! commit's 50 µs on its own thread.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly"))]

mod commit;
mod database;
mod error;
mod open;
mod queue;
mod readers;
mod stamp;
mod writer;

pub use commit::{Commit, Weigh};
pub use database::{ChangeCounter, Database};
pub use error::{StoreError, WriteError};
pub use open::Durability;
pub use queue::{FLUSH_INTERVAL, QueueLimits};
pub use readers::READERS;
pub use stamp::Stamp;
pub use writer::{Health, Writer};
