//! The task that reads the log.
//!
//! Contract: what this process writes is published within [`TICK`] of its commit, what others write within [`LOOK`]; a log that cannot be
//! read is said once and tried again. It ends with the last who holds the hub. Price: a copy per tick
//! of what this process wrote; a read of the file where that is not all, and four a second in which nothing was written.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use skillhost_events::{Entry, EventError, EventLog};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Shared;
use super::ring::PART;
use crate::event::{FeedEvent, KindId};

/// Shortest time between two wakes of listeners: half of it is what an event waits on average, and at 2,000 events a second a
/// wake is for 40 of them.
pub(super) const TICK: Duration = Duration::from_millis(20);

/// After this time the log is looked at unasked: another process may have written.
const LOOK: Duration = Duration::from_millis(250);

/// Events from before the hub that are at hand when it begins: what a replay needs, of many kinds, without delaying the start.
const PRIMED: usize = 1_024;

/// Kinds that get a number. The host's own are some dozens; skills may make up any number, which then cost a
/// look at their text for each listener.
pub(crate) const MOST_KINDS: u16 = 1_024;

/// Reads the log until nobody holds the hub.
pub(super) async fn follow(log: EventLog, hub: Weak<Shared>) {
    let mut written = log.watch();
    let reader = Arc::new(Reader { log, kinds: Mutex::default() });
    let mut cursor = None;
    let mut failing = false;
    while hub.strong_count() > 0 {
        let begun = Instant::now();
        // What this process wrote is at hand. Where it is not alone, the file tells, at the next look at the latest.
        if !take_recent(&reader, &hub, &mut cursor).await {
            let pass = pass(&reader, &hub, &mut cursor).await;
            // Once, not four times a second.
            match &pass {
                Err(error) if !failing => {
                    tracing::error!(%error, "the live feed cannot read the event log; it tries again")
                }
                _ => {}
            }
            failing = pass.is_err();
            if failing {
                // What failed may need time to be well again.
                sleep(LOOK).await;
            }
        }
        wait(&mut written).await;
        sleep_until(begun + TICK).await;
    }
}

/// Until somebody may have written.
async fn wait(written: &mut watch::Receiver<u64>) {
    // A log that was closed writes no longer, but others may.
    if let Ok(Err(_)) = timeout(LOOK, written.changed()).await {
        sleep(LOOK).await;
    }
}

/// Publishes what this process wrote, if that is known to be what is new.
async fn take_recent(reader: &Reader, hub: &Weak<Shared>, cursor: &mut Option<u64>) -> bool {
    let Some((entries, reached)) = cursor.and_then(|after| reader.log.recent(after)) else { return false };
    *cursor = Some(reached);
    publish(hub, reader.shared(entries), reached).await;
    true
}

/// Publishes what is new in the file.
async fn pass(reader: &Arc<Reader>, hub: &Weak<Shared>, cursor: &mut Option<u64>) -> Result<(), EventError> {
    let mut after = match *cursor {
        Some(after) => after,
        None => {
            let Some(shared) = hub.upgrade() else { return Ok(()) };
            let known = shared.ring().head();
            let mut events = reader.beside(Reader::last).await?;
            // Less than was asked for is all there is.
            let all = events.len() < PRIMED;
            // What was written since the hub began is heard by who listens since then.
            events.retain(|event| event.seq() <= known);
            let floor = events.first().map_or(known, |event| event.seq().saturating_sub(1));
            shared.change(|ring| ring.prime(events, if all { 0 } else { floor }));
            *cursor.insert(known)
        }
    };
    loop {
        let (events, reached) = reader.beside(move |reader| reader.following(after)).await?;
        if reached == after {
            return Ok(());
        }
        after = reached;
        *cursor = Some(reached);
        publish(hub, events, reached).await;
    }
}

/// Shows `events`, which reach up to `head`, to listeners; in parts that leave them time.
async fn publish(hub: &Weak<Shared>, events: Vec<Arc<FeedEvent>>, head: u64) {
    let mut events = events.into_iter().peekable();
    loop {
        let Some(shared) = hub.upgrade() else { return };
        let (mut part, mut bytes) = (Vec::new(), 0);
        while part.len() < PART.0 && bytes < PART.1 {
            let Some(event) = events.next() else { break };
            bytes += event.weight();
            part.push(event);
        }
        let reached = if events.peek().is_none() { head } else { part.last().map_or(head, |event| event.seq()) };
        shared.change(|ring| ring.extend(part, reached));
        if events.peek().is_none() {
            return;
        }
        drop(shared);
        // Listeners have their turn before a part of the ring is replaced again.
        sleep(TICK).await;
    }
}

/// Decodes events, beside the executor.
struct Reader {
    log: EventLog,
    kinds: Mutex<HashMap<String, KindId>>,
}

impl Reader {
    async fn beside<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Self) -> Result<T, EventError> + Send + 'static,
    ) -> Result<T, EventError> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || read(&this))
            .await
            .unwrap_or_else(|error| Err(EventError::Invalid(error.to_string())))
    }

    fn last(&self) -> Result<Vec<Arc<FeedEvent>>, EventError> {
        Ok(self.shared(self.log.latest(PRIMED)?))
    }

    fn following(&self, after: u64) -> Result<(Vec<Arc<FeedEvent>>, u64), EventError> {
        let (entries, reached) = self.log.following(after)?;
        Ok((self.shared(entries), reached))
    }

    fn shared(&self, entries: Vec<Entry>) -> Vec<Arc<FeedEvent>> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let noticed = Instant::now();
        entries
            .into_iter()
            .map(|entry| {
                let kind = number(&mut kinds, entry.kind());
                Arc::new(FeedEvent::new(entry, kind, noticed))
            })
            .collect()
    }
}

fn number(kinds: &mut HashMap<String, KindId>, kind: &str) -> Option<KindId> {
    if let Some(id) = kinds.get(kind) {
        return Some(*id);
    }
    let next = u16::try_from(kinds.len()).ok().filter(|next| *next < MOST_KINDS)?;
    kinds.insert(kind.to_owned(), KindId(next));
    Some(KindId(next))
}
