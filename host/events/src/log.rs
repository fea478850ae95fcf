use std::path::Path;
use std::sync::Arc;

use skillhost_store::{Database, Durability, Health, QueueLimits, Writer};
use skillhost_types::{RunId, RunRecord, Source};
use tokio::sync::watch;

use crate::commit::{Item, MIGRATIONS, Segments};
use crate::event::{Event, NewEvent};
use crate::query::Query;
use crate::{EventError, Recording};

/// Rows that are read at once: a page of the log, not the log.
const PAGE: usize = 16;

/// The event log of a data directory. Cheap to clone.
#[derive(Clone)]
pub struct EventLog {
    shared: Arc<Shared>,
}

struct Shared {
    database: Database,
    writer: Writer<Segments>,
    source: Arc<dyn Source>,
    head: watch::Receiver<u64>,
}

impl EventLog {
    /// Opens the log in `folder`, which is made if it is not there.
    pub fn open(folder: &Path, source: Arc<dyn Source>) -> Result<Self, EventError> {
        let database = Database::open(&folder.join("events.db"), MIGRATIONS, Durability::Normal)?;
        let (sender, head) = watch::channel(0);
        let writer = database.writer(Segments::new(sender), QueueLimits::default())?;
        Ok(Self { shared: Arc::new(Shared { database, writer, source, head }) })
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

    fn item(&self, event: NewEvent) -> Result<Item, EventError> {
        let length = event.check()?;
        Ok(Item::Event { at: self.shared.source.now(), event, length })
    }

    /// Writes down a run: its record, `tool.called`, and `tool.completed` or `tool.failed`.
    pub async fn record_run(&self, record: Arc<RunRecord>, recording: Recording) -> Result<(), EventError> {
        let item = Item::Run { at: self.shared.source.now(), record };
        match recording {
            Recording::Durable => drop(self.shared.writer.durable(item).await?),
            Recording::Relaxed => self.shared.writer.relaxed(item).await?,
        }
        Ok(())
    }

    /// The position of the last event in the file.
    pub fn head(&self) -> Result<u64, EventError> {
        Ok(self.shared.database.read(|reader| {
            let last: Option<i64> =
                reader.prepare_cached("SELECT max(last_seq) FROM events")?.query_row([], |row| row.get(0))?;
            Ok(u64::try_from(last.unwrap_or_default()).unwrap_or_default())
        })?)
    }

    /// Changes whenever this process has written. Others' writes are seen by [`Self::read`] only.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.head.clone()
    }

    /// Reads events in log order. Blocks.
    pub fn read(&self, query: &Query) -> Result<Vec<Event>, EventError> {
        let mut found = Vec::new();
        let mut from = query.after.unwrap_or_default();
        while found.len() < query.limit {
            let rows = self.shared.database.read(|reader| {
                reader
                    .prepare_cached("SELECT last_seq, body FROM events WHERE first_seq > ?1 OR last_seq > ?1 ORDER BY first_seq LIMIT ?2")?
                    .query_map((from as i64, PAGE as i64), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))?
                    .collect::<Result<Vec<_>, _>>()
            })?;
            let Some((last, _)) = rows.last() else { break };
            from = u64::try_from(*last).unwrap_or(u64::MAX);
            let lines = rows.iter().flat_map(|(_, body)| lines::<Event>(body));
            let room = query.limit - found.len();
            found.extend(lines.filter(|event| query.matches(event)).take(room));
        }
        Ok(found)
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
        let mut found = Vec::new();
        let mut before = i64::MAX;
        while found.len() < query.limit {
            let rows = self.shared.database.read(|reader| {
                reader
                    .prepare_cached("SELECT first_seq, body FROM events WHERE first_seq < ?1 ORDER BY first_seq DESC LIMIT ?2")?
                    .query_map((before, PAGE as i64), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))?
                    .collect::<Result<Vec<_>, _>>()
            })?;
            let Some((first, _)) = rows.last() else { break };
            before = *first;
            for (_, body) in &rows {
                let mut events: Vec<Event> = lines(body).filter(|event| query.matches(event)).collect();
                events.reverse();
                found.extend(events);
            }
        }
        found.truncate(query.limit);
        found.reverse();
        Ok(found)
    }

    /// Past runs, newest first; `skill`: only of this one. Blocks.
    pub fn runs(&self, skill: Option<&str>, limit: usize) -> Result<Vec<RunRecord>, EventError> {
        let mut found = Vec::new();
        let mut before = i64::MAX;
        while found.len() < limit {
            let rows = self.shared.database.read(|reader| {
                reader
                    .prepare_cached("SELECT segment, body FROM runs WHERE segment < ?1 ORDER BY segment DESC LIMIT ?2")?
                    .query_map((before, PAGE as i64), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))?
                    .collect::<Result<Vec<_>, _>>()
            })?;
            let Some((segment, _)) = rows.last() else { break };
            before = *segment;
            for (_, body) in &rows {
                let mut runs: Vec<RunRecord> =
                    lines(body).filter(|run: &RunRecord| skill.is_none_or(|skill| *run.skill == *skill)).collect();
                runs.reverse();
                found.extend(runs);
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// One run. Blocks.
    pub fn run(&self, run: RunId) -> Result<Option<RunRecord>, EventError> {
        let id = run.to_bytes();
        let bodies = self.shared.database.read(|reader| {
            reader
                .prepare_cached("SELECT body FROM runs WHERE last_run >= ?1 AND first_run <= ?1 ORDER BY last_run")?
                .query_map((id,), |row| row.get::<_, Vec<u8>>(0))?
                .collect::<Result<Vec<_>, _>>()
        })?;
        Ok(bodies.iter().find_map(|body| lines(body).find(|record: &RunRecord| record.run == run)))
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

/// The lines of a body. One that does not decode was not written by us, and is left out.
fn lines<T: serde::de::DeserializeOwned>(body: &[u8]) -> impl Iterator<Item = T> {
    body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).filter_map(|line| serde_json::from_slice(line).ok())
}

#[cfg(test)]
mod tests;
