//! What waits for the writer's thread, and when the thread is woken.
//!
//! Contract: no wake-up is lost. The thread looks at the queue under its lock before it sleeps, and says how it
//! sleeps; a sender that finds it asleep for too long wakes it. Price: a sender takes one short lock, and makes a
//! system call only if it waits for a commit, fills the queue, or is the first after a quiet time. Of many who wait at once
//! two make one, and all wait up to [`GATHER`] for those who shared the last commit. Who is alone [leads](Queue::lead): it
//! commits by itself and wakes nobody.

mod lead;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use crate::{Commit, StoreError, Weigh as _, WriteError};
use lead::SWIFT;

/// Longest time that an entry lies in memory while nobody waits for it. Long enough that a batch at full speed holds
/// thousands, short enough that a person who follows the log sees no delay.
pub const FLUSH_INTERVAL: Duration = Duration::from_millis(20);

/// Longest time that who waits for a commit is kept waiting for those who shared one lately and are likely to come again: callers
/// who each wait for one thing before they ask for the next. A commit takes a fifth of it, for many hardly more than for one.
const GATHER: Duration = Duration::from_micros(500);

/// First and longest pause between two tries of a transaction that fails. The first passes over another process's
/// hiccup; the longest is also how long a sender may wait to hear that the disk is still full.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Part of a queue that is left to fill before the thread is woken early: it then drains while senders go on.
const EARLY: usize = 4;

/// How much may wait for the disk. Reached, senders wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Entries, queued and in the transaction under way. 16,384 are a third of a second at the 50,000 runs a second of two
    /// processors: enough to ride out a slow sync, little enough to be on disk soon after.
    pub entries: usize,
    /// Their weight in bytes, which bounds what large outputs in the queue may hold: a quarter of one run's memory.
    pub bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { entries: 16_384, bytes: 16 << 20 }
    }
}

pub(crate) type Waiter<C> = oneshot::Sender<Result<<C as Commit>::Receipt, WriteError>>;

pub(crate) struct Queued<C: Commit> {
    pub(crate) entry: C::Entry,
    pub(crate) weight: usize,
    /// Who waits for the commit.
    pub(crate) waiter: Option<Waiter<C>>,
}

/// What the thread does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Thread {
    /// It is at work, or will look at the queue by itself soon.
    Awake,
    /// It lets entries gather until the flush interval is over.
    Lingering,
    /// It sleeps until it is woken.
    Idle,
    /// It sleeps until whoever commits by itself is done.
    Behind,
}

struct State<C: Commit> {
    queue: Vec<Queued<C>>,
    flushes: Vec<oneshot::Sender<Result<(), WriteError>>>,
    /// Queued and in the transaction under way.
    entries: usize,
    bytes: usize,
    thread: Thread,
    /// How many of the queue wait for the commit.
    waiting: usize,
    /// How many have to, for the thread to begin.
    enough: usize,
    /// How many shared a commit lately.
    shared: usize,
    /// Somebody commits by itself.
    led: bool,
    /// The last commit took no time that matters, and so will the next.
    swift: bool,
    /// Somebody waits for the commit of all, or for room.
    urgent: bool,
    /// Somebody waits for room.
    crowded: bool,
    closed: bool,
    failure: Option<Arc<StoreError>>,
}

pub(crate) struct Queue<C: Commit> {
    limits: QueueLimits,
    state: Mutex<State<C>>,
    /// For the thread.
    work: Condvar,
    /// For senders.
    room: Notify,
}

/// What the thread takes from the queue.
pub(crate) struct Taken {
    pub(crate) flushes: Vec<oneshot::Sender<Result<(), WriteError>>>,
    /// Nothing comes after this.
    pub(crate) last: bool,
}

impl<C: Commit> Queue<C> {
    pub(crate) fn new(limits: QueueLimits) -> Self {
        let state = State {
            queue: Vec::new(),
            flushes: Vec::new(),
            entries: 0,
            bytes: 0,
            thread: Thread::Awake,
            waiting: 0,
            enough: 1,
            shared: 1,
            led: false,
            // The first commit of a log waits for the disk.
            swift: false,
            urgent: false,
            crowded: false,
            closed: false,
            failure: None,
        };
        Self { limits, state: Mutex::new(state), work: Condvar::new(), room: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an entry, once there is room for it.
    pub(crate) async fn push(&self, entry: C::Entry, waiter: Option<Waiter<C>>) -> Result<(), WriteError> {
        let weight = entry.weight();
        let mut queued = Queued { entry, weight, waiter };
        loop {
            queued = match self.try_push(queued)? {
                None => return Ok(()),
                Some(queued) => queued,
            };
            let mut room = std::pin::pin!(self.room.notified());
            // Listens before it looks again, so that room made in between is not missed.
            room.as_mut().enable();
            queued = match self.try_push(queued)? {
                None => return Ok(()),
                Some(queued) => queued,
            };
            room.await;
        }
    }

    /// Queues an entry, or gives it back if there is no room.
    fn try_push(&self, queued: Queued<C>) -> Result<Option<Queued<C>>, WriteError> {
        let mut state = self.lock();
        if state.closed {
            return Err(WriteError::Closed);
        }
        // An entry that is larger than the whole queue goes alone.
        let full = state.entries >= self.limits.entries || state.bytes + queued.weight > self.limits.bytes;
        if full && state.entries > 0 {
            if let Some(failure) = &state.failure {
                // Room will come only if the disk recovers, which nobody can promise.
                return Err(WriteError::Failed(failure.clone()));
            }
            state.crowded = true;
            state.urgent = true;
            self.wake(state);
            return Ok(Some(queued));
        }
        state.entries += 1;
        state.bytes += queued.weight;
        state.waiting += usize::from(queued.waiter.is_some());
        state.queue.push(queued);
        self.wake(state);
        Ok(None)
    }

    /// Wakes the thread if it would sleep too long for what is queued.
    fn wake(&self, mut state: MutexGuard<'_, State<C>>) {
        let wake = match state.thread {
            // Who commits by itself looks after the others then.
            _ if state.led => false,
            Thread::Awake | Thread::Behind => false,
            Thread::Lingering => self.due(&state),
            Thread::Idle => true,
        };
        if wake {
            state.thread = Thread::Awake;
            drop(state);
            self.work.notify_one();
        }
    }

    fn due(&self, state: &State<C>) -> bool {
        state.urgent
            || state.closed
            || state.waiting >= state.enough
            || state.queue.len() > self.limits.entries / EARLY
            || state.bytes > self.limits.bytes / EARLY
    }

    /// Waits for the entries that are queued now.
    pub(crate) async fn flush(&self) -> Result<(), WriteError> {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.lock();
            if state.closed {
                return Err(WriteError::Closed);
            }
            state.flushes.push(sender);
            state.urgent = true;
            self.wake(state);
        }
        receiver.await.unwrap_or(Err(WriteError::Closed))
    }

    /// Takes no more entries.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
        self.room.notify_waiters();
    }

