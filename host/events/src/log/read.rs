//! What the log gives. All of it blocks, but for what says otherwise.

use skillhost_types::{RunId, RunRecord};

use super::EventLog;
use crate::EventError;
use crate::commit::SEGMENT;
use crate::entry::Entry;
use crate::event::Event;
use crate::line;
use crate::query::{Page, Query, RunQuery};

/// Rows that are read at once, if they are short: a page of the log, not the log.
const ROWS: i64 = 16;

/// The row that holds a position, if any, and those behind it: by the primary key.
const FOLLOWING: &str = "SELECT first_seq, last_seq, body FROM segments
     WHERE first_seq >= coalesce((SELECT max(first_seq) FROM segments WHERE first_seq <= ?1), 0)
     AND last_seq > ?1 ORDER BY first_seq LIMIT ?2";

/// The rows that begin before a position, the last one first.
const PRECEDING: &str =
    "SELECT first_seq, last_seq, body FROM segments WHERE first_seq < ?1 ORDER BY first_seq DESC LIMIT ?2";

/// What is read of the log, in bytes, between two looks whether somebody still waits: some tens of milliseconds.
const PIECE: usize = 4 << 20;

/// Behind every position.
const END: u64 = u64::MAX >> 1;

/// A row as it is read.
struct Row {
    first: u64,
    last: u64,
    body: Vec<u8>,
}

impl Row {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let seq = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        Ok(Self { first: seq(0)?, last: seq(1)?, body: row.get(2)? })
    }
}

impl EventLog {
    /// The first events that match, in log order.
    pub fn read(&self, query: &Query) -> Result<Vec<Event>, EventError> {
        Ok(self.read_page(query, usize::MAX)?.found)
    }

    /// As [`Self::read`], beside the executor. Who stops waiting, a run at its deadline say, soon stops the reading too.
    pub async fn read_async(&self, mut query: Query) -> Result<Vec<Event>, EventError> {
        let mut all = Vec::new();
        loop {
            let (this, piece) = (self.clone(), query.clone());
            let Page { found, next } = tokio::task::spawn_blocking(move || this.read_page(&piece, PIECE))
                .await
                .unwrap_or_else(|error| Err(EventError::Invalid(error.to_string())))?;
            query.limit = query.limit.saturating_sub(found.len());
            all.extend(found);
            if next.is_none() || query.limit == 0 {
                return Ok(all);
            }
            query.after = next;
        }
    }

    /// The last events that match, in log order.
    pub fn last(&self, query: &Query) -> Result<Vec<Event>, EventError> {
        Ok(self.last_page(query, usize::MAX)?.found)
    }

    /// Past runs, newest first. A run is where its first event is.
    pub fn runs(&self, query: &RunQuery<'_>) -> Result<Vec<RunRecord>, EventError> {
        Ok(self.runs_page(query, usize::MAX)?.found)
    }

