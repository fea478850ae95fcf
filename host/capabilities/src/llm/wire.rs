//! The types of `llm` as they cross to and from a guest.

use skillhost_llm::{Completion as Answer, Finish, Message as Said, Role as By};
use wasmtime::component::{ComponentType, Lift, Lower};

/// `llm.role`.
#[derive(Debug, Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "guests make them")]
pub(super) enum Role {
    #[component(name = "system")]
    System,
    #[component(name = "user")]
    User,
    #[component(name = "assistant")]
    Assistant,
}

/// `llm.message`.
#[derive(Debug, Clone, ComponentType, Lift)]
#[component(record)]
pub(super) struct Message {
    role: Role,
    content: String,
}

/// `llm.request`.
#[derive(Debug, Clone, ComponentType, Lift)]
#[component(record)]
pub(super) struct Request {
    messages: Vec<Message>,
    pub(super) model: Option<String>,
    #[component(name = "max-tokens")]
    max_tokens: Option<u32>,
    temperature: Option<f32>,
    stop: Vec<String>,
    #[component(name = "output-schema")]
    output_schema: Option<String>,
}

/// `llm.finish-reason`.
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
pub(super) enum FinishReason {
    #[component(name = "stop")]
    Stop,
    #[component(name = "length")]
    Length,
    #[component(name = "filtered")]
    Filtered,
    #[component(name = "other")]
    Other,
}

/// `llm.usage`.
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(super) struct Usage {
    #[component(name = "input-tokens")]
    input_tokens: u64,
    #[component(name = "output-tokens")]
    output_tokens: u64,
}

/// `llm.completion`.
#[derive(Debug, Clone, ComponentType, Lower)]
#[component(record)]
pub(super) struct Completion {
    pub(super) text: String,
    provider: String,
    model: String,
    #[component(name = "is-fallback")]
    is_fallback: bool,
    finish: FinishReason,
    usage: Usage,
}

impl From<Request> for skillhost_llm::Request {
    fn from(request: Request) -> Self {
        let messages = request.messages.into_iter().map(|Message { role, content }| Said {
            role: match role {
                Role::System => By::System,
                Role::User => By::User,
                Role::Assistant => By::Assistant,
            },
            content,
        });
        Self {
            messages: messages.collect(),
            model: request.model,
            max_tokens: request.max_tokens,
            temperature: request.temperature,
            stop: request.stop,
            output_schema: request.output_schema,
        }
    }
}

impl From<Answer> for Completion {
    fn from(answer: Answer) -> Self {
        Self {
            text: answer.text,
            provider: answer.provider.to_string(),
            model: answer.model,
            is_fallback: answer.is_fallback,
            finish: match answer.finish {
                Finish::Stop => FinishReason::Stop,
                Finish::Length => FinishReason::Length,
                Finish::Filtered => FinishReason::Filtered,
                Finish::Other => FinishReason::Other,
            },
            usage: Usage { input_tokens: answer.usage.input_tokens, output_tokens: answer.usage.output_tokens },
        }
    }
}
