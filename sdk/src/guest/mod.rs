//! The host as a component sees it: each function of the contract, in this crate's types.
//!
//! Contract: nothing but conversion. One import per function, so a component that never reaches a function here does
//! not import it either.

pub(crate) mod convert;
pub(crate) mod exports;

mod imports {
    //! What the host offers, generated from the contract.
    #![allow(
        missing_docs,
        unsafe_code,
        unreachable_pub,
        clippy::all,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::panic,
        clippy::expect_used,
        clippy::unreachable,
        reason = "generated"
    )]
    wit_bindgen::generate!({ path: "../wit", world: "skillhost:skill/imports", generate_all });
}

pub(crate) use imports::skillhost::skill as wit;
use wit::{blackboard, event_log, llm as wit_llm, run as wit_run, skills};

use crate::events::{Event, Query};
use crate::llm::{Completion, Request};
use crate::run::{Budget, Context, Level};
use crate::{CallError, HostError};

pub(crate) fn current() -> Context {
    wit_run::current().into()
}

pub(crate) fn remaining() -> Budget {
    wit_run::remaining().into()
}

pub(crate) fn log(level: Level, message: &str) {
    wit_run::log(level.into(), message);
}

pub(crate) fn progress(done: f64, total: Option<f64>, message: &str) {
    wit_run::progress(done, total, message);
}

pub(crate) fn get(key: &str) -> Result<Option<String>, HostError> {
    Ok(blackboard::get(key)?)
}

pub(crate) fn set(key: &str, value: &str, ttl_ms: Option<u64>) -> Result<(), HostError> {
    Ok(blackboard::set(key, value, ttl_ms)?)
}

pub(crate) fn compare_and_swap(
    key: &str,
    expected: Option<&str>,
    value: &str,
    ttl_ms: Option<u64>,
) -> Result<bool, HostError> {
    Ok(blackboard::compare_and_swap(key, expected, value, ttl_ms)?)
}

pub(crate) fn add(key: &str, delta: i64) -> Result<i64, HostError> {
    Ok(blackboard::add(key, delta)?)
}

pub(crate) fn delete(key: &str) -> Result<bool, HostError> {
    Ok(blackboard::delete(key)?)
}

pub(crate) fn exists(key: &str) -> Result<bool, HostError> {
    Ok(blackboard::exists(key)?)
}

pub(crate) fn keys(pattern: &str, limit: u32) -> Result<Vec<String>, HostError> {
    Ok(blackboard::keys(pattern, limit)?)
}

pub(crate) fn clear(pattern: &str) -> Result<u64, HostError> {
    Ok(blackboard::clear(pattern)?)
}

pub(crate) fn publish(channel: &str, message: &str) -> Result<u32, HostError> {
    Ok(blackboard::publish(channel, message)?)
}

pub(crate) fn append(kind: &str, data: &str) -> Result<u64, HostError> {
    Ok(event_log::append(kind, data)?)
}

pub(crate) fn read(query: &Query) -> Result<Vec<Event>, HostError> {
    let events = event_log::read(&query.into())?;
    Ok(events.into_iter().map(Event::from).collect())
}

pub(crate) fn call(skill: &str, tool: &str, input: &str) -> Result<String, CallError> {
    Ok(skills::call(skill, tool, input)?)
}

pub(crate) fn complete(request: &Request) -> Result<Completion, HostError> {
    Ok(wit_llm::complete(&request.into())?.into())
}

pub(crate) fn stream(request: &Request) -> Result<Stream, HostError> {
    Ok(Stream(wit_llm::complete_stream(&request.into())?))
}

pub(crate) fn embed(inputs: &[String], model: Option<&str>) -> Result<Vec<Vec<f32>>, HostError> {
    Ok(wit_llm::embed(inputs, model)?)
}

/// An answer on its way.
pub(crate) struct Stream(wit_llm::CompletionStream);

impl Stream {
    pub(crate) fn next(&mut self) -> Result<Option<String>, HostError> {
        Ok(self.0.next()?)
    }

    pub(crate) fn finish(self) -> Result<Completion, HostError> {
        Ok(self.0.finish()?.into())
    }
}