    /// As [`Self::read`], of the next `reach` bytes of the log and what is left of their last row.
    pub fn read_page(&self, query: &Query, reach: usize) -> Result<Page<Event>, EventError> {
        let (mut found, mut left) = (Vec::new(), reach);
        let mut after = query.after.unwrap_or_default().min(END);
        while query.limit > 0 && query.before.is_none_or(|before| after.saturating_add(1) < before) {
            let rows = self.rows(FOLLOWING, after)?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                for event in line::events(row.first, &row.body).filter(|event| query.matches(event)) {
                    let next = Some(event.seq);
                    found.push(event);
                    if found.len() >= query.limit {
                        return Ok(Page { found, next });
                    }
                }
                after = row.last;
                left = left.saturating_sub(row.body.len());
                if left == 0 {
                    return Ok(Page { found, next: Some(after) });
                }
            }
        }
        Ok(Page { found, next: None })
    }

    /// As [`Self::last`], of the last `reach` bytes of the log and what is left of their first row.
    pub fn last_page(&self, query: &Query, reach: usize) -> Result<Page<Event>, EventError> {
        let decode = |row: &Row| {
            let events = line::events(row.first, &row.body).filter(|event| query.matches(event));
            events.map(|event| (event.seq, event)).collect()
        };
        let mut page = self.backwards(query.after, query.before, query.limit, reach, decode)?;
        page.found.reverse();
        Ok(page)
    }

    /// As [`Self::runs`], of the last `reach` bytes of the log and what is left of their first row.
    pub fn runs_page(&self, query: &RunQuery<'_>, reach: usize) -> Result<Page<RunRecord>, EventError> {
        self.backwards(None, query.before, query.limit, reach, |row| {
            line::runs(row.first, &row.body).filter(|(seq, run)| query.matches(*seq, run)).collect()
        })
    }

    /// The last `limit` of what `decode` finds, with its position and in log order, in the rows that reach behind `after` and
    /// begin before `before`; newest first.
    fn backwards<T>(
        &self,
        after: Option<u64>,
        before: Option<u64>,
        limit: usize,
        reach: usize,
        decode: impl Fn(&Row) -> Vec<(u64, T)>,
    ) -> Result<Page<T>, EventError> {
        let (mut found, mut left) = (Vec::new(), reach);
        let mut before = before.unwrap_or(END).min(END);
        while limit > 0 && after.is_none_or(|after| after.saturating_add(1) < before) {
            let rows = self.rows(PRECEDING, before)?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                for (seq, item) in decode(&row).into_iter().rev() {
                    found.push(item);
                    if found.len() >= limit {
                        return Ok(Page { found, next: Some(seq) });
                    }
                }
                before = row.first;
                left = left.saturating_sub(row.body.len());
                if left == 0 {
                    return Ok(Page { found, next: Some(before) });
                }
            }
        }
        Ok(Page { found, next: None })
    }

    /// As [`Self::following`], of what this process wrote a moment ago; none if there is nothing, or if this is not known without a
    /// look at the file. Does not block.
    pub fn recent(&self, after: u64) -> Option<(Vec<Entry>, u64)> {
        let entries = self.shared.recent.after(after)?;
        let reached = entries.last()?.seq();
        Some((entries, reached))
    }

    /// What is right behind `after`, and the position that this reaches to; no further than about a MiB of the file, but
    /// to the end of a row. For those who follow the log: nothing is decoded twice.
    pub fn following(&self, after: u64) -> Result<(Vec<Entry>, u64), EventError> {
        let rows = self.rows(FOLLOWING, after)?;
        let reached = rows.last().map_or(after, |row| row.last);
        let entries = rows.iter().flat_map(|row| line::entries(row.first, &row.body));
        Ok((entries.filter(|entry| entry.seq() > after).collect(), reached))
    }

    /// The last `limit` of all there is, in log order: how those begin who then go on with [`Self::following`].
    pub fn latest(&self, limit: usize) -> Result<Vec<Entry>, EventError> {
        let decode = |row: &Row| line::entries(row.first, &row.body).map(|entry| (entry.seq(), entry)).collect();
        let mut found = self.backwards(None, None, limit, usize::MAX, decode)?.found;
        found.reverse();
        Ok(found)
    }

    /// The next rows: some, and about a MiB of them.
    fn rows(&self, query: &str, from: u64) -> Result<Vec<Row>, EventError> {
        Ok(self.shared.database.read(|reader| {
            let mut statement = reader.prepare_cached(query)?;
            let mut cursor = statement.query((from.cast_signed(), ROWS))?;
            let (mut rows, mut size) = (Vec::new(), 0);
            while let Some(row) = cursor.next()? {
                let row = Row::read(row)?;
                size += row.body.len();
                rows.push(row);
                if size >= SEGMENT {
                    break;
                }
            }
            Ok(rows)
        })?)
    }

    /// One run.
    pub fn run(&self, run: RunId) -> Result<Option<RunRecord>, EventError> {
        let id = run.to_bytes();
        let bodies = self.shared.database.read(|reader| {
            reader
                .prepare_cached("SELECT body FROM segments WHERE last_run >= ?1 AND first_run <= ?1 ORDER BY last_run")?
                .query_map((id,), |row| row.get::<_, Vec<u8>>(0))?
                .collect::<Result<Vec<_>, _>>()
        })?;
        let mut runs = bodies.iter().flat_map(|body| line::runs(0, body)).map(|(_, record)| record);
        Ok(runs.find(|record| record.run == run))
    }
}
