//! What becomes of a batch: puts its lines behind each other, into as few rows as there are.

use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params_from_iter};
use skillhost_store::{Commit, Weigh};
use tokio::sync::watch;

use crate::chain::{self, Cells, Hash};
use crate::entry::{Entry, Ran};
use crate::event::Event;
use crate::line;
use crate::recent::Recent;

pub(crate) const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE segments (
    first_seq INTEGER PRIMARY KEY,
    last_seq INTEGER NOT NULL,
    first_run BLOB,
    last_run BLOB,
    body BLOB NOT NULL
);
CREATE INDEX segments_by_run ON segments (last_run, first_run) WHERE last_run IS NOT NULL;
",
    // Rows that are there already keep none; see `chain`.
    "ALTER TABLE segments ADD COLUMN hash BLOB",
    "
CREATE TABLE identity (epoch BLOB NOT NULL);
INSERT INTO identity VALUES (randomblob(16));
",
];

/// Body of one row, in bytes, after which the next row begins: a reader decodes whole rows.
pub(crate) const SEGMENT: usize = 1 << 20;

/// The position of the last event. A look at the last row, which `max(last_seq)` would not be.
pub(crate) fn head(connection: &Connection) -> rusqlite::Result<u64> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT last_seq FROM segments ORDER BY first_seq DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(last.unwrap_or_default().cast_unsigned())
}

/// What tells this log from every other, as hex digits.
pub(crate) fn epoch(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT lower(hex(epoch)) FROM identity", [], |row| row.get(0))
}

/// What an entry takes beside its line, in bytes: a run's record once more, without its output.
const FRAME: usize = 384;

/// How much larger than its text an event's data is at the most, about, once it is decoded.
const DECODED: usize = 4;

/// A line on its way into the file.
pub(crate) struct Item {
    pub(crate) line: Vec<u8>,
    /// What those hear of it who follow the log.
    pub(crate) told: Told,
}

/// What a line tells.
pub(crate) enum Told {
    /// Its position is not known yet.
    Event(Arc<Event>),
    Run(Arc<Ran>),
}

impl Item {
    fn ran(&self) -> Option<&Arc<Ran>> {
        match &self.told {
            Told::Event(_) => None,
            Told::Run(ran) => Some(ran),
        }
    }

    /// What those who follow the log hear of it at `seq`.
    fn entries(&self, seq: u64) -> impl Iterator<Item = Entry> {
        let [first, second] = match &self.told {
            Told::Event(event) => [Some(Entry::of_event(seq, event.clone(), self.line.len())), None],
            Told::Run(ran) => Entry::of_run(seq, ran.clone()).map(Some),
        };
        first.into_iter().chain(second)
    }
}

impl Weigh for Item {
    fn weight(&self) -> usize {
        let told = match &self.told {
            Told::Event(_) => DECODED * self.line.len(),
            Told::Run(ran) => ran.error.as_ref().map_or(0, |error| error.message.len()),
        };
        FRAME + self.line.capacity() + told
    }
}

/// Gathers lines. Its buffer is kept from batch to batch.
pub(crate) struct Segments {
    head: watch::Sender<u64>,
    recent: Arc<Recent>,
    /// Of the batch.
    entries: Vec<Entry>,
    seq: u64,
    /// Of the last row.
    hash: Hash,
    first: u64,
    body: Vec<u8>,
    /// The least and the greatest run in the body.
    runs: Option<([u8; 16], [u8; 16])>,
}

impl Segments {
    pub(crate) fn new(head: watch::Sender<u64>, recent: Arc<Recent>) -> Self {
        let (entries, body) = (Vec::new(), Vec::new());
        Self { head, recent, entries, seq: 0, hash: Hash::default(), first: 1, body, runs: None }
    }

    fn next_segment(&mut self) {
        self.first = self.seq + 1;
        self.body.clear();
        self.runs = None;
    }
}

impl Commit for Segments {
    type Entry = Item;
    type Receipt = u64;

    fn begin(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        // Another process may have written since.
        let head = chain::head(transaction)?;
        (self.seq, self.hash) = (head.seq, head.hash);
        self.entries.clear();
        self.next_segment();
        Ok(())
    }

    fn write(&mut self, transaction: &Transaction<'_>, item: &Item) -> rusqlite::Result<u64> {
        self.entries.extend(item.entries(self.seq + 1));
        self.seq += line::events_in(&item.line);
        self.body.extend_from_slice(&item.line);
        if let Some(run) = item.ran().map(|ran| ran.run.to_bytes()) {
            let (least, greatest) = self.runs.unwrap_or((run, run));
            self.runs = Some((least.min(run), greatest.max(run)));
        }
        let seq = self.seq;
        if self.body.len() >= SEGMENT {
            self.finish(transaction)?;
        }
        Ok(seq)
    }

    fn finish(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        if self.body.is_empty() {
            return Ok(());
        }
        let (least, greatest) = self.runs.unzip();
        let integer = |seq: u64| ValueRef::Integer(seq.cast_signed());
        let cells: Cells<'_> = [
            integer(self.first),
            integer(self.seq),
            least.as_ref().map_or(ValueRef::Null, |run| ValueRef::Blob(run)),
            greatest.as_ref().map_or(ValueRef::Null, |run| ValueRef::Blob(run)),
            ValueRef::Blob(&self.body),
        ];
        let hash = self.hash.link(&cells);
        transaction
            .prepare_cached(
                "INSERT INTO segments (first_seq, last_seq, first_run, last_run, body, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params_from_iter(
                cells.into_iter().chain([ValueRef::Blob(hash.as_bytes())]).map(ToSqlOutput::Borrowed),
            ))?;
        self.hash = hash;
        self.next_segment();
        Ok(())
    }

    fn committed(&mut self) {
        self.recent.extend(self.entries.drain(..));
        self.head.send_replace(self.seq);
    }
}
