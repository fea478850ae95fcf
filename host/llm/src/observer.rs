//! Who watches.
//!
//! Contract: called in the order in which things happen, on the task of the caller; it must not block.

use std::time::Duration;

use skillhost_types::{RunId, Tenant};

use crate::{Attempt, BreakerState, ErrorKind, Usage};

/// An attempt that reached a provider.
#[derive(Debug, Clone)]
pub struct Called<'a> {
    /// Whose call.
    pub tenant: &'a Tenant,
    /// In which run.
    pub run: Option<RunId>,
    /// Who was asked.
    pub provider: &'a str,
    /// For which model.
    pub model: &'a str,
    /// Why it gave no answer; none if it did.
    pub error: Option<ErrorKind>,
    /// How long it took.
    pub latency: Duration,
    /// What it used.
    pub usage: Usage,
    /// What it cost, in micro-dollars.
    pub micros: u64,
}

/// A call that nobody answered.
#[derive(Debug, Clone)]
pub struct Failed<'a> {
    /// Whose call.
    pub tenant: &'a Tenant,
    /// In which run.
    pub run: Option<RunId>,
    /// All tries.
    pub attempts: &'a [Attempt],
    /// What the caller is told.
    pub message: &'a str,
}

/// What a host makes its events of.
pub trait Observer: Send + Sync {
    /// An attempt ended.
    fn called(&self, called: &Called<'_>);
    /// The next candidate's turn: from and to are `provider/model`.
    fn fallback(&self, tenant: &Tenant, run: Option<RunId>, from: &str, to: &str, why: &str);
    /// A call ended without an answer.
    fn failed(&self, failed: &Failed<'_>);
    /// A provider is left alone, probed, or taken back.
    fn breaker(&self, provider: &str, from: BreakerState, to: BreakerState);
}
