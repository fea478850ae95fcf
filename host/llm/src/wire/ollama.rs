//! Ollama's own interface: <https://docs.ollama.com/api>.

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{Delta, Vectors, decode, join, messages, nonsense, put, temperature};
use crate::Finish;
use crate::fault::{Fault, refusal};
use crate::request::Prepared;

pub(super) fn chat(model: &str, request: &Prepared<'_>) -> Value {
    let mut options = json!({"num_predict": request.max_tokens});
    put(&mut options, "temperature", temperature(request));
    put(&mut options, "stop", (!request.stop.is_empty()).then(|| request.stop.to_vec()));
    let mut body = json!({"model": model, "messages": messages(request.messages), "stream": true, "options": options});
    put(&mut body, "format", request.schema.as_ref().map(|(schema, _)| schema.clone()));
    body
}

#[derive(Deserialize)]
struct Chunk {
    message: Option<Message>,
    done: Option<bool>,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: String,
    thinking: Option<String>,
}

pub(super) fn delta(frame: &[u8]) -> Result<Delta, Fault> {
    let chunk: Chunk = decode(frame)?;
    if chunk.error.is_some() {
        return Err(refusal(None, frame, None));
    }
    let Some(done) = chunk.done else { return Err(nonsense(&"no `done`")) };
    let mut delta = Delta { end: done, ..Delta::default() };
    if let Some(message) = chunk.message {
        delta.text = message.content;
        delta.thinking = message.thinking.is_some_and(|text| !text.is_empty());
    }
    if done {
        delta.finish = Some(match chunk.done_reason.as_deref() {
            // Older versions give none.
            Some("stop") | None => Finish::Stop,
            Some("length") => Finish::Length,
            Some(_) => Finish::Other,
        });
        (delta.input_tokens, delta.output_tokens) = (chunk.prompt_eval_count, chunk.eval_count);
    }
    Ok(delta)
}

#[derive(Deserialize)]
struct Embedded {
    embeddings: Vec<Vec<f32>>,
    prompt_eval_count: Option<u64>,
}

pub(super) fn vectors(body: &[u8]) -> Result<Vectors, Fault> {
    let answer: Embedded = decode(body)?;
    Ok(Vectors { vectors: answer.embeddings, input_tokens: answer.prompt_eval_count })
}

/// A model that is on the machine.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Installed {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) details: Details,
}

/// What Ollama says of a model.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct Details {
    #[serde(default)]
    pub(crate) family: String,
}

/// Where the list of installed models is.
pub(crate) fn tags_url(base: &Url) -> Url {
    join(base, &["api", "tags"])
}

/// Reads the list of installed models.
pub(crate) fn tags(body: &[u8]) -> Result<Vec<Installed>, Fault> {
    #[derive(Deserialize)]
    struct Tags {
        models: Vec<Installed>,
    }
    Ok(decode::<Tags>(body)?.models)
}
