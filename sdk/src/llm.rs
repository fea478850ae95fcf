//! Language-model calls, served by the first healthy provider of the host's cascade.
//!
//! Contract: what a call uses is counted against this run's tokens. Needs a grant of `llm.complete` or `llm.embed` for
//! the model in question.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{HostError, backend, json, schema};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Whoever sets the task.
    System,
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What.
    pub content: String,
}

/// What is asked of a model.
///
/// ```no_run
/// use skillhost_sdk::llm::{self, Request};
///
/// let request = Request::new().system("Answer in one word.").user("What is the capital of France?").max_tokens(10);
/// let answer = llm::complete(&request)?.text;
/// # Ok::<(), skillhost_sdk::HostError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// The conversation so far.
    pub messages: Vec<Turn>,
    /// A model name or an alias of the configuration; none: the default.
    pub model: Option<String>,
    /// Length of the answer at the most.
    pub max_tokens: Option<u32>,
    /// 0: always the likeliest answer.
    pub temperature: Option<f32>,
    /// Texts at which the answer ends.
    pub stop: Vec<String>,
    /// JSON Schema that the answer must fit, where a provider can enforce it.
    pub output_schema: Option<String>,
}

impl Request {
    /// An empty conversation with the default model.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the task.
    pub fn system(self, content: impl Into<String>) -> Self {
        self.turn(Role::System, content.into())
    }

    /// Asks.
    pub fn user(self, content: impl Into<String>) -> Self {
        self.turn(Role::User, content.into())
    }

    /// What the model said before.
    pub fn assistant(self, content: impl Into<String>) -> Self {
        self.turn(Role::Assistant, content.into())
    }

    fn turn(mut self, role: Role, content: String) -> Self {
        self.messages.push(Turn { role, content });
        self
    }

    /// Chooses a model or an alias of the configuration.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Bounds the answer.
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = Some(tokens);
        self
    }

    /// Sets the temperature.
    pub fn temperature(mut self, temperature: f32) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Ends the answer at `text`.
    pub fn stop(mut self, text: impl Into<String>) -> Self {
        self.stop.push(text.into());
        self
    }

    /// Asks for an answer of type `T`, as JSON.
    pub fn answer_as<T: JsonSchema>(mut self) -> Self {
        self.output_schema = Some(schema::of_answer::<T>());
        self
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// It was complete.
    Stop,
    /// It was as long as it might be.
    Length,
    /// The provider held something back.
    Filtered,
    /// Something else.
    Other,
}

/// What an answer took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What the model said.
    pub text: String,
    /// Who answered.
    pub provider: String,
    /// Which model it was.
    pub model: String,
    /// True if it was not the first choice that answered.
    pub is_fallback: bool,
    /// Why it ended.
    pub finish: FinishReason,
    /// What it took.
    pub usage: Usage,
}

/// Asks and waits for the whole answer.
pub fn complete(request: &Request) -> Result<Completion, HostError> {
    backend::complete(request)
}

/// Asks for an answer of type `T`. Errors: [`HostError::Invalid`] if the model answered something else.
pub fn complete_as<T: JsonSchema + DeserializeOwned>(request: Request) -> Result<T, HostError> {
    let answer = complete(&request.answer_as::<T>())?;
    json::decode(&answer.text)
        .map_err(|error| HostError::Invalid(format!("`{}` answered something else: {error}", answer.model)))
}

/// Asks and gives the answer piece by piece. Providers are switched only before the first piece.
pub fn stream(request: &Request) -> Result<Stream, HostError> {
    backend::stream(request).map(Stream)
}

/// An answer on its way: an iterator over its pieces. Dropping it gives the rest of the answer up.
pub struct Stream(backend::Stream);

impl Stream {
    /// The whole answer with its usage; reads what is left.
    pub fn finish(self) -> Result<Completion, HostError> {
        self.0.finish()
    }
}

impl Iterator for Stream {
    type Item = Result<String, HostError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().transpose()
    }
}

/// One vector per input, all of one length.
pub fn embed<S: AsRef<str>>(inputs: &[S], model: Option<&str>) -> Result<Vec<Vec<f32>>, HostError> {
    let inputs: Vec<String> = inputs.iter().map(|input| input.as_ref().to_owned()).collect();
    backend::embed(&inputs, model)
}
