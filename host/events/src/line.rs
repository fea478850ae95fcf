//! One line of the log: an event, or a run, which is two events and a record in one.
//!
//! Contract: a line is a letter and a JSON document, so a file of the log can be read without this program; positions are
//! not in it but follow from its place. Price: about a microsecond for whoever writes a run, on the caller's own thread.

use std::borrow::Cow;
use std::io::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use skillhost_types::{
    Caller, Digest, HostCallRecord, LogLine, Output, RunError, RunId, RunRecord, Tenant, Timestamp, Usage,
};

use crate::EventError;
use crate::entry::{Entry, Ran};
use crate::event::{Event, NewEvent};

/// Output that a stored record keeps, in bytes of JSON: enough to see what a run gave. The whole of it went
/// to the caller.
const OUTPUT_KEPT: usize = 16 << 10;

/// Room that a line takes at first, in bytes: most lines of runs are shorter.
const USUAL: usize = 1 << 10;

/// Error text that a stored record keeps, in bytes. The caller got the whole of it.
const ERROR_KEPT: usize = 4 << 10;

const EVENT: u8 = b'E';
const RUN: u8 = b'R';

/// An event as its line holds it.
#[derive(Serialize, Deserialize)]
struct EventLine<S, D> {
    at: Timestamp,
    kind: S,
    source: S,
    run: Option<RunId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<Tenant>,
    data: D,
}

/// A run as its line holds it: a record without what goes without saying, since a host writes tens of thousands a second.
#[derive(Serialize, Deserialize)]
struct RunLine<'a> {
    /// In milliseconds since the Unix epoch, as all times of a line.
    started_at: u64,
    ended_at: u64,
    run: RunId,
    skill: Cow<'a, str>,
    tool: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    #[serde(default, skip_serializing_if = "is_default")]
    tenant: Cow<'a, Tenant>,
    caller: Cow<'a, Caller>,
    ok: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<Cow<'a, Output>>,
    /// How long the output was that is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output_omitted: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'a, RunError>>,
    /// See [`Usage::figures`].
    usage: [u64; 8],
    #[serde(default, skip_serializing_if = "is_empty")]
    log: Cow<'a, [LogLine]>,
    #[serde(default, skip_serializing_if = "is_empty")]
    calls: Cow<'a, [HostCallRecord]>,
}

fn is_default(tenant: &Tenant) -> bool {
    *tenant == Tenant::default()
}

fn is_empty<T>(list: &[T]) -> bool {
    list.is_empty()
}

impl<'a> RunLine<'a> {
    fn new(ended_at: Timestamp, record: &'a RunRecord) -> Self {
        Self {
            started_at: record.started_at.0,
            ended_at: ended_at.0,
            run: record.run,
            skill: Cow::Borrowed(&record.skill),
            tool: Cow::Borrowed(&record.tool),
            digest: record.digest,
            tenant: Cow::Borrowed(&record.tenant),
            caller: Cow::Borrowed(&record.caller),
            ok: record.ok,
            output: record.output.as_deref().map(Cow::Borrowed),
            output_omitted: None,
            error: record.error.as_ref().map(kept),
            usage: record.usage.figures(),
            log: Cow::Borrowed(&record.log),
            calls: Cow::Borrowed(&record.calls),
        }
    }

    fn into_record(self) -> RunRecord {
        RunRecord {
            run: self.run,
            skill: self.skill.into(),
            tool: self.tool.into(),
            digest: self.digest,
            tenant: self.tenant.into_owned(),
            caller: self.caller.into_owned(),
            started_at: Timestamp(self.started_at),
            ok: self.ok,
            output: self.output.map(|output| Arc::new(output.into_owned())),
            error: self.error.map(Cow::into_owned),
            usage: Usage::from_figures(self.usage),
            log: self.log.into_owned(),
            calls: self.calls.into_owned(),
        }
    }
}

/// What a run's events tell, of the same line.
#[derive(Deserialize)]
struct RanLine {
    started_at: u64,
    ended_at: u64,
    run: RunId,
    skill: Arc<str>,
    tool: Arc<str>,
    #[serde(default)]
    digest: Option<Digest>,
    #[serde(default)]
    tenant: Tenant,
    caller: Caller,
    ok: bool,
    #[serde(default)]
    error: Option<RunError>,
    usage: [u64; 8],
}

