//! How the parts of a host fare, for whoever asks whether it is ready.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use serde::Serialize;
use skillhost_blackboard::Backend;
use skillhost_store::Health;

use crate::host::Host;

/// How a part fares.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// In a word.
    pub status: Status,
    /// What keeps it, where there is a choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
    /// Why it is not all well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a part fares, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// All is well.
    Ok,
    /// Something stands in for what it is meant to be.
    Degraded,
    /// It is on its way.
    Starting,
    /// It does not serve.
    Unavailable,
}

/// How the parts fare, by name.
pub type Parts = BTreeMap<&'static str, Part>;

impl Part {
    /// One that is well.
    pub fn well() -> Self {
        Self { status: Status::Ok, backend: None, reason: None }
    }

    /// One that is not, and why.
    pub fn not(status: Status, reason: impl Into<String>) -> Self {
        Self { status, backend: None, reason: Some(reason.into()) }
    }
}

impl Host {
    /// How the parts fare.
    pub fn parts(&self) -> Parts {
        let board = self.blackboard().health();
        let blackboard = match (board.backend, board.degraded) {
            (_, None) => Part::well(),
            // Without a fallback, a board that lost its server serves nothing.
            (Backend::Redis, Some(reason)) => Part::not(Status::Unavailable, reason),
            (_, Some(reason)) => Part::not(Status::Degraded, reason),
        };
        let events = match self.events().health() {
            Health::Well => Part::well(),
            Health::Failing { error, .. } => Part::not(Status::Unavailable, error.to_string()),
        };
        let skills = if *self.inner.absorbed.borrow() {
            Part::well()
        } else {
            let busy = self.inner.folder.lock().unwrap_or_else(PoisonError::into_inner).busy.len();
            Part::not(Status::Starting, format!("the drop folder is being absorbed, {busy} files are on their way"))
        };
        let backend = Some(board.backend);
        Parts::from([("blackboard", Part { backend, ..blackboard }), ("events", events), ("skills", skills)])
    }
}
