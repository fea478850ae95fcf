//! How an agent is, for whoever asks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use skillhost_types::Timestamp;

/// What an agent's life tells of itself.
#[derive(Default)]
pub(crate) struct Vitals(Mutex<Signs>);

#[derive(Debug, Clone, Default)]
pub(crate) struct Signs {
    pub(crate) waiting: usize,
    pub(crate) handled: u64,
    pub(crate) failed: u64,
    pub(crate) parked: u64,
    pub(crate) missed: u64,
    /// In a row.
    pub(crate) failures: u64,
    pub(crate) last_error: Option<String>,
    pub(crate) next_at: Option<Timestamp>,
}

impl Vitals {
    pub(crate) fn signs(&self) -> Signs {
        self.lock().clone()
    }

    pub(super) fn waits(&self, waiting: usize, next_at: Option<Timestamp>) {
        let mut signs = self.lock();
        (signs.waiting, signs.next_at) = (waiting, next_at);
    }

    /// One more went well. Gives how many failed in a row before it.
    pub(super) fn handled(&self) -> u64 {
        let mut signs = self.lock();
        signs.handled += 1;
        std::mem::take(&mut signs.failures)
    }

    pub(super) fn failed(&self, error: &str) {
        let mut signs = self.lock();
        signs.failed += 1;
        signs.failures += 1;
        signs.last_error = Some(error.to_owned());
    }

    pub(super) fn failures(&self) -> u64 {
        self.lock().failures
    }

    /// So many were missed in all. Says whether that is to be told: the first time, and each time that it has doubled.
    pub(super) fn missed(&self, missed: u64) -> bool {
        let before = std::mem::replace(&mut self.lock().missed, missed);
        missed > before && missed.checked_ilog2() != before.checked_ilog2()
    }

    pub(super) fn parked(&self, parked: u64) {
        self.lock().parked = parked;
    }

    fn lock(&self) -> MutexGuard<'_, Signs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
