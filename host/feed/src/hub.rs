//! One reader of the log for all who listen.
//!
//! Contract: events come in the order of the log, those of other processes on it too, every one once; who does not keep up with the
//! ring is told so. Price: one task that reads the log and decodes what is new, once; the ring; and at most one
//! wake per listener and [`follow::TICK`].

mod follow;
mod ring;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use skillhost_events::{EventError, EventLog};
use tokio::sync::watch;

use crate::event::FeedEvent;
use ring::Ring;

pub(crate) use follow::MOST_KINDS;

/// Knows the last events and who waits for the next. Cheap to clone. Its task ends when neither a clone nor a listener is left.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    epoch: String,
    ring: RwLock<Ring>,
    /// Changes when there is something new.
    fine: watch::Sender<Progress>,
    /// Changes when a part of the ring was replaced: for those who want nothing for now, but must not fall out of it.
    coarse: watch::Sender<()>,
}

/// How far the hub is.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    head: u64,
    /// Is what was before the hub in the ring?
    primed: bool,
}

/// A listener was too slow: the events behind `from` and up to `to` are no longer at hand. They are in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the events behind {from} and up to {to} went by unheard: read them from the event log")]
pub struct Lagged {
    /// The last position that was heard.
    pub from: u64,
    /// The last one that is missing.
    pub to: u64,
}

impl Hub {
    /// Begins to follow `log`, on the runtime that this is called on. Reads two rows of it now and what lies behind them by and
    /// by.
    pub fn start(log: &EventLog) -> Result<Self, EventError> {
        let hub = Self::new(log.epoch()?, log.head()?);
        tokio::spawn(follow::follow(log.clone(), Arc::downgrade(&hub.shared)));
        Ok(hub)
    }

    fn new(epoch: String, head: u64) -> Self {
        let progress = Progress { head, primed: false };
        let (ring, fine, coarse) = (Ring::behind(head).into(), watch::Sender::new(progress), watch::Sender::new(()));
        Self { shared: Arc::new(Shared { epoch, ring, fine, coarse }) }
    }

    /// What tells the log from every other: positions mean something only together with it.
    pub fn epoch(&self) -> &str {
        &self.shared.epoch
    }

    /// Listens to everything that happens from now on: for other parts of the host.
    pub fn subscribe_all(&self) -> Listener {
        let fine = self.shared.fine.subscribe();
        let cursor = self.shared.ring().head();
        Listener { shared: self.shared.clone(), fine, cursor }
    }

    pub(crate) fn wakes(&self) -> Wakes {
        Wakes { fine: self.shared.fine.subscribe(), coarse: self.shared.coarse.subscribe() }
    }

    /// Calls `take` with every event behind `cursor`, and gives the position up to which these are all.
    pub(crate) fn replay(&self, cursor: u64, mut take: impl FnMut(&Arc<FeedEvent>)) -> Result<u64, Lagged> {
        let ring = self.shared.ring();
        if cursor < ring.floor() {
            return Err(Lagged { from: cursor, to: ring.floor() });
        }
        ring.after(cursor).for_each(&mut take);
        Ok(ring.head())
    }

    /// The last `limit` events for which `wanted` holds, as far as they are at hand, in order; and the position up to which these
    /// are all.
    pub(crate) fn last(&self, limit: usize, mut wanted: impl FnMut(&FeedEvent) -> bool) -> (Vec<Arc<FeedEvent>>, u64) {
        let ring = self.shared.ring();
        let mut found: Vec<_> = ring.after(0).rev().filter(|event| wanted(event)).take(limit).cloned().collect();
        found.reverse();
        (found, ring.head())
    }
}

impl Shared {
    fn ring(&self) -> RwLockReadGuard<'_, Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the ring; `change` says whether a part of it was replaced.
    fn change(&self, change: impl FnOnce(&mut Ring) -> bool) {
        let (moved, head) = {
            let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
            (change(&mut ring), ring.head())
        };
        self.fine.send_replace(Progress { head, primed: true });
        if moved {
            self.coarse.send_replace(());
        }
    }
}

/// What a client waits for.
pub(crate) struct Wakes {
    fine: watch::Receiver<Progress>,
    coarse: watch::Receiver<()>,
}

impl Wakes {
    /// Until there is something new; `seldom`: until there is so much that the ring moves on.
    pub(crate) async fn next(&mut self, seldom: bool) {
        let open = if seldom { self.coarse.changed().await } else { self.fine.changed().await };
        if open.is_err() {
            // Whoever waits holds the hub, so it cannot be gone.
            std::future::pending::<()>().await;
        }
    }

    /// Until what was before the hub is at hand.
    pub(crate) async fn primed(&mut self) {
        // Fails only without a hub, which whoever waits holds.
        let _ = self.fine.wait_for(|progress| progress.primed).await;
    }

    /// Until the hub has read up to `seq`.
    pub(crate) async fn reached(&mut self, seq: u64) {
        // As above.
        let _ = self.fine.wait_for(|progress| progress.head >= seq).await;
    }
}

/// Hears everything, in order.
pub struct Listener {
    shared: Arc<Shared>,
    fine: watch::Receiver<Progress>,
    cursor: u64,
}

impl Listener {
    /// The next events, as soon as there are any. After a lag, those that are still at hand follow. May be dropped while it waits.
    pub async fn next(&mut self) -> Result<Vec<Arc<FeedEvent>>, Lagged> {
        loop {
            {
                let ring = self.shared.ring();
                let from = self.cursor;
                if from < ring.floor() {
                    self.cursor = ring.floor();
                    return Err(Lagged { from, to: ring.floor() });
                }
                self.cursor = ring.head();
                let events: Vec<_> = ring.after(from).cloned().collect();
                if !events.is_empty() {
                    return Ok(events);
                }
            }
            // The hub is held here, so it cannot be gone.
            let _ = self.fine.changed().await;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
