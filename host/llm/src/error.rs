//! What can go wrong, as callers and operators see it.

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A name that could not be told from a model's.
    #[error("`llm.providers.{0}`: a provider's name is not empty and has no `/`, which parts it from the model's")]
    ProviderName(String),
    /// Nobody knows what the provider speaks.
    #[error("`llm.providers.{0}` needs a `kind`: ollama, openai (any OpenAI-compatible server), anthropic or gemini")]
    Kind(String),
    /// A cascade of nothing.
    #[error("`llm.models.{0}` is empty; list at least one `provider/model`, or remove the alias")]
    Empty(String),
    /// A provider that is not there.
    #[error(
        "`llm.{place}` names the provider `{provider}`, which is not in `llm.providers`; add it there, or correct the name"
    )]
    Provider {
        /// The key.
        place: String,
        /// Who is missing.
        provider: String,
    },
    /// No `provider/model`.
    #[error("`llm.{place}` names `{model}`; a model is written `provider/model`, such as ollama/llama3.2")]
    Model {
        /// The key.
        place: String,
        /// What stands there.
        model: String,
    },
    /// A share that is none.
    #[error("`llm.breaker.failure_rate` is a share above 0 and up to 1, such as 0.5")]
    FailureRate,
    /// An address in the environment that is none.
    #[error("the environment variable {variable}: {reason}")]
    Environment {
        /// Which.
        variable: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// The encrypted transport cannot be set up.
    #[error("no HTTP client can be made: {0}")]
    Client(String),
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LlmError {
    /// The request's own fault: nobody else would answer it either.
    #[error("{0}")]
    Invalid(String),
    /// A budget is spent; the text names it.
    #[error("{0}")]
    Limit(String),
    /// Nobody answered; the text names every attempt.
    #[error("{0}")]
    Unavailable(String),
}
