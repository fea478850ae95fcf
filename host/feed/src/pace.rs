//! How many events a client gets.
//!
//! Contract: a window of a second begins with the first event after the last one's end; the first `rate` events in it are
//! sent, the others counted, and told as one gap at its end, before any later event. Times are those at which events
//! were noticed, so what is sent does not depend on when the client's turn comes. Price: a few words per client.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

/// The time for which a client's rate counts.
pub(crate) const WINDOW: Duration = Duration::from_secs(1);

/// Events that were not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) suppressed: u64,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

#[derive(Debug)]
pub(crate) struct Pace {
    rate: NonZeroU32,
    window: Option<Window>,
}

#[derive(Debug)]
struct Window {
    ends: Instant,
    left: u32,
    gap: Option<Gap>,
}

impl Pace {
    pub(crate) fn new(rate: NonZeroU32) -> Self {
        Self { rate, window: None }
    }

    /// An event of position `seq` that was noticed at `at`: is it to be sent? Windows that ended by then are to be
    /// [ended](Self::end) first.
    pub(crate) fn take(&mut self, seq: u64, at: Instant) -> bool {
        let fresh = || Window { ends: at + WINDOW, left: self.rate.get(), gap: None };
        let window = self.window.get_or_insert_with(fresh);
        if let Some(left) = window.left.checked_sub(1) {
            window.left = left;
            return true;
        }
        let gap = window.gap.get_or_insert(Gap { suppressed: 0, from: seq, to: seq });
        gap.suppressed += 1;
        gap.to = seq;
        false
    }

    /// Ends the window if it is over at `now`, and gives what was not sent in it.
    pub(crate) fn end(&mut self, now: Instant) -> Option<Gap> {
        self.window.take_if(|window| window.ends <= now)?.gap
    }

    /// What was not sent so far, to be told before its time because nothing follows it. The window goes on.
    pub(crate) fn settle(&mut self) -> Option<Gap> {
        self.window.as_mut()?.gap.take()
    }

    /// When the window ends, if its rate is used up: until then nothing is sent.
    pub(crate) fn exhausted_until(&self) -> Option<Instant> {
        self.window.as_ref().filter(|window| window.left == 0).map(|window| window.ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> (Pace, Instant) {
        (Pace::new(NonZeroU32::new(2).unwrap()), Instant::now())
    }

    #[test]
    fn what_is_over_the_rate_is_told_once_at_the_windows_end() {
        let (mut pace, begin) = pace();
        let sent: Vec<_> = (1..=5).map(|seq| pace.take(seq, begin)).collect();
        assert_eq!(sent, [true, true, false, false, false]);
        assert_eq!(pace.exhausted_until(), Some(begin + WINDOW));
        assert_eq!(pace.end(begin + WINDOW / 2), None);
        assert_eq!(pace.end(begin + WINDOW), Some(Gap { suppressed: 3, from: 3, to: 5 }));
        assert_eq!(pace.end(begin + WINDOW), None);
        assert!(pace.take(6, begin + WINDOW));
    }

    #[test]
    fn a_window_begins_with_an_event() {
        let (mut pace, begin) = pace();
        assert!(pace.take(1, begin));
        assert_eq!((pace.exhausted_until(), pace.end(begin + WINDOW)), (None, None));
        let late = begin + 3 * WINDOW;
        assert!(pace.take(2, late) && pace.take(3, late));
        assert_eq!(pace.exhausted_until(), Some(late + WINDOW));
    }

    #[test]
    fn a_gap_that_is_settled_gives_no_new_rate() {
        let (mut pace, begin) = pace();
        let sent = [1, 2, 3].map(|seq| pace.take(seq, begin));
        assert_eq!(sent, [true, true, false]);
        assert_eq!(pace.settle(), Some(Gap { suppressed: 1, from: 3, to: 3 }));
        assert!(!pace.take(4, begin));
        assert_eq!(pace.end(begin + WINDOW), Some(Gap { suppressed: 1, from: 4, to: 4 }));
    }
}
