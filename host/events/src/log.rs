use std::path::Path;
use std::sync::Arc;

use skillhost_redaction::Redactor;
use skillhost_store::{Database, Durability, Health, QueueLimits, Writer};
use skillhost_types::{RunId, RunRecord, Source};
use tokio::sync::watch;

use crate::chain::{self, Hash, Head};
use crate::commit::{self, Item, MIGRATIONS, SEGMENT, Segments};
use crate::entry::Entry;
use crate::event::{Event, NewEvent};
use crate::line;
use crate::query::{Query, RunQuery};
use crate::verify::{self, Verdict};
use crate::{EventError, Recording};

/// Rows that are read at once: a page of the log, not the log.
const PAGE: i64 = 16;

/// The row that holds a position, if any, and those behind it: by the primary key.
const FOLLOWING: &str = "SELECT first_seq, last_seq, body FROM segments
     WHERE first_seq >= coalesce((SELECT max(first_seq) FROM segments WHERE first_seq <= ?1), 0)
     AND last_seq > ?1 ORDER BY first_seq LIMIT ?2";

/// The event log of a data directory. Cheap to clone.
#[derive(Clone)]
pub struct EventLog {
    shared: Arc<Shared>,
}

struct Shared {
    database: Database,
    writer: Writer<Segments>,
    source: Arc<dyn Source>,
    redactor: Redactor,
    head: watch::Receiver<u64>,
}

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

fn events(row: &Row) -> impl Iterator<Item = Event> {
    line::entries(row.first, &row.body).map(Event::from)
}

impl EventLog {
    /// Opens the log in `folder`, which is made if it is not there.
    pub fn open(folder: &Path, source: Arc<dyn Source>) -> Result<Self, EventError> {
        Self::open_with(folder, source, Redactor::default())
    }

    /// The same. What the redactor knows or recognises as a secret does not get into events. Runs are written down as they are
    /// given: who gives one has redacted it for its caller as well.
    pub fn open_with(folder: &Path, source: Arc<dyn Source>, redactor: Redactor) -> Result<Self, EventError> {
        let database = Database::open(&folder.join("events.db"), MIGRATIONS, Durability::Normal)?;
        let (sender, head) = watch::channel(0);
        let writer = database.writer(Segments::new(sender), QueueLimits::default())?;
        Ok(Self { shared: Arc::new(Shared { database, writer, source, redactor, head }) })
    }

    /// Where time and identifiers come from.
    pub fn source(&self) -> &dyn Source {
        &*self.shared.source
    }

    /// Appends an event; gives its position after it is in the file.
    pub async fn append(&self, event: NewEvent) -> Result<u64, EventError> {
        Ok(self.shared.writer.durable(self.item(event)?).await?)
    }

    /// Appends an event and comes back once it is queued.
    pub async fn append_relaxed(&self, event: NewEvent) -> Result<(), EventError> {
        Ok(self.shared.writer.relaxed(self.item(event)?).await?)
    }

    fn item(&self, mut event: NewEvent) -> Result<Item, EventError> {
        event.check()?;
        self.shared.redactor.json(&mut event.data);
        Ok(Item { line: line::of_event(self.shared.source.now(), &event)?, run: None })
    }

    /// Writes down a run: its record, `tool.called`, and `tool.completed` or `tool.failed`.
    pub async fn record_run(&self, record: &RunRecord, recording: Recording) -> Result<(), EventError> {
        let item = Item { line: line::of_run(self.shared.source.now(), record)?, run: Some(record.run.to_bytes()) };
        match recording {
            Recording::Durable => drop(self.shared.writer.durable(item).await?),
            Recording::Relaxed => self.shared.writer.relaxed(item).await?,
        }
        Ok(())
    }

    /// The position of the last event in the file.
    pub fn head(&self) -> Result<u64, EventError> {
        Ok(self.shared.database.read(commit::head)?)
    }

    /// What tells this log from every other: positions mean something only together with it. Made when the log is, so a data
    /// directory that was made anew has another one; a copy of the file has the same.
    pub fn epoch(&self) -> Result<String, EventError> {
        Ok(self.shared.database.read(commit::epoch)?)
    }

    /// The head of the hash chain in the file: what to keep elsewhere for [`Self::verify`]. Blocks.
    pub fn chain_head(&self) -> Result<Head, EventError> {
        Ok(self.shared.database.read(chain::head)?)
    }

    /// Checks that the events in the file are those that were written; `expected`: and that this head is one of theirs.
    /// Blocks for a pass over the log; what is appended meanwhile is neither held up nor checked.
    pub fn verify(&self, expected: Option<Hash>) -> Result<Verdict, EventError> {
        Ok(self.shared.database.read(|reader| verify::verify(reader, expected))?)
    }

