//! The host's durable, append-only audit trail.
//!
//! Contract: what [`append`] has given a position survives a crash. Needs grants of
//! `events.append` and `events.read` for the kinds in question.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{HostError, backend, json};

/// Events that one [`read`] gives at the most, fixed by the contract.
pub const MAX_READ: u32 = 1_000;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Position in the log; rises by one.
    pub seq: u64,
    /// Milliseconds since the Unix epoch.
    pub at: u64,
    /// Dotted kind: `task.created`, `tool.called`, `agent.joined`; a skill's own start with `skill.`.
    pub kind: String,
    /// The skill, agent or host part that wrote it.
    pub source: String,
    /// The run that it belongs to.
    pub run: Option<String>,
    /// JSON.
    pub data: String,
}

impl Event {
    /// The data as a type. Errors: [`HostError::Invalid`] that names what does not fit.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, HostError> {
        json::decode(&self.data).map_err(|error| HostError::Invalid(format!("the data of event {}: {error}", self.seq)))
    }
}

/// Which events to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Kinds as globs; empty: all.
    pub kinds: Vec<String>,
    /// Only what this one wrote.
    pub source: Option<String>,
    /// Only what belongs to this run.
    pub run: Option<String>,
    /// Only events after this position.
    pub after: Option<u64>,
    /// 1 to [`MAX_READ`].
    pub limit: u32,
}

impl Default for Query {
    fn default() -> Self {
        Self { kinds: Vec::new(), source: None, run: None, after: None, limit: MAX_READ }
    }
}

impl Query {
    /// All events, from the first on.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only kinds that match this glob; call again for another.
    #[must_use]
    pub fn kind(mut self, glob: impl Into<String>) -> Self {
        self.kinds.push(glob.into());
        self
    }

    /// Only what this one wrote.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Only events after this position.
    #[must_use]
    pub fn after(mut self, seq: u64) -> Self {
        self.after = Some(seq);
        self
    }

    /// This many at the most: 1 to [`MAX_READ`].
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }
}

/// Appends an event of a `skill.` kind. Gives its position.
pub fn append<T: Serialize + ?Sized>(kind: &str, data: &T) -> Result<u64, HostError> {
    backend::append(kind, &json::encode(data)?)
}

/// Reads events in log order.
pub fn read(query: &Query) -> Result<Vec<Event>, HostError> {
    backend::read(query)
}
