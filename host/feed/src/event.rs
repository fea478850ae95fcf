//! An event as clients get it.
//!
//! Contract: one message for all who listen, at most [`LARGEST_MESSAGE`] long; data that would make it longer is left out, and
//! said so. Price: one encoding per event that a client gets, however many do.

use std::sync::OnceLock;

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use skillhost_events::{Entry, Event};
use skillhost_types::{RunId, Timestamp};
use tokio::time::Instant;

/// What an event takes beside its text, in bytes: its decoded data is at most some three times as large as the text.
const FRAME: usize = 512;
const DECODED: usize = 4;

/// Largest message, in bytes. Data is 64 KiB at most when it is written, but what is put in the place of many short secrets
/// may be longer than they were.
const LARGEST_MESSAGE: usize = 128 << 10;

/// An event on its way to listeners, who share it.
#[derive(Debug)]
pub struct FeedEvent {
    entry: Entry,
    /// Number of its kind; none: there were too many kinds to number them all.
    kind: Option<KindId>,
    /// When the hub learned of it.
    noticed: Instant,
    /// Made for the first client that gets it.
    message: OnceLock<Utf8Bytes>,
}

/// Stands for a kind of event: whoever decided on it once need not look at its text again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KindId(pub(crate) u16);

/// The message that a client gets.
#[derive(Serialize)]
#[serde(tag = "type", rename = "event")]
struct EventMessage<'a> {
    payload: &'a Payload<'a>,
}

#[derive(Serialize)]
struct Payload<'a> {
    seq: u64,
    event_type: &'a str,
    source: &'a str,
    task_id: Option<&'a str>,
    agent_id: Option<&'a str>,
    run: Option<RunId>,
    timestamp: Timestamp,
    data: &'a Value,
}

impl Payload<'_> {
    fn message(&self) -> String {
        // What came out of JSON goes back into it.
        serde_json::to_string(&EventMessage { payload: self }).unwrap_or_default()
    }
}

impl FeedEvent {
    pub(crate) fn new(entry: Entry, kind: Option<KindId>, noticed: Instant) -> Self {
        Self { entry, kind, noticed, message: OnceLock::new() }
    }

    /// The event.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    pub(crate) fn seq(&self) -> u64 {
        self.entry.seq()
    }

    pub(crate) fn kind(&self) -> Option<KindId> {
        self.kind
    }

    pub(crate) fn noticed(&self) -> Instant {
        self.noticed
    }

    /// As clients get it.
    pub(crate) fn message(&self) -> &Utf8Bytes {
        self.message.get_or_init(|| message(&self.entry.event()).into())
    }

    /// About what it takes of memory, in bytes.
    pub(crate) fn weight(&self) -> usize {
        FRAME + DECODED * self.entry.size()
    }
}

fn message(event: &Event) -> String {
    let text = |names: [&str; 2]| names.into_iter().find_map(|name| event.data.get(name)?.as_str());
    let mut payload = Payload {
        seq: event.seq,
        event_type: &event.kind,
        source: &event.source,
        task_id: text(["task_id", "task"]),
        agent_id: text(["agent_id", "agent"]),
        run: event.run,
        timestamp: event.at,
        data: &event.data,
    };
    let message = payload.message();
    if message.len() <= LARGEST_MESSAGE {
        return message;
    }
    let omitted = json!({"omitted_bytes": message.len(), "whole": "GET /api/events"});
    payload.data = &omitted;
    payload.message()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(data: Value) -> Value {
        let event = Event {
            seq: 58,
            at: Timestamp(1_768_473_000_000),
            kind: "task.created".into(),
            source: "triage".into(),
            run: None,
            tenant: None,
            data,
        };
        let event = FeedEvent::new(event.into(), None, Instant::now());
        serde_json::from_str(event.message().as_str()).unwrap()
    }

    #[test]
    fn data_that_grew_too_large_is_left_out_and_said_so() {
        let message = message(json!("x".repeat(LARGEST_MESSAGE)));
        assert_eq!(message["payload"]["seq"], 58);
        assert!(message["payload"]["data"]["omitted_bytes"].as_u64().unwrap() > LARGEST_MESSAGE as u64);
    }

    #[test]
    fn a_message_names_task_and_agent_where_the_data_does() {
        let expected = json!({"type": "event", "payload": {
            "seq": 58, "event_type": "task.created", "source": "triage", "task_id": "t-1", "agent_id": "timmy", "run": null,
            "timestamp": "2026-01-15T10:30:00.000Z", "data": {"task_id": "t-1", "agent": "timmy"},
        }});
        assert_eq!(message(json!({"task_id": "t-1", "agent": "timmy"})), expected);
        let bare = message(json!({"task": 7, "agent_id": null}));
        assert_eq!((&bare["payload"]["task_id"], &bare["payload"]["agent_id"]), (&Value::Null, &Value::Null));
        assert_eq!(message(json!("text"))["payload"]["data"], "text");
    }
}
