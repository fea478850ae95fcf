use std::sync::Arc;

use skillhost_store::{StoreError, WriteError};
use skillhost_types::Timestamp;

use crate::{Unit, Window};

/// A budget has no room for what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the budget {scope} of {} per {window} has no room for {}: {} used, {} reserved; raise it under `budgets` in the \
     configuration{}", unit.show(*limit), unit.show(*asked), unit.show(*used), unit.show(*reserved), wait(*until)
)]
pub struct Exhausted {
    /// Whose budget it is: `tenant:default`.
    pub scope: String,
    /// What it limits.
    pub unit: Unit,
    /// Per what.
    pub window: Window,
    /// To how much.
    pub limit: u64,
    /// Of which so much is used.
    pub used: u64,
    /// And so much put aside for calls under way.
    pub reserved: u64,
    /// What was asked for.
    pub asked: u64,
    /// When the day or month is over. Before that, only what is reserved can become free.
    pub until: Option<Timestamp>,
}

fn wait(until: Option<Timestamp>) -> String {
    until.map(|until| format!(", or wait until {until}")).unwrap_or_default()
}

/// Why the ledger did not do what it was asked to.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// A budget is used up.
    #[error(transparent)]
    Exhausted(Box<Exhausted>),
    /// The same posting came before, with another content.
    #[error(
        "{key} is in the ledger with another content; what is posted stays, so post the difference under another key"
    )]
    Conflict {
        /// The key of both.
        key: Arc<str>,
    },
    /// It could not be written.
    #[error("the ledger: {0}")]
    Write(#[from] WriteError),
    /// It could not be read.
    #[error("the ledger: {0}")]
    Read(Arc<StoreError>),
}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        Self::Read(Arc::new(error))
    }
}
