//! OpenAI's chat completions: <https://platform.openai.com/docs/api-reference/chat>.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Delta, Vectors, decode, messages, nonsense, put, temperature};
use crate::Finish;
use crate::fault::{Fault, refusal};
use crate::request::Prepared;
use crate::schema::is_strict;

/// Families that think, and name the most tokens otherwise; compatible servers know only the older name.
const THINKERS: [&str; 6] = ["gpt-5", "gpt-6", "o1", "o3", "o4", "o5"];

pub(super) fn chat(model: &str, request: &Prepared<'_>) -> Value {
    let limit =
        if THINKERS.iter().any(|name| model.starts_with(name)) { "max_completion_tokens" } else { "max_tokens" };
    let mut body = json!({
        "model": model,
        "messages": messages(request.messages),
        "stream": true,
        "stream_options": {"include_usage": true},
        limit: request.max_tokens,
    });
    put(&mut body, "temperature", temperature(request));
    put(&mut body, "stop", (!request.stop.is_empty()).then(|| request.stop.to_vec()));
    let format = request.schema.as_ref().map(|(schema, _)| {
        json!({"type": "json_schema", "json_schema": {"name": "output", "strict": is_strict(schema), "schema": schema}})
    });
    put(&mut body, "response_format", format);
    body
}

#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<Counts>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    /// An answer that comes whole has a message.
    #[serde(alias = "message", default)]
    delta: Body,
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Body {
    content: Option<String>,
    refusal: Option<String>,
    #[serde(alias = "reasoning")]
    reasoning_content: Option<String>,
}

#[derive(Deserialize)]
struct Counts {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

pub(super) fn delta(frame: &[u8]) -> Result<Delta, Fault> {
    if frame.trim_ascii() == b"[DONE]" {
        return Ok(Delta { end: true, ..Delta::default() });
    }
    let chunk: Chunk = decode(frame)?;
    if chunk.error.is_some_and(|error| !error.is_null()) {
        return Err(refusal(None, frame, None));
    }
    if chunk.choices.is_none() && chunk.usage.is_none() {
        return Err(nonsense(&"no `choices`"));
    }
    let mut delta = Delta::default();
    if let Some(usage) = chunk.usage {
        (delta.input_tokens, delta.output_tokens) = (usage.prompt_tokens, usage.completion_tokens);
    }
    if let Some(choice) = chunk.choices.unwrap_or_default().into_iter().next() {
        let Body { content, refusal, reasoning_content } = choice.delta;
        delta.thinking = reasoning_content.is_some_and(|text| !text.is_empty());
        delta.text = content.or(refusal).unwrap_or_default();
        delta.finish = choice.finish_reason.map(|reason| match reason.as_str() {
            "stop" => Finish::Stop,
            "length" => Finish::Length,
            "content_filter" => Finish::Filtered,
            _ => Finish::Other,
        });
    }
    Ok(delta)
}

#[derive(Deserialize)]
struct Embedded {
    data: Vec<Vector>,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Vector {
    index: usize,
    embedding: Vec<f32>,
}

pub(super) fn vectors(body: &[u8]) -> Result<Vectors, Fault> {
    let mut answer: Embedded = decode(body)?;
    answer.data.sort_by_key(|vector| vector.index);
    Ok(Vectors {
        vectors: answer.data.into_iter().map(|vector| vector.embedding).collect(),
        input_tokens: answer.usage.and_then(|usage| usage.prompt_tokens),
    })
}
