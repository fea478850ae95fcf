//! `tools/call`.
//!
//! Contract: a run is cancelled when its client is gone or cancels, and never kept from its deadline by a client that takes no
//! progress. What takes longer than `mcp.task_after` becomes a task for clients that know tasks. What is wrong with a call is
//! told as the call's result, which an assistant reads; only an unknown tool is an error of the protocol. Price: a task of the
//! executor per call.

use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CreateTaskResult, ProgressNotificationParam, ProgressToken,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::task_manager::{TaskContext, TaskExit, TaskFuture};
use serde_json::Value;
use skillhost_lifecycle::{Progress, ProgressSink, RunRequest};
use skillhost_types::{ErrorKind, LimitsPatch, RunError, RunRecord};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::tools::{self, Era};
use super::who::Who;
use super::{Mcp, announce, outcome};

/// Progress reports on their way to a client that takes them slowly; what is over that is left out.
const REPORTS: usize = 64;

/// A run on its own way: cancelled when nobody waits for it any more.
struct Run {
    record: JoinHandle<Arc<RunRecord>>,
    reports: mpsc::Receiver<Progress>,
    cancel: CancellationToken,
    _unwanted: DropGuard,
}

impl Run {
    fn start(mcp: &Mcp, who: &Who, skill: &str, tool: &str, call: &Call<'_>) -> Self {
        let (sender, reports) = mpsc::channel(REPORTS);
        let progress: ProgressSink = Arc::new(move |report| drop(sender.try_send(report)));
        let arguments = call.params.arguments.clone().unwrap_or_default();
        let request = RunRequest {
            skill: skill.to_owned(),
            tool: Some(tool.to_owned()),
            input: Value::Object(arguments).to_string(),
            caller: who.caller(call.context.client_info().map(|client| client.name)),
            tenant: who.tenant(),
            limits: LimitsPatch::default(),
            progress: Some(progress),
            cancel: None,
        };
        let call = mcp.calls.run(&mcp.host, request);
        let cancel = call.token();
        // On its own: a client that takes no progress must not keep a run from its deadline.
        let record = tokio::spawn(call);
        Self { record, reports, _unwanted: cancel.clone().drop_guard(), cancel }
    }
}

/// A call on its way.
pub(super) struct Call<'a> {
    pub(super) params: &'a CallToolRequestParams,
    pub(super) context: &'a RequestContext<RoleServer>,
    pub(super) era: Era,
}

/// Calls a tool.
pub(super) async fn call(mcp: &Mcp, who: &Who, call: &Call<'_>) -> Result<CallToolResponse, ErrorData> {
    let name = &call.params.name;
    let unknown = |reason: &str| ErrorData::invalid_params(format!("unknown tool: {reason}"), None);
    let Some((skill, tool)) = tools::split(name) else {
        return Err(unknown("tools are `{skill}__{tool}`, as `tools/list` gives them"));
    };
    if !who.may_call() {
        let message =
            "a viewer's token lists tools and runs none; `skillhost token add NAME --role caller` makes one that does";
        return Ok(outcome::failure(&RunError::new(ErrorKind::Denied, message), None).into());
    }
    mcp.settled().await;
    let mut response = run(mcp, who, skill, tool, call).await?;
    if let CallToolResponse::Complete(result) = &response
        && is(result, ErrorKind::Denied)
        && mcp.host.skill(skill).is_none()
        && let Some(waits) = announce::announce(mcp, who, skill, call).await
    {
        response = match waits {
            announce::Announced::Ask(asked) => CallToolResponse::InputRequired(asked),
            // Whatever was said to the announcement decides nothing; somebody may have decided meanwhile, elsewhere.
            announce::Announced::Told => run(mcp, who, skill, tool, call).await?,
        };
    }
    match &response {
        CallToolResponse::Complete(result) if is(result, ErrorKind::NotFound) => Err(unknown(&text(result))),
        _ => Ok(response),
    }
}

