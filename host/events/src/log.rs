mod read;

use std::path::Path;
use std::sync::Arc;

use skillhost_redaction::Redactor;
use skillhost_store::{Database, Durability, Health, QueueLimits, Writer};
use skillhost_types::{RunRecord, Source};
use tokio::sync::watch;

use crate::chain::{self, Hash, Head};
use crate::commit::{self, Item, MIGRATIONS, Segments, Told};
use crate::entry::Ran;
use crate::event::{Event, NewEvent};
use crate::line;
use crate::recent::Recent;
use crate::verify::{self, Verdict};
use crate::{EventError, Recording};

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
    recent: Arc<Recent>,
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
        let recent = Arc::new(Recent::default());
        let writer = database.writer(Segments::new(sender, recent.clone()), QueueLimits::default())?;
        Ok(Self { shared: Arc::new(Shared { database, writer, source, redactor, head, recent }) })
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
        let at = self.shared.source.now();
        let line = line::of_event(at, &event)?;
        let NewEvent { kind, source, run, tenant, data } = event;
        let event = Event { seq: 0, at, kind, source: source.to_string(), run, tenant, data };
        Ok(Item { line, told: Told::Event(Arc::new(event)) })
    }

    /// Writes down a run: its record, `tool.called`, and `tool.completed` or `tool.failed`.
    pub async fn record_run(&self, record: &RunRecord, recording: Recording) -> Result<(), EventError> {
        let ended_at = self.shared.source.now();
        let ran = Arc::new(Ran::new(ended_at, record));
        let item = Item { line: line::of_run(ended_at, record)?, told: Told::Run(ran) };
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
