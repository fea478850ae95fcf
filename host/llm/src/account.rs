//! Whose money it is.
//!
//! Contract: before each attempt its highest estimate is reserved; after it, what was really used is settled, also
//! when the caller gave up. An attempt that certainly cost nothing settles nothing. The input is estimated as a token
//! per three bytes, which is a little more than any common language takes; the output is what the request may get at
//! most.
//!
//! A provider's own count is believed as far as it can be true: up to what was reserved, or four times the estimate of
//! the bytes that went out and of the text that came back, whichever is more. An answer that goes on far beyond the
//! most tokens is ended.

use async_trait::async_trait;

/// What an attempt may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Who would charge it.
    pub provider: String,
    /// For which model.
    pub model: String,
    /// What is sent, estimated.
    pub input_tokens: u64,
    /// What may come back at most.
    pub output_tokens: u64,
    /// The price of both, in micro-dollars.
    pub micros: u64,
    /// Whether `micros` is what it costs: the configuration has a price for exactly this provider and model, or the
    /// provider is local and charges nothing. Otherwise nobody knows, and no budget in money can hold.
    pub priced: bool,
}

/// What an attempt did cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// What was sent.
    pub input_tokens: u64,
    /// What came back.
    pub output_tokens: u64,
    /// The price of both, in micro-dollars.
    pub micros: u64,
}

/// Why nothing was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotReserved {
    /// A budget is spent; the text names it.
    Spent(String),
    /// The books could not be written, so nothing is spent.
    Closed(String),
}

/// Who pays for a call.
#[async_trait]
pub trait Account: Send + Sync {
    /// Sets aside what an attempt may cost.
    async fn reserve(&self, charge: &Charge) -> Result<Box<dyn Hold>, NotReserved>;
}

/// What was set aside.
#[async_trait]
pub trait Hold: Send + Sync {
    /// Books what it did cost and frees the rest. Called once; of a dropped call on a task of its own.
    async fn settle(self: Box<Self>, spent: Spent);
}
