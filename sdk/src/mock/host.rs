//! Each function of the contract, answered from memory.

use serde_json::Value;

use super::state::{State, with};
use super::{LogLine, Progress, Published, SkillCall, glob};
use crate::events::{Event, MAX_READ, Query};
use crate::llm::{Completion, Request};
use crate::run::{Budget, Context, Level};
use crate::{CallError, HostError};

/// Longest key or channel in bytes, as the contract has it.
const MAX_NAME_BYTES: usize = 512;
/// What stands for a model's name where a request gives none.
const DEFAULT_MODEL: &str = "default";
/// Length of the mock's vectors: enough to tell texts apart.
const EMBEDDING_LENGTH: usize = 8;

pub(crate) fn current() -> Context {
    with(|state| state.context.clone())
}

pub(crate) fn remaining() -> Budget {
    with(|state| state.budget)
}

pub(crate) fn log(level: Level, message: &str) {
    with(|state| state.logs.push(LogLine { level, message: message.to_owned() }));
}

pub(crate) fn progress(done: f64, total: Option<f64>, message: &str) {
    with(|state| state.progress.push(Progress { done, total, message: message.to_owned() }));
}

pub(crate) fn get(key: &str) -> Result<Option<String>, HostError> {
    on_key("blackboard.read", key, |state| Ok(state.board.get(key).cloned()))
}

pub(crate) fn set(key: &str, value: &str, _ttl_ms: Option<u64>) -> Result<(), HostError> {
    on_key("blackboard.write", key, |state| {
        state.board.insert(key.to_owned(), value.to_owned());
        Ok(())
    })
}

pub(crate) fn compare_and_swap(
    key: &str,
    expected: Option<&str>,
    value: &str,
    _ttl_ms: Option<u64>,
) -> Result<bool, HostError> {
    on_key("blackboard.write", key, |state| {
        let holds = state.board.get(key).map(String::as_str) == expected;
        if holds {
            state.board.insert(key.to_owned(), value.to_owned());
        }
        Ok(holds)
    })
}

pub(crate) fn add(key: &str, delta: i64) -> Result<i64, HostError> {
    on_key("blackboard.write", key, |state| {
        let held = state.board.get(key).map_or("0", String::as_str);
        let sum = held.parse::<i64>().ok().and_then(|held| held.checked_add(delta));
        let sum = sum.ok_or_else(|| HostError::Invalid(format!("`{key}` holds `{held}`: {delta} cannot be added")))?;
        state.board.insert(key.to_owned(), sum.to_string());
        Ok(sum)
    })
}

pub(crate) fn delete(key: &str) -> Result<bool, HostError> {
    on_key("blackboard.write", key, |state| Ok(state.board.remove(key).is_some()))
}

pub(crate) fn exists(key: &str) -> Result<bool, HostError> {
    on_key("blackboard.read", key, |state| Ok(state.board.contains_key(key)))
}

pub(crate) fn keys(pattern: &str, limit: u32) -> Result<Vec<String>, HostError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    on_key("blackboard.read", pattern, |state| {
        Ok(matching(state, "blackboard.read", pattern).into_iter().take(limit).collect())
    })
}

pub(crate) fn clear(pattern: &str) -> Result<u64, HostError> {
    on_key("blackboard.write", pattern, |state| {
        let keys = matching(state, "blackboard.write", pattern);
        state.board.retain(|key, _| !keys.contains(key));
        Ok(keys.len() as u64)
    })
}

pub(crate) fn publish(channel: &str, message: &str) -> Result<u32, HostError> {
    on_key("blackboard.publish", channel, |state| {
        state.published.push(Published { channel: channel.to_owned(), message: to_value(message)? });
        // Nobody listens in a unit test.
        Ok(0)
    })
}

pub(crate) fn append(kind: &str, data: &str) -> Result<u64, HostError> {
    with(|state| {
        state.check("events.append", kind)?;
        if !kind.starts_with("skill.") {
            return Err(HostError::Invalid(format!("event kind `{kind}`: a skill's own start with `skill.`")));
        }
        let source = state.context.skill.clone();
        Ok(state.append(kind, &source, data.to_owned()))
    })
}