    /// The error of the last transaction, and how many entries wait.
    pub(crate) fn failure(&self) -> (Option<Arc<StoreError>>, usize) {
        let state = self.lock();
        (state.failure.clone(), state.entries)
    }

    /// For the thread: sleeps until there is reason to write, then moves what is queued to the end of `batch`.
    /// `pause` is the time that a failed transaction rests.
    pub(crate) fn take(&self, batch: &mut Vec<Queued<C>>, pause: Option<Duration>) -> Taken {
        let mut state = self.lock();
        match pause {
            Some(pause) => {
                let end = Instant::now() + pause;
                // Senders find the thread awake and leave it alone: it comes by itself.
                while !state.closed && Instant::now() < end {
                    state = self.sleep(state, Thread::Awake, Some(end));
                }
            }
            None => {
                let mut end = Instant::now() + FLUSH_INTERVAL;
                while !self.due(&state) {
                    let over = Instant::now() >= end;
                    if !over {
                        // Also with an empty queue: steady traffic then never needs to wake the thread.
                        state = self.sleep(state, Thread::Lingering, Some(end));
                    } else if state.queue.is_empty() {
                        state = self.sleep(state, Thread::Idle, None);
                        end = Instant::now() + FLUSH_INTERVAL;
                    } else {
                        break;
                    }
                }
                if state.waiting > 0 {
                    state = self.gather(state);
                }
            }
        }
        while state.led {
            state = self.sleep(state, Thread::Behind, None);
        }
        state.thread = Thread::Awake;
        state.urgent = false;
        state.waiting = 0;
        if batch.is_empty() {
            std::mem::swap(batch, &mut state.queue);
        } else {
            batch.append(&mut state.queue);
        }
        Taken { flushes: std::mem::take(&mut state.flushes), last: state.closed }
    }

    /// Lets those come who are likely to.
    fn gather<'a>(&'a self, mut state: MutexGuard<'a, State<C>>) -> MutexGuard<'a, State<C>> {
        let end = Instant::now() + GATHER;
        state.enough = state.shared;
        while !self.due(&state) && Instant::now() < end {
            state = self.sleep(state, Thread::Lingering, Some(end));
        }
        state.enough = 1;
        // Who is alone after many waits in vain a few times, no more.
        state.shared = state.waiting.max(state.shared / 2);
        state
    }

    fn sleep<'a>(
        &self,
        mut state: MutexGuard<'a, State<C>>,
        how: Thread,
        end: Option<Instant>,
    ) -> MutexGuard<'a, State<C>> {
        state.thread = how;
        match end {
            Some(end) => {
                let left = end.saturating_duration_since(Instant::now());
                self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// The next commit will wait for the disk.
    pub(crate) fn slow(&self) {
        self.lock().swift = false;
    }

    /// Says how the transaction went and makes room for as many entries as it got rid of.
    pub(crate) fn done(&self, entries: usize, bytes: usize, took: Duration, failure: Option<Arc<StoreError>>) {
        let mut state = self.lock();
        state.entries = state.entries.saturating_sub(entries);
        state.bytes = state.bytes.saturating_sub(bytes);
        state.swift = took < SWIFT;
        state.failure = failure;
        // With a failure, who waits for room has to hear of it.
        let crowded = std::mem::take(&mut state.crowded);
        drop(state);
        if crowded {
            self.room.notify_waiters();
        }
    }

    /// For the thread: it ends, and nobody will ever write what is left.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        // Dropped waiters hear that the writer is closed.
        let left = (std::mem::take(&mut state.queue), std::mem::take(&mut state.flushes));
        drop(state);
        drop(left);
        self.room.notify_waiters();
    }
}

/// The pause after one more failure.
pub(crate) fn longer(pause: Option<Duration>) -> Duration {
    pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests;
