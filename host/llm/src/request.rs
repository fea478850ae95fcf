//! What is asked, checked before anybody is asked.
//!
//! Contract: a [`Prepared`] request keeps every bound of `limits`. Price: its texts are looked at once, not copied.

use serde_json::Value;

use crate::LlmError;
use crate::limits::{
    BYTES_PER_TOKEN, DEFAULT_OUTPUT_TOKENS, MAX_MESSAGES, MAX_MODEL, MAX_OUTPUT_TOKENS, MAX_REQUEST, MAX_SCHEMA,
    MAX_STOP, MAX_STOPS, TOKENS_PER_MESSAGE,
};
use crate::schema::{Check, CompileSchema};

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The instructions.
    System,
    /// Who asks.
    User,
    /// The model.
    Assistant,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Whose.
    pub role: Role,
    /// Its text.
    pub content: String,
}

/// A request, as the interface of skills has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// The conversation.
    pub messages: Vec<Message>,
    /// An alias, `provider/model`, or a model's bare name; none: the default.
    pub model: Option<String>,
    /// Most tokens of the answer.
    pub max_tokens: Option<u32>,
    /// How freely words are chosen: 0 to 2.
    pub temperature: Option<f32>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// The JSON Schema that the answer must fit.
    pub output_schema: Option<String>,
}

/// A request within its bounds.
pub(crate) struct Prepared<'a> {
    pub(crate) messages: &'a [Message],
    pub(crate) max_tokens: u32,
    pub(crate) temperature: Option<f32>,
    pub(crate) stop: &'a [String],
    pub(crate) schema: Option<(Value, Check)>,
    /// Estimated, rather too many than too few.
    pub(crate) input_tokens: u64,
}

impl<'a> Prepared<'a> {
    pub(crate) fn new(request: &'a Request, compile: &CompileSchema) -> Result<Self, LlmError> {
        let invalid = |message: String| Err(LlmError::Invalid(message));
        if request.messages.is_empty() {
            return invalid("a request needs at least one message".to_owned());
        }
        if request.messages.len() > MAX_MESSAGES {
            return invalid(format!(
                "the request has {} messages; the limit is {MAX_MESSAGES}: leave out or sum up the oldest",
                request.messages.len()
            ));
        }
        let bytes: usize = request.messages.iter().map(|message| message.content.len()).sum();
        if bytes > MAX_REQUEST {
            return invalid(format!("the messages are {bytes} bytes long; the limit is {MAX_REQUEST}: shorten them"));
        }
        if request.max_tokens.is_some_and(|tokens| tokens == 0 || tokens > MAX_OUTPUT_TOKENS) {
            return invalid(format!("`max-tokens` is from 1 to {MAX_OUTPUT_TOKENS}"));
        }
        if request.temperature.is_some_and(|degree| !(0.0..=2.0).contains(&degree)) {
            return invalid("`temperature` is from 0 to 2".to_owned());
        }
        if request.stop.len() > MAX_STOPS || request.stop.iter().any(|text| text.is_empty() || text.len() > MAX_STOP) {
            return invalid(format!("`stop` holds at most {MAX_STOPS} texts of 1 to {MAX_STOP} bytes"));
        }
        let schema = match &request.output_schema {
            Some(text) if text.len() > MAX_SCHEMA => {
                return invalid(format!("`output-schema` is {} bytes long; the limit is {MAX_SCHEMA}", text.len()));
            }
            Some(text) => {
                let schema: Value = serde_json::from_str(text)
                    .map_err(|error| LlmError::Invalid(format!("`output-schema` is no JSON: {error}")))?;
                let check = compile(text)
                    .map_err(|reason| LlmError::Invalid(format!("`output-schema` is no schema: {reason}")))?;
                Some((schema, check))
            }
            None => None,
        };
        let schema_bytes = request.output_schema.as_ref().map_or(0, String::len);
        Ok(Self {
            messages: &request.messages,
            max_tokens: request.max_tokens.unwrap_or(DEFAULT_OUTPUT_TOKENS),
            temperature: request.temperature,
            stop: &request.stop,
            schema,
            input_tokens: tokens(bytes + schema_bytes)
                + TOKENS_PER_MESSAGE * u64::try_from(request.messages.len()).unwrap_or(u64::MAX),
        })
    }
}

impl Prepared<'_> {
    pub(crate) fn check(&self) -> Option<&Check> {
        self.schema.as_ref().map(|(_, check)| check)
    }
}

/// Tokens that a text of so many bytes may be.
pub(crate) fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX).div_ceil(BYTES_PER_TOKEN)
}

/// Whether a model's name can be one.
pub(crate) fn check_model(model: Option<&str>) -> Result<(), LlmError> {
    match model {
        Some(name) if name.is_empty() || name.len() > MAX_MODEL || name.chars().any(char::is_control) => {
            Err(LlmError::Invalid(format!("a model's name has 1 to {MAX_MODEL} bytes and no control characters")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    fn compile(_: &str) -> Result<Check, String> {
        Ok(Box::new(|_| Ok(())))
    }

    fn asking(text: &str) -> Request {
        Request { messages: vec![Message { role: Role::User, content: text.to_owned() }], ..Request::default() }
    }

    #[test]
    fn a_request_over_a_bound_is_refused_with_the_bound() {
        let refused = |request: &Request| match Prepared::new(request, &compile).map(|_| ()) {
            Err(LlmError::Invalid(text)) => text,
            other => format!("not refused: {other:?}"),
        };
        assert!(refused(&Request::default()).contains("at least one message"));
        assert!(
            refused(&Request { messages: vec![asking("x").messages.remove(0); 1_025], ..asking("") }).contains("1024")
        );
        assert!(refused(&asking(&"x".repeat(MAX_REQUEST + 1))).contains("4194304"));
        assert!(refused(&Request { max_tokens: Some(0), ..asking("x") }).contains("max-tokens"));
        assert!(refused(&Request { temperature: Some(f32::NAN), ..asking("x") }).contains("temperature"));
        assert!(refused(&Request { stop: vec!["x".into(); 17], ..asking("x") }).contains("stop"));
        assert!(refused(&Request { stop: vec![String::new()], ..asking("x") }).contains("stop"));
        assert!(refused(&Request { output_schema: Some(" ".repeat(65_537)), ..asking("x") }).contains("65536"));
        assert!(refused(&Request { output_schema: Some("{".into()), ..asking("x") }).contains("no JSON"));
        for name in ["", "a\nb", &"x".repeat(257)] {
            assert!(check_model(Some(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn the_estimate_of_what_is_sent_is_rather_high() {
        assert_eq!(Prepared::new(&asking("four"), &compile).unwrap().input_tokens, 2 + 8);
        assert_eq!(Prepared::new(&asking("x"), &compile).unwrap().max_tokens, 4_096);
    }
}