pub(crate) fn read(query: &Query) -> Result<Vec<Event>, HostError> {
    if !(1..=MAX_READ).contains(&query.limit) {
        return Err(HostError::Invalid(format!("limit {}: 1 to {MAX_READ} events are read at once", query.limit)));
    }
    let asked = |event: &&Event| {
        (query.kinds.is_empty() || query.kinds.iter().any(|kind| glob::matches(kind, &event.kind)))
            && query.source.as_ref().is_none_or(|source| *source == event.source)
            && query.run.as_ref().is_none_or(|run| Some(run) == event.run.as_ref())
            && query.after.is_none_or(|after| event.seq > after)
    };
    with(|state| {
        if query.kinds.is_empty() {
            state.check("events.read", "*")?;
        }
        for kind in &query.kinds {
            state.check("events.read", kind)?;
        }
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        Ok(state.events.iter().filter(asked).take(limit).cloned().collect())
    })
}

pub(crate) fn call(skill: &str, tool: &str, input: &str) -> Result<String, CallError> {
    let target = format!("{skill}.{tool}");
    let input = to_value(input)?;
    let behaviour = with(|state| {
        state.check("skills.call", &target)?;
        state.skill_calls.push(SkillCall { target: target.clone(), input: input.clone() });
        let missing = || HostError::Invalid(format!("no {target} here: give one with `mock::on_skill_call`"));
        state.skills.get(&target).cloned().ok_or_else(missing)
    })?;
    behaviour(input).map(|output| output.to_string())
}

/// The model that a request asks for.
pub(super) fn model(request: &Request) -> &str {
    request.model.as_deref().unwrap_or(DEFAULT_MODEL)
}

pub(crate) fn complete(request: &Request) -> Result<Completion, HostError> {
    let script = with(|state| {
        state.check("llm.complete", model(request))?;
        state.requests.push(request.clone());
        let unscripted = || HostError::Unavailable("no answer is scripted: queue one with `mock::answer`".to_owned());
        state.answers.pop_front().ok_or_else(unscripted)
    })?;
    script(request)
}

pub(crate) fn stream(request: &Request) -> Result<Stream, HostError> {
    let completion = complete(request)?;
    let mut pieces: Vec<String> = completion.text.split_inclusive(' ').map(str::to_owned).collect();
    pieces.reverse();
    Ok(Stream { pieces, completion })
}

pub(crate) fn embed(inputs: &[String], model: Option<&str>) -> Result<Vec<Vec<f32>>, HostError> {
    with(|state| state.check("llm.embed", model.unwrap_or(DEFAULT_MODEL)))?;
    Ok(inputs.iter().map(|input| embedding(input)).collect())
}

/// A scripted answer, word by word.
pub(crate) struct Stream {
    /// Last piece first.
    pieces: Vec<String>,
    completion: Completion,
}

impl Stream {
    #[allow(clippy::unnecessary_wraps, reason = "the same signature as a component's")]
    pub(crate) fn next(&mut self) -> Result<Option<String>, HostError> {
        Ok(self.pieces.pop())
    }

    #[allow(clippy::unnecessary_wraps, reason = "the same signature as a component's")]
    pub(crate) fn finish(self) -> Result<Completion, HostError> {
        Ok(self.completion)
    }
}

fn on_key<T>(
    capability: &str,
    key: &str,
    work: impl FnOnce(&mut State) -> Result<T, HostError>,
) -> Result<T, HostError> {
    if key.is_empty() || key.len() > MAX_NAME_BYTES || key.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let message = format!("`{key}`: keys and channels are 1 to {MAX_NAME_BYTES} bytes without spaces");
        return Err(HostError::Invalid(message));
    }
    with(|state| {
        state.check(capability, key)?;
        work(state)
    })
}

fn matching(state: &State, capability: &str, pattern: &str) -> Vec<String> {
    let held = |key: &&String| glob::matches(pattern, key) && state.allows(capability, key);
    state.board.keys().filter(held).cloned().collect()
}

fn to_value(json: &str) -> Result<Value, HostError> {
    serde_json::from_str(json).map_err(|error| HostError::Invalid(error.to_string()))
}

/// The same text gives the same vector of length one; unlike texts give unlike vectors.
fn embedding(text: &str) -> Vec<f32> {
    let mut vector = [0.0_f32; EMBEDDING_LENGTH];
    for (slot, byte) in (0..EMBEDDING_LENGTH).cycle().zip(text.bytes()) {
        if let Some(value) = vector.get_mut(slot) {
            *value += f32::from(byte);
        }
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt().max(1.0);
    vector.iter().map(|value| value / length).collect()
}
