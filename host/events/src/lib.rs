//! The durable, append-only event log, and the record of runs.
//!
//! Contract: positions rise by one without gaps, also when several processes append to one data directory;
//! what was answered as durable is there after the death of the process; nothing is changed or taken away, and if
//! somebody else does, the hash chain over the rows tells. Price: a microsecond of the caller's thread per run and less
//! of the writing one, because one row holds everything of a group commit (`host/decisions/event-segments.md`); a query
//! reads segments and decodes their lines, so a filter over the whole log costs a pass over it.
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

mod chain;
mod commit;
mod entry;
mod event;
mod line;
mod log;
mod query;
mod recent;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;

use skillhost_store::{StoreError, WriteError};

pub use chain::{Hash, Head, ParseHashError, write_head};
pub use entry::{Entry, Ran};
pub use event::{Event, LONGEST_KIND, NewEvent};
pub use log::EventLog;
pub use query::{Page, Query, RunQuery};
pub use verify::{Broken, Reason, Verdict};

/// When an append is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// After it is in the file.
    Durable,
    /// Once it is queued.
    Relaxed,
}

/// Why the log did not take or give something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EventError {
    /// The event is malformed.
    #[error("{0}")]
    Invalid(String),
    /// The event is too large.
    #[error("{0}")]
    TooLarge(String),
    /// It could not be written.
    #[error("the event log: {0}")]
    Write(#[from] WriteError),
    /// It could not be read.
    #[error("the event log: {0}")]
    Read(Arc<StoreError>),
    /// The head could not be written to the file in which it is kept.
    #[error(
        "the head of the event log cannot be kept in {}: {source}; \
         check that its folder exists and is yours to write", path.display()
    )]
    Head {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
}

impl From<StoreError> for EventError {
    fn from(error: StoreError) -> Self {
        Self::Read(Arc::new(error))
    }
}
