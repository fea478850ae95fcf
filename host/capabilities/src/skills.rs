//! `skills`: calls to other skills, inside the caller's own budget.

use std::sync::{Arc, Weak};
use std::time::Duration;

use skillhost_types::{Capability, Limits, SkillName, ToolName, Usage};
use wasmtime::StoreContextMut;

use crate::call::{Function, Interface, Needs, begin};
use crate::context::{RunInfo, State};
use crate::wire::{CallError, HostError};

/// How deep calls nest, fixed by the contract.
const DEPTH: u32 = 8;

/// What a caller keeps of its own time for what a callee's end takes.
const MARGIN: Duration = Duration::from_millis(20);

/// A call from one skill to another.
pub struct NestedCall {
    /// The calling run.
    pub caller: Arc<RunInfo>,
    /// The skill that is called.
    pub skill: SkillName,
    /// Its tool.
    pub tool: ToolName,
    /// The input, JSON.
    pub input: String,
    /// What is left of the caller's budget.
    pub limits: Limits,
}

/// Why a nested call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NestedError {
    /// The other skill waits for approval.
    Denied(String),
    /// No such skill or tool, or the input does not fit.
    Invalid(String),
    /// A limit was reached.
    Limit(String),
    /// It cannot be served now.
    Unavailable(String),
    /// The other skill ran and said no.
    Tool(String),
}

/// Makes calls from skill to skill. The host implements it.
#[async_trait::async_trait]
pub trait CallSkills: Send + Sync {
    /// Runs the tool. Gives the output as JSON, and in any case what was used.
    async fn call(&self, call: NestedCall) -> (Result<String, NestedError>, Usage);
}

pub(crate) fn link(interface: &mut Interface<'_>) -> wasmtime::Result<()> {
    let needs = Needs::Subject(Capability::SkillsCall);
    let called = Function { interface: interface.name, name: "call", needs };
    // Not `function`: what the nested run used is taken from this run's store.
    interface.instance.func_wrap_async(
        called.name,
        move |mut store: StoreContextMut<'_, State>, (skill, tool, input): (String, String, String)| {
            Box::new(async move {
                let subject = format!("{skill}.{tool}");
                let begun = begin(&mut store, called, &subject)?;
                let result = match begun.granted(&store.data().host.info.skill.grants, &subject) {
                    Ok(()) => begun.within(call(&mut store, &skill, &tool, input)).await?,
                    Err(denied) => Err(CallError::Host(denied)),
                };
                let refusal = match &result {
                    Err(CallError::Host(error)) => Some(error),
                    _ => None,
                };
                begun.end(&mut store, refusal);
                Ok((result,))
            })
        },
    )
}

/// The outer result ends the run, the inner one is the guest's.
async fn call(
    store: &mut StoreContextMut<'_, State>,
    skill: &str,
    tool: &str,
    input: String,
) -> wasmtime::Result<Result<String, CallError>> {
    let invalid = |text: String| Ok(Err(CallError::Host(HostError::Invalid(text))));
    let skill = match SkillName::new(skill) {
        Ok(skill) => skill,
        Err(error) => return invalid(error.to_string()),
    };
    let tool = match ToolName::from_wit(tool) {
        Ok(tool) => tool,
        Err(error) => return invalid(error.to_string()),
    };
    let fuel = store.get_fuel()?;
    let state = store.data();
    let caller = state.host.info.clone();
    if caller.depth + 1 >= DEPTH {
        return Ok(Err(CallError::Host(HostError::Limit(format!(
            "calls from skill to skill nest {DEPTH} deep at the most; `{skill}` would be one more"
        )))));
    }
    let Some(skills) = state.host.services.skills.get().and_then(Weak::upgrade) else {
        return Ok(Err(CallError::Host(HostError::Unavailable("the host is stopping".into()))));
    };
    let limits = Limits {
        fuel,
        // Somewhat less, so that a callee that runs out of it is told so and written down before the caller ends.
        timeout: state.time_left().saturating_sub(MARGIN),
        memory: state.limiter.remaining(),
        host_calls: state.host_calls_left(),
        ..caller.limits.clone()
    };
    let (result, usage) = skills.call(NestedCall { caller, skill, tool, input, limits }).await;

    store.set_fuel(fuel.saturating_sub(usage.fuel))?;
    let state = store.data_mut();
    state.limiter.count_nested(usage.peak_memory_bytes);
    state.host.count_tokens(usage.llm_input_tokens, usage.llm_output_tokens);
    state.count_host_calls(usage.host_calls)?;
    Ok(result.map_err(|error| match error {
        NestedError::Denied(text) => CallError::Host(HostError::Denied(text)),
        NestedError::Invalid(text) => CallError::Host(HostError::Invalid(text)),
        NestedError::Limit(text) => CallError::Host(HostError::Limit(text)),
        NestedError::Unavailable(text) => CallError::Host(HostError::Unavailable(text)),
        NestedError::Tool(text) => CallError::Tool(text),
    }))
}