    /// Changes whenever this process has written. Others' writes are seen by [`Self::read`] only.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.head.clone()
    }

    /// Reads events in log order. Blocks.
    pub fn read(&self, query: &Query) -> Result<Vec<Event>, EventError> {
        self.read_between(query.after.unwrap_or_default(), query.before, query.limit, |event| query.matches(event))
    }

    /// The first `limit` events after the position `after` that are `wanted`, in log order. Blocks.
    pub fn read_where(
        &self,
        after: u64,
        limit: usize,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Vec<Event>, EventError> {
        self.read_between(after, None, limit, wanted)
    }

    fn read_between(
        &self,
        after: u64,
        before: Option<u64>,
        limit: usize,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Vec<Event>, EventError> {
        let mut found = Vec::new();
        let mut after = after.min(u64::MAX >> 1);
        while found.len() < limit && before.is_none_or(|before| after.saturating_add(1) < before) {
            let rows = self.rows(FOLLOWING, after)?;
            let Some(Row { last, .. }) = rows.last() else { break };
            let room = limit - found.len();
            // The first row may hold `after` and what is before it.
            let events = rows.iter().flat_map(events);
            found.extend(events.filter(|event| event.seq > after && wanted(event)).take(room));
            after = *last;
        }
        Ok(found)
    }

    /// What is right behind `after`, and the position that they reach to; no further than about a MiB of the file, but
    /// to the end of a row. For those who follow the log: nothing is decoded twice. Blocks.
    pub fn following(&self, after: u64) -> Result<(Vec<Entry>, u64), EventError> {
        let rows = self.shared.database.read(|reader| {
            let mut statement = reader.prepare_cached(FOLLOWING)?;
            let mut cursor = statement.query((after.cast_signed(), PAGE))?;
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
        })?;
        let reached = rows.last().map_or(after, |row| row.last);
        let entries = rows.iter().flat_map(|row| line::entries(row.first, &row.body));
        Ok((entries.filter(|entry| entry.seq() > after).collect(), reached))
    }

    /// As [`Self::read`], beside the executor.
    pub async fn read_async(&self, query: Query) -> Result<Vec<Event>, EventError> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.read(&query))
            .await
            .unwrap_or_else(|error| Err(EventError::Invalid(error.to_string())))
    }

    /// The last events that match, in log order. Blocks.
    pub fn last(&self, query: &Query) -> Result<Vec<Event>, EventError> {
        self.last_between(query.after, query.before, query.limit, |event| query.matches(event))
    }

    /// The last `limit` events that are `wanted`, in log order. Blocks.
    pub fn last_where(&self, limit: usize, wanted: impl Fn(&Event) -> bool) -> Result<Vec<Event>, EventError> {
        self.last_between(None, None, limit, wanted)
    }

    fn last_between(
        &self,
        after: Option<u64>,
        before: Option<u64>,
        limit: usize,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Vec<Event>, EventError> {
        let mut found = self.backwards(after, before, limit, |row, found| {
            found.extend(events(row).filter(|event| wanted(event)));
        })?;
        found.reverse();
        Ok(found)
    }

    /// The last `limit` of all there is, in log order: how those begin who then go on with [`Self::following`]. Blocks.
    pub fn latest(&self, limit: usize) -> Result<Vec<Entry>, EventError> {
        let mut found =
            self.backwards(None, None, limit, |row, found| found.extend(line::entries(row.first, &row.body)))?;
        found.reverse();
        Ok(found)
    }

    /// Past runs, newest first. Blocks.
    pub fn runs(&self, query: &RunQuery<'_>) -> Result<Vec<RunRecord>, EventError> {
        self.backwards(None, None, query.limit, |row, found| {
            found.extend(line::runs(&row.body).filter(|run| query.matches(run)));
        })
    }

    /// The last `limit` of what `decode` finds in the rows that reach behind `after` and begin before `before`, newest first.
    fn backwards<T>(
        &self,
        after: Option<u64>,
        before: Option<u64>,
        limit: usize,
        decode: impl Fn(&Row, &mut Vec<T>),
    ) -> Result<Vec<T>, EventError> {
        const END: u64 = u64::MAX >> 1;
        let mut found = Vec::new();
        let mut before = before.unwrap_or(END).min(END);
        while found.len() < limit && after.is_none_or(|after| after.saturating_add(1) < before) {
            let rows = self.rows(
                "SELECT first_seq, last_seq, body FROM segments WHERE first_seq < ?1 ORDER BY first_seq DESC LIMIT ?2",
                before,
            )?;
            let Some(row) = rows.last() else { break };
            before = row.first;
            for row in &rows {
                let mut decoded = Vec::new();
                decode(row, &mut decoded);
                found.extend(decoded.into_iter().rev());
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    fn rows(&self, query: &str, from: u64) -> Result<Vec<Row>, EventError> {
        Ok(self
            .shared
            .database
            .read(|reader| reader.prepare_cached(query)?.query_map((from.cast_signed(), PAGE), Row::read)?.collect())?)
    }

    /// One run. Blocks.
    pub fn run(&self, run: RunId) -> Result<Option<RunRecord>, EventError> {
        let id = run.to_bytes();
        let bodies = self.shared.database.read(|reader| {
            reader
                .prepare_cached("SELECT body FROM segments WHERE last_run >= ?1 AND first_run <= ?1 ORDER BY last_run")?
                .query_map((id,), |row| row.get::<_, Vec<u8>>(0))?
                .collect::<Result<Vec<_>, _>>()
        })?;
        Ok(bodies.iter().find_map(|body| line::runs(body).find(|record| record.run == run)))
    }

    /// Can it be written?
    pub fn health(&self) -> Health {
        self.shared.writer.health()
    }

    /// Writes what is queued and ends the writing thread.
    pub async fn close(&self) {
        let this = self.clone();
        // The thread's end is waited for beside the executor, which others may still need.
        match tokio::task::spawn_blocking(move || this.shared.writer.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the last entries of the event log are lost"),
            Err(error) => tracing::error!(%error, "closing the event log failed"),
        }
    }
}

#[cfg(test)]
mod tests;
