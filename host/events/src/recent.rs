//! The last entries that this process has committed.
//!
//! Contract: what it gives is what the file holds from a position on, without a gap; where it does not know that, because another
//! process wrote in between, the host has just begun or whoever asks is far behind, it gives nothing and the file has to be read. Price:
//! [`KEPT`] entries, which their followers share, and a lock for each batch and each follower's look.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::entry::Entry;

/// How many are kept: what 100,000 runs a second leave between two looks of a follower, 20 ms.
const KEPT: usize = 4_096;

/// Longest text of all that are kept, in bytes: events of skills may be long, and take several times that once they are decoded.
const KEPT_BYTES: usize = 4 << 20;

/// Entries behind each other, the last of which is the last that this process wrote.
#[derive(Default)]
pub(crate) struct Recent(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Recent {
    /// Takes what was just committed, in order.
    pub(crate) fn extend(&self, entries: impl Iterator<Item = Entry>) {
        let mut kept = self.lock();
        for entry in entries {
            kept.push(entry);
        }
    }

    /// What is behind `after`, if there is something, all of it is known, and nothing is missing in between.
    pub(crate) fn after(&self, after: u64) -> Option<Vec<Entry>> {
        let kept = self.lock();
        let first = kept.entries.front()?.seq();
        let known = usize::try_from(after.checked_add(1)?.checked_sub(first)?).ok()?;
        let new = kept.entries.len().checked_sub(known).filter(|new| *new > 0)?;
        Some(kept.entries.range(kept.entries.len() - new..).cloned().collect())
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn push(&mut self, entry: Entry) {
        if self.entries.back().is_some_and(|last| last.seq() + 1 != entry.seq()) {
            // Somebody else wrote in between.
            *self = Self::default();
        }
        self.bytes += entry.size();
        self.entries.push_back(entry);
        while self.entries.len() > KEPT || self.bytes > KEPT_BYTES {
            let Some(gone) = self.entries.pop_front() else { break };
            self.bytes -= gone.size();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use skillhost_types::Timestamp;

    use super::*;
    use crate::event::Event;

    fn entries(seqs: std::ops::RangeInclusive<u64>, text: &str) -> impl Iterator<Item = Entry> {
        seqs.map(move |seq| {
            let (kind, source, data) = ("a.b".to_owned(), "test".to_owned(), json!(text));
            Entry::from(Event { seq, at: Timestamp(0), kind, source, run: None, tenant: None, data })
        })
    }

    fn after(recent: &Recent, after: u64) -> Option<Vec<u64>> {
        Some(recent.after(after)?.iter().map(Entry::seq).collect())
    }

    #[test]
    fn it_gives_all_that_follows_or_nothing() {
        let recent = Recent::default();
        assert_eq!(after(&recent, 0), None);
        recent.extend(entries(5..=7, ""));
        recent.extend(entries(8..=9, ""));
        assert_eq!(after(&recent, 3), None, "4 is not known");
        assert_eq!(after(&recent, 4), Some(vec![5, 6, 7, 8, 9]));
        assert_eq!(after(&recent, 7), Some(vec![8, 9]));
        for known in [9, 10, u64::MAX] {
            assert_eq!(after(&recent, known), None);
        }
    }

    #[test]
    fn what_another_process_wrote_in_between_is_left_to_the_file() {
        let recent = Recent::default();
        recent.extend(entries(1..=3, ""));
        recent.extend(entries(6..=7, ""));
        assert_eq!(after(&recent, 3), None);
        assert_eq!(after(&recent, 5), Some(vec![6, 7]));
    }

    #[test]
    fn neither_many_nor_long_ones_fill_the_memory() {
        let recent = Recent::default();
        recent.extend(entries(1..=KEPT as u64 + 10, ""));
        assert_eq!(recent.lock().entries.len(), KEPT);
        let text = "x".repeat(1 << 20);
        recent.extend(entries(KEPT as u64 + 11..=KEPT as u64 + 30, &text));
        assert!(recent.lock().bytes <= KEPT_BYTES);
        assert_eq!(recent.lock().entries.len(), 3);
    }
}
