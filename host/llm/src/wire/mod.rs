//! What providers speak: requests made, pieces of answers read.
//!
//! Contract: every dialect gives the same [`Delta`]s, and a piece that is none of its own is [`ErrorKind::Nonsense`].
//! Dialects keep no state; bounds and waits are the transport's. Why they are written here says
//! `host/decisions/dialects-of-our-own.md`.
//!
//! [`ErrorKind::Nonsense`]: crate::ErrorKind::Nonsense

mod anthropic;
mod gemini;
mod ollama;
mod openai;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

pub(crate) use self::ollama::{Installed, tags, tags_url};
use crate::fault::{ErrorKind, Fault};
use crate::request::{Message, Prepared};
use crate::transport::Call;
use crate::{Finish, Kind};

/// A piece of an answer.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Delta {
    pub(crate) text: String,
    /// The model is at work, though not on the text.
    pub(crate) thinking: bool,
    pub(crate) finish: Option<Finish>,
    /// The counts so far.
    pub(crate) input_tokens: Option<u64>,
    pub(crate) output_tokens: Option<u64>,
    /// Nothing follows.
    pub(crate) end: bool,
}

/// Where a provider is, and its key.
pub(crate) struct Place<'a> {
    pub(crate) kind: Kind,
    pub(crate) base: &'a Url,
    pub(crate) key: Option<&'a SecretString>,
}

impl Place<'_> {
    /// The request for a completion, piece by piece.
    pub(crate) fn chat(&self, model: &str, request: &Prepared<'_>) -> Result<Call, Fault> {
        match self.kind {
            Kind::Ollama => self.call(&["api", "chat"], &ollama::chat(model, request)),
            Kind::OpenAi => self.call(&["chat", "completions"], &openai::chat(model, request)),
            Kind::Anthropic => self.call(&["messages"], &anthropic::chat(model, request)),
            Kind::Gemini => {
                let action = format!("{model}:streamGenerateContent");
                let mut call = self.call(&["models", &action], &gemini::chat(request))?;
                call.url.set_query(Some("alt=sse"));
                Ok(call)
            }
        }
    }

    /// The request for vectors.
    pub(crate) fn embed(&self, model: &str, inputs: &[String]) -> Result<Call, Fault> {
        match self.kind {
            Kind::Ollama => self.call(&["api", "embed"], &json!({"model": model, "input": inputs, "truncate": false})),
            Kind::OpenAi => {
                self.call(&["embeddings"], &json!({"model": model, "input": inputs, "encoding_format": "float"}))
            }
            Kind::Gemini => {
                let action = format!("{model}:batchEmbedContents");
                self.call(&["models", &action], &gemini::embed(model, inputs))
            }
            Kind::Anthropic => Err(Fault::new(ErrorKind::Unsupported, "Anthropic has no embeddings")),
        }
    }

    fn call(&self, path: &[&str], body: &Value) -> Result<Call, Fault> {
        let headers = self.headers()?;
        Ok(Call { url: join(self.base, path), headers, body: body.to_string().into_bytes() })
    }

    fn headers(&self) -> Result<HeaderMap, Fault> {
        let mut headers = HeaderMap::new();
        if self.kind == Kind::Anthropic {
            headers.insert("anthropic-version", HeaderValue::from_static(anthropic::VERSION));
        }
        if let Some(key) = self.key {
            let (name, value) = match self.kind {
                Kind::Ollama | Kind::OpenAi => ("authorization", format!("Bearer {}", key.expose_secret())),
                Kind::Anthropic => ("x-api-key", key.expose_secret().to_owned()),
                Kind::Gemini => ("x-goog-api-key", key.expose_secret().to_owned()),
            };
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| Fault::new(ErrorKind::NoKey, "the key has characters that no header can have"))?;
            // Keeps it out of every `Debug` and out of HTTP/2's compression.
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(headers)
    }
}

/// Reads a piece of a completion.
pub(crate) fn delta(kind: Kind, frame: &[u8]) -> Result<Delta, Fault> {
    match kind {
        Kind::Ollama => ollama::delta(frame),
        Kind::OpenAi => openai::delta(frame),
        Kind::Anthropic => anthropic::delta(frame),
        Kind::Gemini => gemini::delta(frame),
    }
}

/// Vectors, and the tokens that they took where the provider says so.
#[derive(Debug, PartialEq)]
pub(crate) struct Vectors {
    pub(crate) vectors: Vec<Vec<f32>>,
    pub(crate) input_tokens: Option<u64>,
}

/// Reads the answer to a request for vectors.
pub(crate) fn vectors(kind: Kind, body: &[u8]) -> Result<Vectors, Fault> {
    match kind {
        Kind::Ollama => ollama::vectors(body),
        Kind::OpenAi | Kind::Anthropic => openai::vectors(body),
        Kind::Gemini => gemini::vectors(body),
    }
}

pub(crate) fn join(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    // An address with a host has a path; see `config::parse_address`.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|error| nonsense(&error))
}

/// Without the bytes: they may be anything.
fn nonsense(error: &dyn std::fmt::Display) -> Fault {
    Fault::new(ErrorKind::Nonsense, format!("the answer is not what this kind of provider says: {error}"))
}

/// Messages as three of the four have them.
fn messages<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Vec<Value> {
    messages.into_iter().map(|one| json!({"role": one.role.name(), "content": one.content})).collect()
}

/// Puts what is there into a JSON object.
fn put(object: &mut Value, key: &str, value: Option<impl Into<Value>>) {
    if let (Value::Object(fields), Some(value)) = (object, value) {
        fields.insert(key.to_owned(), value.into());
    }
}

/// The temperature as it was written: a 32-bit 0.7 is 0.699999988079071 in JSON.
fn temperature(request: &Prepared<'_>) -> Option<Value> {
    let degree = request.temperature?;
    serde_json::from_str(&degree.to_string()).ok()
}
