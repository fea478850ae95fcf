//! The spans of runs, for whoever follows a call through the host.
//!
//! Contract: names and fields are those of OpenTelemetry's conventions for generative AI where they have any. What a run was given,
//! gave or said is in none of them. Price: a look at a flag where nobody wants spans.

use skillhost_types::RunRecord;
use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::run::Prepared;

/// The span of a tool's run.
pub(crate) fn of_tool(prepared: &Prepared) -> Span {
    let Prepared { generation, tool, run, tenant, agent, .. } = prepared;
    let skill = generation.name.as_str();
    info_span!(
        "execute_tool",
        otel.name = %format_args!("execute_tool {skill}.{tool}"),
        otel.status_code = Empty,
        gen_ai.operation.name = "execute_tool",
        gen_ai.tool.name = %format_args!("{skill}.{tool}"),
        gen_ai.agent.name = agent.as_deref(),
        run = %run,
        skill,
        tool = &**tool,
        tenant = tenant.as_str(),
        outcome = Empty,
        error.type = Empty,
        fuel = Empty,
        host_calls = Empty,
    )
}

/// The span of an agent's run, which is one message.
pub(crate) fn of_agent(prepared: &Prepared) -> Span {
    let Prepared { generation, tool, run, tenant, agent, .. } = prepared;
    let agent = agent.as_deref().unwrap_or_default();
    info_span!(
        "invoke_agent",
        otel.name = %format_args!("invoke_agent {agent}"),
        otel.status_code = Empty,
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = agent,
        run = %run,
        skill = generation.name.as_str(),
        tool = &**tool,
        tenant = tenant.as_str(),
        outcome = Empty,
        error.type = Empty,
        fuel = Empty,
        host_calls = Empty,
    )
}

/// Writes into a run's span what came of the run.
pub(crate) fn ended(span: &Span, record: &RunRecord) {
    if span.is_disabled() {
        return;
    }
    match &record.error {
        None => drop(span.record("outcome", "ok")),
        Some(error) => {
            let kind = error.kind.as_str();
            span.record("outcome", kind).record("error.type", kind).record("otel.status_code", "ERROR");
        }
    }
    span.record("fuel", record.usage.fuel).record("host_calls", record.usage.host_calls);
}
