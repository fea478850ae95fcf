//! What the four kinds of provider say, as their public documentation has it.

use serde_json::{Value, json};

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Ollama,
    OpenAi,
    Anthropic,
    Gemini,
}

pub(crate) const DIALECTS: [Dialect; 4] = [Dialect::Ollama, Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini];

impl Dialect {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ollama => "ollama",
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    /// Where its base address ends.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Ollama => "",
            Self::OpenAi | Self::Anthropic => "/v1",
            Self::Gemini => "/v1beta",
        }
    }

    /// What comes before the first piece of text.
    pub(crate) fn beginning(self) -> Vec<String> {
        match self {
            Self::Ollama | Self::Gemini => vec![],
            Self::OpenAi => vec![sse(&chunk(json!([
                {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": null}
            ])))],
            Self::Anthropic => vec![
                event(
                    "message_start",
                    json!({"message": {"id": "m", "role": "assistant", "content": [],
                    "usage": {"input_tokens": 11, "output_tokens": 1}}}),
                ),
                event("content_block_start", json!({"index": 0, "content_block": {"type": "text", "text": ""}})),
                event("ping", json!({})),
            ],
        }
    }

    /// A piece of text.
    pub(crate) fn piece(self, text: &str) -> String {
        match self {
            Self::Ollama => line(&json!({"model": "m", "created_at": "2026-01-01T00:00:00Z",
                "message": {"role": "assistant", "content": text}, "done": false})),
            Self::OpenAi => sse(&chunk(json!([{"index": 0, "delta": {"content": text}, "finish_reason": null}]))),
            Self::Anthropic => {
                event("content_block_delta", json!({"index": 0, "delta": {"type": "text_delta", "text": text}}))
            }
            Self::Gemini => {
                sse(&json!({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}],
                "usageMetadata": {"promptTokenCount": 11, "totalTokenCount": 11}}))
            }
        }
    }

    /// What comes after the last: eleven tokens were sent, seven came back.
    pub(crate) fn ending(self) -> Vec<String> {
        match self {
            Self::Ollama => vec![line(&json!({"model": "m", "message": {"role": "assistant", "content": ""},
                "done": true, "done_reason": "stop", "prompt_eval_count": 11, "eval_count": 7}))],
            Self::OpenAi => {
                let mut counts = chunk(json!([]));
                counts["usage"] = json!({"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18});
                vec![
                    sse(&chunk(json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]))),
                    sse(&counts),
                    "data: [DONE]\n\n".to_owned(),
                ]
            }
            Self::Anthropic => vec![
                event("content_block_stop", json!({"index": 0})),
                event("message_delta", json!({"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}})),
                event("message_stop", json!({})),
            ],
            Self::Gemini => vec![sse(&json!({"candidates": [{"content": {"parts": [{"text": ""}], "role": "model"},
                "finishReason": "STOP", "index": 0}],
                "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 4, "thoughtsTokenCount": 3}}))],
        }
    }

    /// A whole answer.
    pub(crate) fn frames(self, pieces: &[&str]) -> Vec<String> {
        let mut frames = self.beginning();
        frames.extend(pieces.iter().map(|text| self.piece(text)));
        frames.extend(self.ending());
        frames
    }
}

fn chunk(choices: Value) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices})
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}

fn sse(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn event(name: &str, mut value: Value) -> String {
    value["type"] = name.into();
    format!("event: {name}\ndata: {value}\n\n")
}
