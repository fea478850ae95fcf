//! Calls from skill to skill.

use std::sync::Arc;

use skillhost_capabilities::{CallSkills, NestedCall, NestedError};
use skillhost_types::{Caller, ErrorKind, Limits, Output, RunError, RunId, Usage};
use tracing::Instrument as _;

use crate::host::Inner;
use crate::run::{Chain, Prepared};
use crate::trace;

#[async_trait::async_trait]
impl CallSkills for Inner {
    async fn call(&self, call: NestedCall) -> (Result<String, NestedError>, Usage) {
        // Boxed by the trait: a future that contains runs which contain calls has no fixed size.
        let (result, usage) = self.run_nested(call).await;
        (result.map(|output| as_json(&output)).map_err(sorted), usage)
    }
}

impl Inner {
    /// Runs a tool for another skill, within what is left of that skill's budget.
    async fn run_nested(&self, call: NestedCall) -> (Result<Arc<Output>, RunError>, Usage) {
        let (generation, index) = match self.find(call.skill.as_str(), Some(call.tool.as_str())) {
            Ok(found) => found,
            Err(error) => return (Err(error), Usage::default()),
        };
        let Some(tool) = generation.tools.get(index) else {
            return (Err(RunError::new(ErrorKind::Internal, "the tool is gone")), Usage::default());
        };
        let own = &generation.limits;
        let prepared = Prepared {
            run: RunId::new(&*self.source),
            started_at: self.source.now(),
            tool: tool.shared_name.clone(),
            // Neither over what is left of the caller's, nor over the skill's own.
            limits: Limits {
                fuel: own.fuel.min(call.limits.fuel),
                timeout: own.timeout.min(call.limits.timeout),
                memory: own.memory.min(call.limits.memory),
                host_calls: own.host_calls.min(call.limits.host_calls),
                ..own.clone()
            },
            caller: Caller::Skill(call.caller.skill.name.as_str().into()),
            tenant: call.caller.tenant.clone(),
            agent: call.caller.agent.clone(),
            chain: Chain { depth: call.caller.depth + 1, hops: call.caller.hops, root: Some(call.caller.root) },
            exhausted: call.caller.exhausted.clone(),
            progress: None,
            // Its caller's end is its own.
            cancel: None,
            skill: generation.shared.clone(),
            generation,
        };
        let span = trace::of_tool(&prepared);
        let ran = async {
            let (result, came) = self.call(&prepared, index, &call.input).await;
            let usage = came.usage;
            (self.record(prepared, result, came).await, usage)
        };
        let (record, usage) = ran.instrument(span.clone()).await;
        trace::ended(&span, &record);
        match (&record.output, &record.error) {
            (Some(output), _) => (Ok(output.clone()), usage),
            (None, Some(error)) => (Err(error.clone()), usage),
            (None, None) => (Err(RunError::new(ErrorKind::Internal, "no outcome")), usage),
        }
    }
}

/// The structured output, or else the content, as one JSON document.
fn as_json(output: &Output) -> String {
    match &output.data {
        Some(data) => data.to_string(),
        None => serde_json::to_string(&output.content).unwrap_or_else(|_| "null".to_owned()),
    }
}

/// What the host refused and what the other skill said are different things to the caller.
fn sorted(error: RunError) -> NestedError {
    match error.kind {
        ErrorKind::ToolError | ErrorKind::Trap => NestedError::Tool(error.message),
        ErrorKind::Fuel | ErrorKind::Deadline | ErrorKind::Memory | ErrorKind::Output | ErrorKind::HostCalls => {
            NestedError::Limit(error.message)
        }
        ErrorKind::Denied => NestedError::Denied(error.message),
        ErrorKind::NotFound | ErrorKind::InvalidInput | ErrorKind::Usage => NestedError::Invalid(error.message),
        ErrorKind::Overloaded | ErrorKind::Cancelled | ErrorKind::Internal => NestedError::Unavailable(error.message),
    }
}
