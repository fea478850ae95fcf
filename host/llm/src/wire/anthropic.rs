//! Anthropic's messages: <https://docs.anthropic.com/en/api/messages>.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Delta, decode, messages, put, temperature};
use crate::Finish;
use crate::fault::{Fault, refusal};
use crate::request::{Prepared, Role};

/// The interface's version, in every request.
pub(super) const VERSION: &str = "2023-06-01";

pub(super) fn chat(model: &str, request: &Prepared<'_>) -> Value {
    let said = request.messages.iter().filter(|message| message.role != Role::System);
    let mut body =
        json!({"model": model, "messages": messages(said), "stream": true, "max_tokens": request.max_tokens});
    let instructions = request.messages.iter().filter(|message| message.role == Role::System);
    let mut system: Vec<String> = instructions.map(|message| message.content.clone()).collect();
    // Only newer models take a schema; all of them follow one that is told, and the host checks.
    system.extend(request.schema.as_ref().map(|(schema, _)| {
        format!("Answer with a single JSON document and nothing else. It must fit this JSON Schema: {schema}")
    }));
    put(&mut body, "system", (!system.is_empty()).then(|| system.join("\n\n")));
    // Here the scale ends at 1.
    let degree = temperature(request).filter(|_| request.temperature.is_some_and(|degree| degree <= 1.0));
    put(&mut body, "temperature", degree.or(request.temperature.map(|_| Value::from(1))));
    put(&mut body, "stop_sequences", (!request.stop.is_empty()).then(|| request.stop.to_vec()));
    body
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Start,
    },
    ContentBlockStart,
    ContentBlockDelta {
        delta: Piece,
    },
    ContentBlockStop,
    MessageDelta {
        delta: Stop,
        usage: Option<Counts>,
    },
    MessageStop,
    Ping,
    Error,
    /// An answer that comes whole.
    Message {
        content: Vec<Block>,
        stop_reason: Option<String>,
        usage: Option<Counts>,
    },
    /// New kinds of events may come at any time.
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct Start {
    usage: Option<Counts>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Piece {
    TextDelta {
        text: String,
    },
    ThinkingDelta,
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct Block {
    text: Option<String>,
}

#[derive(Deserialize)]
struct Stop {
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct Counts {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

impl Counts {
    /// What came from a cache was sent as well.
    fn input(&self) -> Option<u64> {
        let cached =
            self.cache_creation_input_tokens.unwrap_or(0).saturating_add(self.cache_read_input_tokens.unwrap_or(0));
        self.input_tokens.map(|tokens| tokens.saturating_add(cached))
    }
}

fn finish(reason: &str) -> Finish {
    match reason {
        "end_turn" | "stop_sequence" => Finish::Stop,
        "max_tokens" => Finish::Length,
        "refusal" => Finish::Filtered,
        _ => Finish::Other,
    }
}

pub(super) fn delta(frame: &[u8]) -> Result<Delta, Fault> {
    let nothing = Delta::default();
    Ok(match decode(frame)? {
        Event::MessageStart { message } => {
            Delta { input_tokens: message.usage.and_then(|usage| usage.input()), ..nothing }
        }
        Event::ContentBlockDelta { delta: Piece::TextDelta { text } } => Delta { text, ..nothing },
        Event::ContentBlockDelta { .. } => Delta { thinking: true, ..nothing },
        Event::MessageDelta { delta, usage } => Delta {
            finish: delta.stop_reason.as_deref().map(finish),
            input_tokens: usage.as_ref().and_then(Counts::input),
            output_tokens: usage.and_then(|usage| usage.output_tokens),
            ..nothing
        },
        Event::MessageStop => Delta { end: true, ..nothing },
        Event::Error => return Err(refusal(None, frame, None)),
        Event::Message { content, stop_reason, usage } => Delta {
            text: content.into_iter().filter_map(|block| block.text).collect(),
            finish: Some(stop_reason.as_deref().map_or(Finish::Other, finish)),
            input_tokens: usage.as_ref().and_then(Counts::input),
            output_tokens: usage.and_then(|usage| usage.output_tokens),
            end: true,
            ..nothing
        },
        Event::ContentBlockStart | Event::ContentBlockStop | Event::Ping | Event::Unknown => nothing,
    })
}
