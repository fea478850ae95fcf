//! Who is alone commits by itself, on its own thread, which saves two threads' waking each other.
//!
//! Contract: only where that blocks for about 50 µs: a short entry, a quick disk, nobody else who commits, waits or is likely to. Who
//! comes meanwhile is written behind it; also when the commit panics, nobody waits for ever. Price: two short locks.

use std::sync::Arc;
use std::time::Duration;

use super::{Queue, Thread};
use crate::{Commit, StoreError, Weigh as _};

/// Longest commit after which one who is alone may commit on its own thread, where others may wait for their turn: some times what
/// one takes as long as the disk has nothing to do with it.
pub(super) const SWIFT: Duration = Duration::from_micros(250);

/// Heaviest entry that may be committed there, in bytes: it touches few pages.
pub(super) const SHORT: usize = 16 << 10;

impl<C: Commit> Queue<C> {
    /// Lets a sender commit an entry by itself: it is short, nobody else commits, waits, or is likely to, and the disk is quick.
    /// It must not wait for anything until it is done.
    pub(crate) fn lead(&self, entry: &C::Entry) -> Option<Lead<'_, C>> {
        let weight = entry.weight();
        if weight > SHORT || !entry.is_plain() {
            return None;
        }
        let mut state = self.lock();
        let asleep = matches!(state.thread, Thread::Lingering | Thread::Idle);
        let alone = asleep && !state.led && state.entries == 0 && state.shared <= 1;
        let well = state.swift && state.failure.is_none() && !state.closed && !state.urgent;
        if !(alone && well) {
            return None;
        }
        state.led = true;
        state.entries = 1;
        state.bytes = weight;
        Some(Lead { queue: Some(self), weight })
    }

    /// Who committed by itself is done: the thread goes on, if there is reason.
    fn follow(&self) {
        let mut state = self.lock();
        state.led = false;
        if state.thread == Thread::Behind {
            drop(state);
            self.work.notify_one();
        } else if !state.queue.is_empty() || state.urgent || state.closed {
            self.wake(state);
        }
    }
}

/// The right to commit one entry on the sender's own thread.
pub(crate) struct Lead<'a, C: Commit> {
    /// None once it is done.
    queue: Option<&'a Queue<C>>,
    weight: usize,
}

impl<C: Commit> Lead<'_, C> {
    /// Says how it went; as [`Queue::done`].
    pub(crate) fn done(mut self, took: Duration, failure: Option<Arc<StoreError>>) {
        if let Some(queue) = self.queue.take() {
            queue.done(1, self.weight, took, failure);
            queue.follow();
        }
    }
}

impl<C: Commit> Drop for Lead<'_, C> {
    fn drop(&mut self) {
        // The commit panicked, so that is the last: the thread writes what came meanwhile, and ends.
        if let Some(queue) = self.queue.take() {
            queue.close();
            queue.follow();
        }
    }
}
