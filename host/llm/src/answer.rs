//! What a call gives.

use std::sync::Arc;
use std::time::Duration;

use crate::ErrorKind;

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It was complete, or a stop sequence came.
    Stop,
    /// It reached the most tokens.
    Length,
    /// The provider's filter cut it.
    Filtered,
    /// Something else.
    Other,
}

/// Tokens of a call: the provider's count, or an estimate where it gives none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// What was sent.
    pub input_tokens: u64,
    /// What came back.
    pub output_tokens: u64,
}

/// One try at one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Who.
    pub provider: Arc<str>,
    /// What was asked for.
    pub model: String,
    /// How long it took, with waiting for a place; of a stream that began, until its first piece.
    pub latency: Duration,
    /// Why it gave no answer; none if it did.
    pub error: Option<AttemptError>,
}

/// Why a try failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptError {
    /// Of what kind.
    pub kind: ErrorKind,
    /// In words.
    pub text: String,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The text.
    pub text: String,
    /// Who answered.
    pub provider: Arc<str>,
    /// With which model.
    pub model: String,
    /// True if it was not the first choice.
    pub is_fallback: bool,
    /// Why it ended.
    pub finish: Finish,
    /// What it used.
    pub usage: Usage,
    /// All tries, the last of them the one that answered.
    pub attempts: Vec<Attempt>,
    /// From the call to the first piece of text.
    pub ttft: Duration,
    /// From the call to the end.
    pub total: Duration,
}

/// Vectors for texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// One per input, all of one length.
    pub vectors: Vec<Vec<f32>>,
    /// Who answered.
    pub provider: Arc<str>,
    /// With which model: vectors of different models do not compare.
    pub model: String,
    /// True if it was not the first choice.
    pub is_fallback: bool,
    /// What it used.
    pub usage: Usage,
    /// All tries, the last of them the one that answered.
    pub attempts: Vec<Attempt>,
}
