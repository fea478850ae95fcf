//! An event as those who follow the log hear of it.
//!
//! Contract: says what [`EventLog::read`](crate::EventLog::read) gives for its position. Price: a run is decoded once, for both of
//! its events, and its data becomes JSON only for who asks: a host runs thousands of tools a second, whose events
//! are all counted and hardly ever looked at.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Value, json};
use skillhost_types::{Caller, Digest, RunError, RunId, RunRecord, Tenant, Timestamp, Usage};

use crate::event::Event;
use crate::line;

/// What a run's event takes at the most beside the text of its error, in bytes of JSON: its names are short.
const RUN_SIZE: usize = 1 << 10;

/// One event of the log. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Entry {
    seq: u64,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Event {
        /// Its position may be another one than the entry's, which counts.
        event: Arc<Event>,
        /// Of its line, in bytes.
        size: usize,
    },
    Called(Arc<Ran>),
    Ended(Arc<Ran>),
}

/// A run that ended, as far as its events tell.
#[derive(Debug)]
#[expect(missing_docs, reason = "as in the record of the run")]
pub struct Ran {
    pub run: RunId,
    pub skill: Arc<str>,
    pub tool: Arc<str>,
    pub digest: Option<Digest>,
    pub tenant: Tenant,
    pub caller: Caller,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub ok: bool,
    pub error: Option<RunError>,
    pub usage: Usage,
}

impl Ran {
    /// What the events of a run tell that ended at `ended_at`.
    pub(crate) fn new(ended_at: Timestamp, record: &RunRecord) -> Self {
        Self {
            run: record.run,
            skill: record.skill.clone(),
            tool: record.tool.clone(),
            digest: record.digest,
            tenant: record.tenant.clone(),
            caller: record.caller.clone(),
            started_at: record.started_at,
            ended_at,
            ok: record.ok,
            error: record.error.as_ref().map(|error| line::kept(error).into_owned()),
            usage: record.usage,
        }
    }

    fn kind(&self) -> &'static str {
        if self.ok { "tool.completed" } else { "tool.failed" }
    }

    fn called(&self) -> Value {
        let Self { skill, tool, digest, tenant, caller, .. } = self;
        json!({"skill": skill, "tool": tool, "digest": digest, "tenant": tenant, "caller": caller})
    }

    fn ended(&self) -> Value {
        let mut data = self.called();
        if let Value::Object(fields) = &mut data {
            fields.insert("ok".into(), json!(self.ok));
            fields.insert("error".into(), json!(self.error));
            fields.insert("usage".into(), json!(self.usage));
        }
        data
    }

    fn event(&self, seq: u64, at: Timestamp, kind: &str, data: Value) -> Event {
        Event {
            seq,
            at,
            kind: kind.to_owned(),
            source: self.skill.to_string(),
            run: Some(self.run),
            tenant: Some(self.tenant.clone()),
            data,
        }
    }
}

impl Entry {
    pub(crate) fn new(event: Event, size: usize) -> Self {
        Self::of_event(event.seq, event.into(), size)
    }

    /// `event` at `seq`.
    pub(crate) fn of_event(seq: u64, event: Arc<Event>, size: usize) -> Self {
        Self { seq, what: What::Event { event, size } }
    }

    /// `tool.called` at `seq`, and behind it `tool.completed` or `tool.failed`.
    pub(crate) fn of_run(seq: u64, ran: Arc<Ran>) -> [Self; 2] {
        [Self { seq, what: What::Called(ran.clone()) }, Self { seq: seq + 1, what: What::Ended(ran) }]
    }

    /// Position in the log.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Dotted kind.
    pub fn kind(&self) -> &str {
        match &self.what {
            What::Event { event, .. } => &event.kind,
            What::Called(_) => "tool.called",
            What::Ended(ran) => ran.kind(),
        }
    }

    /// May somebody of `tenant` see it? As [`Event::is_seen_by`].
    pub fn is_seen_by(&self, tenant: Option<&Tenant>) -> bool {
        match &self.what {
            What::Event { event, .. } => event.is_seen_by(tenant),
            What::Called(ran) | What::Ended(ran) => tenant.is_none_or(|viewer| *viewer == ran.tenant),
        }
    }

    /// The run whose end this is.
    pub fn ended(&self) -> Option<&Ran> {
        match &self.what {
            What::Ended(ran) => Some(ran),
            What::Event { .. } | What::Called(_) => None,
        }
    }

    /// About how long its JSON is, in bytes.
    pub fn size(&self) -> usize {
        match &self.what {
            What::Event { size, .. } => *size,
            What::Called(_) => RUN_SIZE,
            What::Ended(ran) => RUN_SIZE + ran.error.as_ref().map_or(0, |error| error.message.len()),
        }
    }

    /// All of it.
    pub fn event(&self) -> Cow<'_, Event> {
        match &self.what {
            What::Event { event, .. } if event.seq == self.seq => Cow::Borrowed(event),
            What::Event { event, .. } => Cow::Owned(Event { seq: self.seq, ..(**event).clone() }),
            What::Called(ran) => Cow::Owned(ran.event(self.seq, ran.started_at, self.kind(), ran.called())),
            What::Ended(ran) => Cow::Owned(ran.event(self.seq, ran.ended_at, self.kind(), ran.ended())),
        }
    }
}

impl From<Event> for Entry {
    fn from(event: Event) -> Self {
        let size = serde_json::to_string(&event.data).map_or(0, |data| data.len());
        Self::new(event, size)
    }
}

impl From<Entry> for Event {
    fn from(entry: Entry) -> Self {
        match entry.what {
            What::Event { event, .. } => Self { seq: entry.seq, ..Arc::unwrap_or_clone(event) },
            _ => entry.event().into_owned(),
        }
    }
}
