//! What this host sent without a stamp, so that it knows it again when it comes back.
//!
//! Contract: what is no object has no room for a stamp, and without one a loop would begin anew with every message. Such a
//! message gets its own stamp back once, the oldest of the same bytes on the same channel first. Only the last [`MOST`] are
//! known, for [`KEPT`]. A program outside that publishes the same bytes meanwhile may be taken for this host, once for every
//! message that was sent; that one then counts as from outside. Price: a hash of each payload each way, and some 150 bytes a
//! message, not its payload.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use skillhost_types::Source;

use crate::envelope::Stamp;

/// How long a message may take to come back: as long as its answer may ([`super::link::ANSWER`]), and again as long for a
/// listener that is behind.
const KEPT: Duration = Duration::from_secs(4);

/// Messages that are on their way at once: four times as many as wait to be written to the connection.
const MOST: usize = 4_096;

/// What was sent and has not come back.
pub(super) struct Sent {
    source: Arc<dyn Source>,
    /// Its seed is the process's own: nobody outside can make two messages look the same.
    hasher: RandomState,
    /// In the order in which they were sent.
    under_way: Mutex<VecDeque<UnderWay>>,
}

struct UnderWay {
    digest: u64,
    stamp: Stamp,
    /// By the clock that never jumps.
    since: Duration,
}

impl Sent {
    pub(super) fn new(source: Arc<dyn Source>) -> Self {
        Self { source, hasher: RandomState::new(), under_way: Mutex::default() }
    }

    /// By what a payload on a channel is known again; `name` is the channel's on the server, which says the tenant as well.
    pub(super) fn digest(&self, name: &[u8], payload: &[u8]) -> u64 {
        self.hasher.hash_one((name, payload))
    }

    /// Keeps the stamp of a message that is sent now.
    pub(super) fn keep(&self, digest: u64, stamp: Stamp) {
        let since = self.source.monotonic();
        let mut under_way = self.current(since);
        if under_way.len() >= MOST {
            under_way.pop_front();
        }
        under_way.push_back(UnderWay { digest, stamp, since });
    }

    /// The stamp of a message that came without one; none: it comes from outside.
    pub(super) fn take(&self, digest: u64) -> Option<Stamp> {
        let mut under_way = self.current(self.source.monotonic());
        let at = under_way.iter().position(|message| message.digest == digest)?;
        Some(under_way.remove(at)?.stamp)
    }

    /// Forgets all: what was under way does not come any more.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that may still come at `now`.
    fn current(&self, now: Duration) -> MutexGuard<'_, VecDeque<UnderWay>> {
        let mut under_way = self.lock();
        while under_way.pop_front_if(|message| now.saturating_sub(message.since) > KEPT).is_some() {}
        under_way
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use skillhost_types::Timestamp;

    use super::*;

    /// A clock that is set by hand, in milliseconds.
    #[derive(Default)]
    struct Clock(AtomicU64);

    impl Source for Clock {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }

        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::Relaxed))
        }

        fn fill(&self, _: &mut [u8]) {}
    }

    fn sent() -> (Sent, Arc<Clock>) {
        let clock = Arc::new(Clock::default());
        (Sent::new(clock.clone()), clock)
    }

    fn stamp(hops: u32) -> Stamp {
        Stamp { id: hops.to_string(), source: None, hops, at: Timestamp(0) }
    }

    fn hops(sent: &Sent, digest: u64) -> Option<u32> {
        sent.take(digest).map(|stamp| stamp.hops)
    }

    #[test]
    fn each_message_gets_its_stamp_back_once_the_oldest_first() {
        let (sent, _) = sent();
        for (digest, hops) in [(1, 10), (2, 20), (1, 11)] {
            sent.keep(digest, stamp(hops));
        }
        let back = [1, 1, 1, 2, 3].map(|digest| hops(&sent, digest));
        assert_eq!(back, [Some(10), Some(11), None, Some(20), None]);
        sent.keep(1, stamp(12));
        sent.forget();
        assert_eq!(hops(&sent, 1), None);
    }

    #[test]
    fn a_message_is_known_by_its_channel_and_its_payload() {
        let (sent, _) = sent();
        let digest = sent.digest(b"timmy:a", b"1");
        assert_eq!(sent.digest(b"timmy:a", b"1"), digest);
        for (name, payload) in [("timmy:a", "2"), ("timmy:@x:a", "1"), ("timmy:b", "1"), ("timmy:", "a1")] {
            assert_ne!(sent.digest(name.as_bytes(), payload.as_bytes()), digest, "{name} {payload}");
        }
    }

    #[test]
    fn what_does_not_come_back_is_forgotten_after_a_while() {
        let (sent, clock) = sent();
        let kept = u64::try_from(KEPT.as_millis()).unwrap();
        sent.keep(1, stamp(1));
        sent.keep(2, stamp(2));
        clock.0.store(kept, Ordering::Relaxed);
        assert_eq!(hops(&sent, 1), Some(1));
        clock.0.store(kept + 1, Ordering::Relaxed);
        assert_eq!(hops(&sent, 2), None);
        assert!(sent.lock().is_empty());
    }

    #[test]
    fn only_so_many_are_kept_and_the_oldest_go_first() {
        let (sent, _) = sent();
        for digest in 0..3 * MOST as u64 {
            sent.keep(digest, stamp(7));
        }
        assert_eq!(sent.lock().len(), MOST);
        let oldest = 2 * MOST as u64;
        assert_eq!([oldest - 1, oldest].map(|digest| hops(&sent, digest)), [None, Some(7)]);
    }
}
