//! What the contract says in times of the clock: how soon the folder and a decision are noticed, how fast a run begins.
//!
//! Contract: one test at a time, for a test beside it would be what is measured. Price: no more than the folder's seconds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod approvals;
mod folder;
mod languages;
mod start;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the contract gives the host to notice a change of the drop folder.
const NOTICED: Duration = Duration::from_secs(1);

/// Holds the machine for one test; a test that failed gives it back too.
fn alone() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::new(());
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}
