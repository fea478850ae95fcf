//! Is the log as it was written?
//!
//! Contract: one snapshot is checked, whatever is appended meanwhile, and the first row is named that was changed, moved,
//! added or taken away. The last ones taken away, or all of them written anew, are seen only with a head that was
//! kept elsewhere. Price: a pass over the log with SHA-256, a row of about a MiB in memory at a time; until it ends, the
//! write-ahead log is not cut back.

use rusqlite::{Connection, ErrorCode, Row};

use crate::chain::{self, Hash, Head};

/// What a check of the log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Up to here the log is whole. Positions begin at 1, so there are as many events as its position says.
    pub head: Head,
    /// So many events at the beginning are older than the chain: a change that was made to them before the first event
    /// behind them was written is not seen.
    pub older: u64,
    /// Where it is whole no longer.
    pub broken: Option<Broken>,
}

/// The first place at which the log is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Position of the first event of the row that is wrong, or is missing.
    pub seq: u64,
    /// What is wrong.
    pub reason: Reason,
}

/// What is wrong with a row of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Its hash is not that of its cells and the row before.
    #[error("its row was changed or exchanged, or was not written by this log")]
    Changed,
    /// The same of the first row with a hash, which stands for those before it as well.
    #[error("its row, or one of the {older} events that are older than the chain, was changed")]
    ChangedOrOlder {
        /// Events that are older than the chain.
        older: u64,
    },
    /// It holds no hash, but the one before it does.
    #[error("its row has no hash, though rows before it have: it was not written by this log")]
    Unchained,
    /// The next row begins later.
    #[error("the events from here to {last} are missing")]
    Missing {
        /// The last one that is not there.
        last: u64,
    },
    /// The next row begins earlier.
    #[error("a row lies here whose position is before it: it was moved or added")]
    OutOfOrder,
    /// It cannot be read.
    #[error("its row cannot be read: the file is damaged here")]
    Damaged,
    /// All rows are whole, and none has the hash that was asked for.
    #[error(
        "the log ends before it, and the head that was kept is nowhere in it: \
         the last events were deleted, or the log was written anew"
    )]
    HeadNotFound,
}

/// Checks all rows that are there now. `expected`: a head that was kept and must be among them.
pub(crate) fn verify(connection: &Connection, expected: Option<Hash>) -> rusqlite::Result<Verdict> {
    let mut walk = Walk { head: Head::default(), older: 0 };
    let mut found = expected.is_none_or(|expected| expected == walk.head.hash);
    // One statement reads one snapshot.
    let mut statement = connection.prepare(chain::ROWS)?;
    let mut rows = statement.query(())?;
    let reason = loop {
        match rows.next() {
            Ok(Some(row)) => {
                if let Some(reason) = walk.step(row)? {
                    break Some(reason);
                }
                found = found || expected == Some(walk.head.hash);
            }
            Ok(None) => break (!found).then_some(Reason::HeadNotFound),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => break Some(Reason::Damaged),
            Err(error) => return Err(error),
        }
    };
    let Walk { head, older } = walk;
    Ok(Verdict { head, older, broken: reason.map(|reason| Broken { seq: head.seq.saturating_add(1), reason }) })
}

/// How far the chain was followed.
struct Walk {
    head: Head,
    older: u64,
}

impl Walk {
    /// Goes over a row, unless something is wrong with it.
    fn step(&mut self, row: &Row<'_>) -> rusqlite::Result<Option<Reason>> {
        let cells = chain::cells(row)?;
        let [first, last, ..] = cells.map(|cell| cell.as_i64().ok().and_then(|number| u64::try_from(number).ok()));
        let next = self.head.seq.saturating_add(1);
        match first {
            Some(first) if first > next => return Ok(Some(Reason::Missing { last: first - 1 })),
            Some(first) if first == next => {}
            _ => return Ok(Some(Reason::OutOfOrder)),
        }
        let hash = self.head.hash.link(&cells);
        let only_older = self.older == self.head.seq;
        let changed = match self.older {
            1.. if only_older => Reason::ChangedOrOlder { older: self.older },
            _ => Reason::Changed,
        };
        let Some(seq) = last.filter(|last| *last >= next) else { return Ok(Some(changed)) };
        match row.get_ref(5)?.as_blob_or_null() {
            Ok(Some(stored)) if stored == hash.as_bytes() => {}
            Ok(None) if only_older => self.older = seq,
            Ok(None) => return Ok(Some(Reason::Unchained)),
            _ => return Ok(Some(changed)),
        }
        self.head = Head { seq, hash };
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
