use std::sync::Arc;

use serde::Serialize;

/// What keeps the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// A Redis server, shared by all hosts on it.
    Redis,
    /// A file in the data directory, shared by all processes on it.
    Embedded,
    /// This process's memory.
    Memory,
}

/// How a board fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// What serves calls. A Redis board without fallback that lost its server is still one on Redis: it serves none.
    pub backend: Backend,
    /// Why it is less than it is meant to be; none: all is well.
    pub degraded: Option<String>,
    /// How often its server was lost. What was held for a time before the last loss may be somebody else's since.
    pub losses: u64,
}

impl Health {
    pub(crate) fn well(backend: Backend) -> Self {
        Self { backend, degraded: None, losses: 0 }
    }
}

/// What the host is told when a board's server goes and comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoardNotice {
    /// The server is not there, at the start or any more.
    Lost {
        /// What was seen of it.
        error: String,
        /// Does memory serve meanwhile? Otherwise calls are unavailable.
        in_memory: bool,
    },
    /// The server is there again and serves.
    Back {
        /// Keys that were written in memory and are on the server now.
        merged: u64,
        /// Keys that were written in memory and are gone.
        dropped: u64,
        /// The names of some that are gone.
        keys: Vec<String>,
    },
}

/// Who is told. Called on the board's own thread or in a call that noticed it: it must neither block nor
/// call the board.
pub type Notices = Arc<dyn Fn(BoardNotice) + Send + Sync>;