async fn run(mcp: &Mcp, who: &Who, skill: &str, tool: &str, call: &Call<'_>) -> Result<CallToolResponse, ErrorData> {
    let mut run = Run::start(mcp, who, skill, tool, call);
    let mut told = call.context.meta.get_progress_token().map(|token| Told { token, last: None });
    let knows_tasks = call.context.client_capabilities().is_some_and(|client| client.supports_tasks());
    let mut patience = std::pin::pin!(tokio::time::sleep(mcp.config.task_after));
    let (mut may_become_task, mut cancelled) = (knows_tasks, false);
    let record = loop {
        tokio::select! {
            biased;
            record = &mut run.record => break record,
            Some(report) = run.reports.recv() => tell(&mut told, report, call).await,
            () = call.context.ct.cancelled(), if !cancelled => {
                run.cancel.cancel();
                cancelled = true;
            }
            () = &mut patience, if may_become_task && !cancelled => {
                let limits = mcp.host.skill(skill).map(|generation| generation.limits.timeout).unwrap_or_default();
                let limits = limits.saturating_add(mcp.host.config().limits.queue_timeout);
                let era = call.era;
                let mut place = Some(run);
                let started = mcp.tasks.start(&who.identity, limits, |task| as_task(place.take(), task, era));
                match started {
                    Ok(task) => return Ok(CallToolResponse::Task(CreateTaskResult::new(task))),
                    Err(_) => may_become_task = false,
                }
                match place {
                    Some(back) => run = back,
                    None => return Err(ErrorData::internal_error("the run is gone", None)),
                }
            }
        }
    };
    while let Ok(report) = run.reports.try_recv() {
        tell(&mut told, report, call).await;
    }
    Ok(finished(record, call.era).into())
}

/// The rest of a run, as a task.
fn as_task(run: Option<Run>, task: TaskContext, era: Era) -> TaskFuture {
    Box::pin(async move {
        let Some(mut run) = run else { return Err(ErrorData::internal_error("the run is gone", None).into()) };
        let mut cancelled = false;
        let record = loop {
            tokio::select! {
                biased;
                record = &mut run.record => break record,
                Some(report) = run.reports.recv() => task.set_status_message(report.message),
                () = task.cancelled(), if !cancelled => {
                    run.cancel.cancel();
                    cancelled = true;
                }
            }
        };
        let result = finished(record, era);
        if is(&result, ErrorKind::Cancelled) { Err(TaskExit::Cancelled) } else { Ok(result) }
    })
}

fn finished(record: Result<Arc<RunRecord>, tokio::task::JoinError>, era: Era) -> CallToolResult {
    match record {
        Ok(record) => outcome::result(&record, era),
        Err(error) => {
            tracing::error!(%error, "a run did not come to its end");
            outcome::failure(&RunError::new(ErrorKind::Internal, "the host failed; its log says why"), None)
        }
    }
}

/// What a client that asked for progress was told.
struct Told {
    token: ProgressToken,
    last: Option<f64>,
}

async fn tell(told: &mut Option<Told>, report: Progress, call: &Call<'_>) {
    let Some(told) = told else { return };
    // The protocol lets progress only grow.
    if !report.done.is_finite() || told.last.is_some_and(|last| report.done <= last) {
        return;
    }
    told.last = Some(report.done);
    let mut params = ProgressNotificationParam::new(told.token.clone(), report.done);
    params.total = report.total.filter(|total| total.is_finite());
    params.message = (!report.message.is_empty()).then_some(report.message);
    if let Err(error) = call.context.peer.notify_progress(params).await {
        tracing::debug!(%error, "a client did not take its progress");
    }
}

fn is(result: &CallToolResult, kind: ErrorKind) -> bool {
    let meta = result.meta.as_ref().and_then(|meta| meta.get("kind"));
    meta.and_then(Value::as_str) == Some(kind.as_str())
}

fn text(result: &CallToolResult) -> String {
    let text = result.content.first().and_then(|content| content.as_text());
    text.map(|text| text.text.clone()).unwrap_or_default()
}
