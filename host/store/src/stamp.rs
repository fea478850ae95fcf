//! What tells that nobody has committed, without asking SQLite.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How coarse the times of files may be: two writes within it may leave the same time. Linux's own file systems take 10 ms at the
/// most; the coarsest that there are take this.
const GRAIN: Duration = Duration::from_secs(2);

/// How the write-ahead log of a database looked, into which every commit goes. As long as another look is [the same](Self::holds),
/// what was read after this one is what there is.
///
/// Price: one call to the system for each look, a tenth of what the smallest query costs.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    length: u64,
    modified: SystemTime,
    looked: SystemTime,
}

impl Stamp {
    /// None: there is no such file, or it has no times.
    pub(crate) fn of(log: &Path) -> Option<Self> {
        // The clock first: a write in between then counts as one that may be hidden.
        let looked = SystemTime::now();
        let metadata = fs::metadata(log).ok()?;
        Some(Self { length: metadata.len(), modified: metadata.modified().ok()?, looked })
    }

    /// Did nobody commit between this look and the `later` one? Says no in doubt: when this one came so soon after a write that
    /// another could have been hidden behind it.
    pub fn holds(&self, later: &Self) -> bool {
        let settled = self.looked.duration_since(self.modified).is_ok_and(|age| age >= GRAIN);
        settled && self.length == later.length && self.modified == later.modified
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_holds_until_the_next_write_and_never_right_behind_one() {
        let at = |modified: u64, looked: u64, length: u64| {
            let time = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
            Stamp { length, modified: time(modified), looked: time(looked) }
        };
        let early = at(1_000, 1_000 + 1_999, 7);
        let settled = at(1_000, 1_000 + 2_000, 7);
        assert!(settled.holds(&at(1_000, 9_000, 7)));
        assert!(!settled.holds(&at(3_010, 9_000, 7)), "written since");
        assert!(!settled.holds(&at(1_000, 9_000, 8)), "grown since");
        assert!(!early.holds(&at(1_000, 9_000, 7)), "another write may be hidden");
        // A clock that was put back.
        assert!(!at(2_000, 1_000, 7).holds(&at(2_000, 1_001, 7)));
    }
}
