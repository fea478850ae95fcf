//! The last events.
//!
//! Contract: holds every event behind its floor, in order. Price: at most [`EVENTS`] of them and some [`BYTES`].

use std::collections::VecDeque;
use std::sync::Arc;

use crate::event::FeedEvent;

/// Events that are kept: four seconds at 2,000 a second, which is how long a listener may be busy with something else.
pub(super) const EVENTS: usize = 8_192;

/// What they take, in bytes. Events of runs are about 3 KiB: the number decides; large ones go sooner.
pub(super) const BYTES: usize = 32 << 20;

/// Parts in which the ring is replaced, so that a listener that sleeps through some of them does not fall out.
const PARTS: usize = 8;

/// Events and bytes of a part.
pub(super) const PART: (usize, usize) = (EVENTS / PARTS, BYTES / PARTS);

#[derive(Debug, Default)]
pub(super) struct Ring {
    events: VecDeque<Arc<FeedEvent>>,
    bytes: usize,
    /// Events and bytes since a part was last full.
    moved: (usize, usize),
    /// Of all events behind this position none is missing here.
    floor: u64,
    /// The position up to which the log was read.
    head: u64,
}

impl Ring {
    /// A ring that knows of nothing up to `head`.
    pub(super) fn behind(head: u64) -> Self {
        Self { floor: head, head, ..Self::default() }
    }

    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// Puts `events`, which reach up to `head`, behind the others. Has a part of the ring been replaced by now?
    pub(super) fn extend(&mut self, events: impl IntoIterator<Item = Arc<FeedEvent>>, head: u64) -> bool {
        for event in events {
            let weight = event.weight();
            self.bytes += weight;
            self.moved = (self.moved.0 + 1, self.moved.1 + weight);
            self.events.push_back(event);
        }
        self.head = self.head.max(head);
        while self.events.len() > EVENTS || self.bytes > BYTES {
            let Some(event) = self.events.pop_front() else { break };
            self.bytes -= event.weight();
            self.floor = event.seq();
        }
        let full = self.moved.0 >= PART.0 || self.moved.1 >= PART.1;
        if full {
            self.moved = (0, 0);
        }
        full
    }

    /// Begins with `earlier`, of which none is missing behind `floor`.
    pub(super) fn prime(&mut self, earlier: Vec<Arc<FeedEvent>>, floor: u64) -> bool {
        let head = earlier.last().map_or(self.head, |event| event.seq().max(self.head));
        *self = Self::behind(floor);
        self.extend(earlier, head)
    }

    /// The events behind `cursor`.
    pub(super) fn after(&self, cursor: u64) -> impl DoubleEndedIterator<Item = &Arc<FeedEvent>> {
        // Followers are near the end; a search from there would be no quicker for who is not.
        let first = self.events.partition_point(|event| event.seq() <= cursor);
        self.events.range(first..)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use skillhost_events::Event;
    use skillhost_types::Timestamp;
    use tokio::time::Instant;

    use super::*;

    fn events(seqs: impl IntoIterator<Item = u64>, size: usize) -> Vec<Arc<FeedEvent>> {
        let event = |seq| Event {
            seq,
            at: Timestamp(0),
            kind: "skill.x".into(),
            source: "s".into(),
            run: None,
            tenant: None,
            data: json!("x".repeat(size)),
        };
        seqs.into_iter().map(|seq| Arc::new(FeedEvent::new(event(seq).into(), None, Instant::now()))).collect()
    }

    #[test]
    fn the_ring_holds_what_is_behind_its_floor_and_no_more_than_it_may() {
        let mut ring = Ring::behind(10);
        ring.extend(events(11..=20, 1), 20);
        assert_eq!((ring.floor(), ring.head(), ring.after(0).count(), ring.after(18).count()), (10, 20, 10, 2));
        ring.extend(events(21..=30_000, 1), 30_000);
        assert_eq!(ring.after(0).count(), EVENTS);
        assert_eq!(ring.after(0).next().unwrap().seq(), ring.floor() + 1);
        assert_eq!(ring.after(30_000).count(), 0);
    }

    #[test]
    fn large_events_are_kept_for_a_shorter_time() {
        let mut ring = Ring::default();
        ring.extend(events(1..=1_000, 60 << 10), 1_000);
        let held = ring.after(0).count();
        assert!(held * (60 << 10) < BYTES && held > 50, "{held}");
        assert_eq!(ring.floor(), 1_000 - held as u64);
    }

    #[test]
    fn what_is_missing_in_the_log_does_not_confuse_the_ring() {
        let mut ring = Ring::behind(5);
        ring.prime(events([1, 2, 4, 8], 1), 0);
        assert_eq!((ring.floor(), ring.head()), (0, 8));
        ring.extend(events([9, 12], 1), 14);
        assert_eq!(ring.after(4).map(|event| event.seq()).collect::<Vec<_>>(), [8, 9, 12]);
        assert_eq!(ring.head(), 14);
    }
}
