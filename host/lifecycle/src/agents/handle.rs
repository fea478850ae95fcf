//! One message, one run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use skillhost_blackboard::Message;
use skillhost_capabilities::{HandleMessage, SkillInfo};
use skillhost_types::{Caller, Capability, ErrorKind, Glob, Grant, Output, RunError, RunId};
use tracing::Instrument as _;

use super::plan::Plan;
use crate::generation::Generation;
use crate::host::Inner;
use crate::run::{Chain, Prepared};
use crate::trace;

/// The tool name under which a handler's runs are on record.
const HANDLE: &str = "handle";

/// How it went.
pub(super) enum Handled {
    Well,
    /// The handler, or a limit of its run.
    Failed {
        error: String,
        /// Another attempt would fail in the same way.
        last: bool,
    },
    /// No generation takes messages at the moment.
    NotNow,
}

/// Hands `message` to whichever generation serves now.
pub(super) async fn handle(inner: &Arc<Inner>, plan: &Plan, message: &Message) -> Handled {
    let Some(generation) = inner.registry.load().skill(plan.skill.as_str()).cloned() else {
        return Handled::NotNow;
    };
    let Some((_, indices)) = generation.handler() else {
        return Handled::NotNow;
    };
    let exhausted = Arc::new(AtomicBool::new(false));
    let prepared = Prepared {
        run: RunId::new(&*inner.source),
        started_at: inner.source.now(),
        tool: HANDLE.into(),
        limits: generation.limits.clone(),
        caller: Caller::Channel(message.channel.as_str().into()),
        tenant: plan.tenant.clone(),
        agent: Some(plan.agent.as_str().into()),
        chain: Chain { hops: message.hops, ..Chain::default() },
        progress: None,
        skill: as_agent(plan, &generation),
        cancel: None,
        exhausted: Some(exhausted.clone()),
        generation,
    };
    let span = trace::of_agent(&prepared);
    let ran = async {
        let (result, came) = inner.enter(&prepared, HandleMessage { indices, message }).await;
        let result = result.and_then(|handled| match handled {
            Ok(()) => Ok(Output::default()),
            Err(text) => Err(RunError::new(ErrorKind::ToolError, text)),
        });
        inner.record(prepared, result, came).await
    };
    let record = ran.instrument(span.clone()).await;
    trace::ended(&span, &record);
    match &record.error {
        None => Handled::Well,
        Some(error) => Handled::Failed { error: error.message.clone(), last: exhausted.load(Ordering::Relaxed) },
    }
}

/// What the skill holds, and the keys that are the agent's own. An interface that the skill holds nothing of stays refused.
fn as_agent(plan: &Plan, generation: &Generation) -> Arc<SkillInfo> {
    let own = format!("agent:{}:*", Glob::escape(plan.agent.as_str()));
    let more = [Capability::BlackboardRead, Capability::BlackboardWrite];
    let more = more.into_iter().filter_map(|capability| Grant::new(capability, &own).ok());
    let grants = generation.grants().iter().cloned().chain(more).collect();
    Arc::new(SkillInfo { grants, ..SkillInfo::clone(&generation.shared) })
}
