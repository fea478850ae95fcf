//! The spans of attempts.
//!
//! Contract: names and fields are those of OpenTelemetry's conventions for generative AI. Neither what is asked nor what is
//! answered is in them, and no key. Price: a look at a flag where nobody wants spans.

use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::config::Kind;
use crate::provider::Provider;
use crate::{ErrorKind, Usage};

/// The span of an attempt to have `model` do `operation`.
pub(crate) fn of_attempt(operation: &'static str, provider: &Provider, model: &str) -> Span {
    info_span!(
        "model_call",
        otel.name = %format_args!("{operation} {model}"),
        otel.kind = "client",
        otel.status_code = Empty,
        gen_ai.operation.name = operation,
        gen_ai.provider.name = conventional(provider.kind),
        gen_ai.request.model = model,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        provider = &*provider.name,
        outcome = Empty,
        error.type = Empty,
    )
}

/// Writes into an attempt's span what came of it.
pub(crate) fn ended(span: &Span, error: Option<ErrorKind>, usage: Usage) {
    if span.is_disabled() {
        return;
    }
    span.record("gen_ai.usage.input_tokens", usage.input_tokens);
    span.record("gen_ai.usage.output_tokens", usage.output_tokens);
    match error {
        None => drop(span.record("outcome", "ok")),
        Some(kind) => {
            // The word that events have for it.
            let kind = serde_json::to_string(&kind).unwrap_or_default();
            let kind = kind.trim_matches('"');
            span.record("outcome", kind).record("error.type", kind).record("otel.status_code", "ERROR");
        }
    }
}

/// What the conventions call a kind of provider.
fn conventional(kind: Kind) -> &'static str {
    match kind {
        Kind::Ollama => "ollama",
        Kind::OpenAi => "openai",
        Kind::Anthropic => "anthropic",
        Kind::Gemini => "gcp.gemini",
    }
}
