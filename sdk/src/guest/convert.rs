//! The contract's types and this crate's, field by field.

use super::wit::types::HostError as WitHostError;
use super::wit::{event_log, llm as wit_llm, run as wit_run, skills};
use crate::events::{Event, Query};
use crate::llm::{Completion, FinishReason, Request, Role, Usage};
use crate::run::{Budget, Context, Level};
use crate::{CallError, HostError};

impl From<WitHostError> for HostError {
    fn from(error: WitHostError) -> Self {
        match error {
            WitHostError::Denied(text) => Self::Denied(text),
            WitHostError::Limit(text) => Self::Limit(text),
            WitHostError::Invalid(text) => Self::Invalid(text),
            WitHostError::Unavailable(text) => Self::Unavailable(text),
        }
    }
}

impl From<skills::CallError> for CallError {
    fn from(error: skills::CallError) -> Self {
        match error {
            skills::CallError::Host(error) => Self::Host(error.into()),
            skills::CallError::Tool(text) => Self::Tool(text),
        }
    }
}

impl From<wit_run::Context> for Context {
    fn from(context: wit_run::Context) -> Self {
        let wit_run::Context { run_id, skill, tenant, agent, caller, deadline } = context;
        Self { run_id, skill, tenant, agent, caller, deadline }
    }
}

impl From<wit_run::Budget> for Budget {
    fn from(budget: wit_run::Budget) -> Self {
        let wit_run::Budget { fuel, wall_ms, memory_bytes, host_calls, llm_tokens } = budget;
        Self { fuel, wall_ms, memory_bytes, host_calls, llm_tokens }
    }
}

impl From<Level> for wit_run::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

impl From<event_log::Event> for Event {
    fn from(event: event_log::Event) -> Self {
        let event_log::Event { seq, at, kind, source, run, data } = event;
        Self { seq, at, kind, source, run, data }
    }
}

impl From<&Query> for event_log::Query {
    fn from(query: &Query) -> Self {
        let Query { kinds, source, run, after, limit } = query.clone();
        Self { kinds, source, run, after, limit }
    }
}

impl From<&Request> for wit_llm::Request {
    fn from(request: &Request) -> Self {
        let Request { messages, model, max_tokens, temperature, stop, output_schema } = request.clone();
        let messages = messages
            .into_iter()
            .map(|turn| wit_llm::Message { role: turn.role.into(), content: turn.content })
            .collect();
        Self { messages, model, max_tokens, temperature, stop, output_schema }
    }
}

impl From<Role> for wit_llm::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::System => Self::System,
            Role::User => Self::User,
            Role::Assistant => Self::Assistant,
        }
    }
}

impl From<wit_llm::Completion> for Completion {
    fn from(completion: wit_llm::Completion) -> Self {
        let wit_llm::Completion { text, provider, model, is_fallback, finish, usage } = completion;
        let finish = match finish {
            wit_llm::FinishReason::Stop => FinishReason::Stop,
            wit_llm::FinishReason::Length => FinishReason::Length,
            wit_llm::FinishReason::Filtered => FinishReason::Filtered,
            wit_llm::FinishReason::Other => FinishReason::Other,
        };
        let usage = Usage { input_tokens: usage.input_tokens, output_tokens: usage.output_tokens };
        Self { text, provider, model, is_fallback, finish, usage }
    }
}