impl RanLine {
    fn into_ran(self) -> Ran {
        let Self { started_at, ended_at, run, skill, tool, digest, tenant, caller, ok, error, usage } = self;
        let (started_at, ended_at) = (Timestamp(started_at), Timestamp(ended_at));
        let usage = Usage::from_figures(usage);
        Ran { run, skill, tool, digest, tenant, caller, started_at, ended_at, ok, error, usage }
    }
}

/// An error as the log keeps it.
pub(crate) fn kept(error: &RunError) -> Cow<'_, RunError> {
    if error.message.len() <= ERROR_KEPT {
        return Cow::Borrowed(error);
    }
    let end = error.message.floor_char_boundary(ERROR_KEPT);
    let message = format!("{}…", error.message.get(..end).unwrap_or_default());
    Cow::Owned(RunError { message, ..error.clone() })
}

/// Encodes an event.
pub(crate) fn of_event(at: Timestamp, event: &NewEvent) -> Result<Vec<u8>, EventError> {
    let NewEvent { kind, source, run, tenant, data } = event;
    let tenant = tenant.clone();
    encode(EVENT, &EventLine { at, kind: kind.as_str(), source: &**source, run: *run, tenant, data })
}

/// Encodes a run that ended now.
pub(crate) fn of_run(ended_at: Timestamp, record: &RunRecord) -> Result<Vec<u8>, EventError> {
    let mut document = RunLine::new(ended_at, record);
    let line = encode(RUN, &document)?;
    if line.len() <= OUTPUT_KEPT {
        return Ok(line);
    }
    // The rest of a line is bounded elsewhere: the log, the calls.
    let output = record.output.as_deref().and_then(|output| serde_json::to_vec(output).ok());
    match output.map_or(0, |output| output.len()) {
        length if length > OUTPUT_KEPT => {
            document.output = None;
            document.output_omitted = Some(length);
            encode(RUN, &document)
        }
        _ => Ok(line),
    }
}

fn encode(letter: u8, document: &impl Serialize) -> Result<Vec<u8>, EventError> {
    let mut line = Vec::with_capacity(USUAL);
    line.push(letter);
    serde_json::to_writer(&mut line, document)
        .and_then(|()| line.write_all(b"\n").map_err(serde_json::Error::io))
        .map_err(|error| EventError::Invalid(format!("it cannot be written as JSON: {error}")))?;
    Ok(line)
}

/// How many events a line stands for.
pub(crate) fn events_in(line: &[u8]) -> u64 {
    if line.first() == Some(&RUN) { 2 } else { 1 }
}

/// The lines of a body whose first event is at `first`, each with the position of its own first event.
fn lines(first: u64, body: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut seq = first;
    body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(move |line| {
        let own = seq;
        seq += events_in(line);
        (own, line)
    })
}

/// The events of a body. A line that does not decode was not written by us, and is left out.
pub(crate) fn entries(first: u64, body: &[u8]) -> impl Iterator<Item = Entry> {
    lines(first, body).flat_map(|(seq, line)| {
        let entries = match line.split_first() {
            Some((&RUN, document)) => {
                let ran = serde_json::from_slice(document).ok().map(RanLine::into_ran);
                ran.map(|ran| Entry::of_run(seq, ran.into())).map(|[called, ended]| [Some(called), Some(ended)])
            }
            Some((&EVENT, document)) => {
                let event = serde_json::from_slice(document).ok();
                event.map(|EventLine { at, kind, source, run, tenant, data }| {
                    [Some(Entry::new(Event { seq, at, kind, source, run, tenant, data }, document.len())), None]
                })
            }
            _ => None,
        };
        entries.into_iter().flatten().flatten()
    })
}

/// The same, decoded.
pub(crate) fn events(first: u64, body: &[u8]) -> impl Iterator<Item = Event> {
    entries(first, body).map(Event::from)
}

/// The records of a body whose first event is at `first`, in log order, each with the position of its own first event.
pub(crate) fn runs(first: u64, body: &[u8]) -> impl Iterator<Item = (u64, RunRecord)> {
    lines(first, body).filter_map(|(seq, line)| {
        let document = line.strip_prefix(&[RUN])?;
        serde_json::from_slice(document).ok().map(|line: RunLine<'_>| (seq, line.into_record()))
    })
}
