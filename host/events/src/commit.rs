//! What the writing thread does with a batch: one row of events, one row of runs.

use std::io::Write as _;
use std::sync::Arc;

use rusqlite::Transaction;
use serde::Serialize;
use skillhost_store::{Commit, Weigh};
use skillhost_types::{Caller, Digest, HostCallRecord, LogLine, Output, RunError, RunRecord, Tenant, Timestamp, Usage};
use tokio::sync::watch;

use crate::event::NewEvent;

pub(crate) const MIGRATIONS: &[&str] = &["
CREATE TABLE events (first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE runs (segment INTEGER PRIMARY KEY, first_run BLOB NOT NULL, last_run BLOB NOT NULL, body BLOB NOT NULL);
CREATE INDEX runs_by_last ON runs (last_run, first_run);
"];

/// Body of one row, in bytes, after which the next row begins: a reader decodes whole rows.
const SEGMENT: usize = 1 << 20;

/// Output that a stored record keeps, in bytes of JSON: enough to see what a run gave. The whole of it went
/// to the caller.
const OUTPUT_KEPT: usize = 16 << 10;

/// What is fixed of an entry's weight: names, numbers, the line's frame.
const WEIGHT: usize = 512;

pub(crate) enum Item {
    Event { at: Timestamp, event: NewEvent, length: usize },
    Run { at: Timestamp, record: Arc<RunRecord> },
}

impl Weigh for Item {
    fn weight(&self) -> usize {
        match self {
            Self::Event { length, .. } => WEIGHT + length,
            Self::Run { record, .. } => {
                let log: usize = record.log.iter().map(|line| line.message.len() + 32).sum();
                // An output is shared with the caller; most are small.
                2 * WEIGHT + log + record.calls.len() * 128
            }
        }
    }
}

/// Encodes batches. Its buffers are kept from batch to batch.
pub(crate) struct Segments {
    head: watch::Sender<u64>,
    seq: u64,
    first: u64,
    events: Vec<u8>,
    runs: Vec<u8>,
    /// The least and the greatest run among `runs`.
    range: Option<([u8; 16], [u8; 16])>,
}

impl Segments {
    pub(crate) fn new(head: watch::Sender<u64>) -> Self {
        Self { head, seq: 0, first: 1, events: Vec::new(), runs: Vec::new(), range: None }
    }
}

/// An event as it is written; the reader's type is `Event`.
#[derive(Serialize)]
struct Line<'a, D> {
    seq: u64,
    at: Timestamp,
    kind: &'a str,
    source: &'a str,
    run: Option<skillhost_types::RunId>,
    data: D,
}

#[derive(Serialize)]
struct Called<'a> {
    skill: &'a str,
    tool: &'a str,
    digest: Option<Digest>,
    tenant: &'a Tenant,
    caller: &'a Caller,
}

#[derive(Serialize)]
struct Ended<'a> {
    #[serde(flatten)]
    called: Called<'a>,
    ok: bool,
    error: Option<&'a RunError>,
    usage: Usage,
}

/// A record as it is stored: `RunRecord`'s own form, but for an output that is too large to keep.
#[derive(Serialize)]
struct WithoutOutput<'a> {
    #[serde(flatten)]
    called: Called<'a>,
    run: skillhost_types::RunId,
    started_at: Timestamp,
    ok: bool,
    output: Option<Output>,
    output_omitted: usize,
    error: Option<&'a RunError>,
    usage: Usage,
    log: &'a [LogLine],
    calls: &'a [HostCallRecord],
}

impl Commit for Segments {
    type Entry = Item;
    type Receipt = u64;

    fn begin(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        // Another process may have written since.
        let last: Option<i64> =
            transaction.prepare_cached("SELECT max(last_seq) FROM events")?.query_row([], |row| row.get(0))?;
        self.seq = u64::try_from(last.unwrap_or_default()).unwrap_or_default();
        self.next_segment();
        Ok(())
    }

    fn write(&mut self, transaction: &Transaction<'_>, item: &Item) -> rusqlite::Result<u64> {
        match item {
            Item::Event { at, event, .. } => {
                self.seq += 1;
                let NewEvent { kind, source, run, data } = event;
                append(&mut self.events, &Line { seq: self.seq, at: *at, kind, source, run: *run, data })?;
            }
            Item::Run { at, record } => {
                self.run(*at, record)?;
                let id = record.run.to_bytes();
                let (low, high) = self.range.unwrap_or((id, id));
                self.range = Some((low.min(id), high.max(id)));
            }
        }
        let seq = self.seq;
        if self.events.len() + self.runs.len() >= SEGMENT {
            self.finish(transaction)?;
        }
        Ok(seq)
    }

    fn finish(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        if self.events.is_empty() {
            return Ok(());
        }
        transaction
            .prepare_cached("INSERT INTO events (first_seq, last_seq, body) VALUES (?1, ?2, ?3)")?
            .execute((self.first as i64, self.seq as i64, &self.events))?;
        if let Some((low, high)) = self.range {
            transaction
                .prepare_cached("INSERT INTO runs (segment, first_run, last_run, body) VALUES (?1, ?2, ?3, ?4)")?
                .execute((self.first as i64, low, high, &self.runs))?;
        }
        self.next_segment();
        Ok(())
    }

    fn committed(&mut self) {
        self.head.send_replace(self.seq);
    }
}

impl Segments {
    fn next_segment(&mut self) {
        self.first = self.seq + 1;
        self.events.clear();
        self.runs.clear();
        self.range = None;
    }

    /// `tool.called`, `tool.completed` or `tool.failed`, and the record.
    fn run(&mut self, at: Timestamp, record: &RunRecord) -> rusqlite::Result<()> {
        let called = || Called {
            skill: &record.skill,
            tool: &record.tool,
            digest: record.digest,
            tenant: &record.tenant,
            caller: &record.caller,
        };
        let run = Some(record.run);
        let source = &*record.skill;
        self.seq += 1;
        let began = Line { seq: self.seq, at: record.started_at, kind: "tool.called", source, run, data: called() };
        append(&mut self.events, &began)?;
        self.seq += 1;
        let kind = if record.ok { "tool.completed" } else { "tool.failed" };
        let data = Ended { called: called(), ok: record.ok, error: record.error.as_ref(), usage: record.usage };
        append(&mut self.events, &Line { seq: self.seq, at, kind, source, run, data })?;

        let start = self.runs.len();
        append(&mut self.runs, record)?;
        let length = self.runs.len() - start;
        if length > OUTPUT_KEPT && record.output.is_some() {
            self.runs.truncate(start);
            let smaller = WithoutOutput {
                called: called(),
                run: record.run,
                started_at: record.started_at,
                ok: record.ok,
                output: None,
                output_omitted: length,
                error: record.error.as_ref(),
                usage: record.usage,
                log: &record.log,
                calls: &record.calls,
            };
            append(&mut self.runs, &smaller)?;
        }
        Ok(())
    }
}

fn append(body: &mut Vec<u8>, line: &impl Serialize) -> rusqlite::Result<()> {
    serde_json::to_writer(&mut *body, line)
        .and_then(|()| body.write_all(b"\n").map_err(serde_json::Error::io))
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}
