//! A run's way through: found, admitted, run, recorded.

mod content;
mod find;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use skillhost_capabilities::{CallSkill, Context, ProgressSink, RunInfo, SkillError, SkillInfo};
use skillhost_engine::values::{self, ReturnedError};
use skillhost_engine::{Guest, RunState, Stop};
use skillhost_events::Recording as Answer;
use skillhost_ledger::Metered;
use skillhost_types::{
    Caller, ErrorKind, HostCallRecord, Limits, LimitsPatch, LogLine, Output, RunError, RunId, RunRecord, Tenant,
    Timestamp, Usage,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, Instance, Val};

use self::content::{checked, decode, invalid_input, plain_error, redact};
use crate::generation::{Generation, ToolEntry};
use crate::host::Inner;
use crate::trace;

/// What to run.
pub struct RunRequest {
    /// The skill.
    pub skill: String,
    /// The tool; none: the skill's only one.
    pub tool: Option<String>,
    /// The input, JSON.
    pub input: String,
    /// Who asks.
    pub caller: Caller,
    /// Whose run it is.
    pub tenant: Tenant,
    /// Laid over the skill's limits.
    pub limits: LimitsPatch,
    /// Who listens to its progress.
    pub progress: Option<ProgressSink>,
    /// Ends it as `cancelled`, which is recorded; dropping the call instead leaves no record.
    pub cancel: Option<CancellationToken>,
}

impl RunRequest {
    /// The record of what did not run. It is given out and not written down.
    pub fn unrun(self, run: RunId, started_at: Timestamp, error: RunError) -> RunRecord {
        RunRecord {
            run,
            skill: self.skill.into(),
            tool: self.tool.unwrap_or_default().into(),
            digest: None,
            tenant: self.tenant,
            caller: self.caller,
            started_at,
            ok: false,
            output: None,
            error: Some(error),
            usage: Usage::default(),
            log: Vec::new(),
            calls: Vec::new(),
        }
    }
}

/// Where a run stands in a chain of runs.
#[derive(Clone, Copy, Default)]
pub(crate) struct Chain {
    /// How deep in calls from skill to skill.
    pub(crate) depth: u32,
    /// How many messages led here.
    pub(crate) hops: u32,
    /// The run that began it; none: this one.
    pub(crate) root: Option<RunId>,
}

/// A run that found its generation.
pub(crate) struct Prepared {
    pub(crate) run: RunId,
    pub(crate) started_at: Timestamp,
    pub(crate) generation: Arc<Generation>,
    /// What the skill holds, and what is an agent's own if it runs as one.
    pub(crate) skill: Arc<SkillInfo>,
    pub(crate) tool: Arc<str>,
    pub(crate) caller: Caller,
    pub(crate) tenant: Tenant,
    pub(crate) agent: Option<Arc<str>>,
    pub(crate) limits: Limits,
    pub(crate) chain: Chain,
    pub(crate) progress: Option<ProgressSink>,
    /// Ends it.
    pub(crate) cancel: Option<CancellationToken>,
    /// Hears that a budget is used up.
    pub(crate) exhausted: Option<Arc<AtomicBool>>,
}

impl Prepared {
    /// Comes back when its caller wants it no more.
    async fn cancelled(&self) {
        match &self.cancel {
            Some(cancel) => cancel.cancelled().await,
            None => std::future::pending().await,
        }
    }
}

/// What came of it, before it is written down.
#[derive(Default)]
pub(crate) struct Came {
    pub(crate) usage: Usage,
    pub(crate) log: Vec<LogLine>,
    pub(crate) calls: Vec<HostCallRecord>,
    /// What it was given and gave, as far as that was counted.
    pub(crate) bytes: u64,
}

impl Inner {
    /// Runs one tool as `run` and writes that down.
    pub(crate) async fn run(&self, run: RunId, request: RunRequest) -> Arc<RunRecord> {
        // A caller that never pauses lets the executor's other tasks have their turn.
        tokio::task::coop::consume_budget().await;
        let started_at = self.source.now();
        let (generation, index) = match self.find(&request.skill, request.tool.as_deref()) {
            Ok(found) => found,
            Err(error) => return Arc::new(request.unrun(run, started_at, error)),
        };
        let Some(tool) = generation.tools.get(index) else {
            return Arc::new(request.unrun(run, started_at, RunError::new(ErrorKind::Internal, "the tool is gone")));
        };
        let prepared = Prepared {
            run,
            started_at,
            tool: tool.shared_name.clone(),
            limits: generation.limits.patched(&request.limits),
            caller: request.caller,
            tenant: request.tenant,
            agent: None,
            chain: Chain::default(),
            exhausted: None,
            progress: request.progress,
            cancel: request.cancel,
            skill: generation.shared.clone(),
            generation,
        };
        let span = trace::of_tool(&prepared);
        let ran = async {
            let (result, came) = self.call(&prepared, index, &request.input).await;
            self.record(prepared, result, came).await
        };
        let record = ran.instrument(span.clone()).await;
        trace::ended(&span, &record);
        record
    }

    pub(crate) async fn call(&self, prepared: &Prepared, tool: usize, input: &str) -> (Result<Output, RunError>, Came) {
        let Some(tool) = prepared.generation.tools.get(tool) else {
            return (Err(RunError::new(ErrorKind::Internal, "the tool is gone")), Came::default());
        };
        let value = match decode(input, &prepared.limits) {
            Ok(value) => value,
            Err(error) => return (Err(error), Came::default()),
        };
        match &tool.entry {
            ToolEntry::Native { input: schema, output } => {
                if let Err(mismatch) = schema.check(&value) {
                    return (Err(invalid_input(&mismatch.path, &mismatch.message)), Came::default());
                }
                let Some(indices) = prepared.generation.code.as_ref().and_then(|code| code.native) else {
                    return (
                        Err(RunError::new(ErrorKind::Internal, "a native tool without its exports")),
                        Came::default(),
                    );
                };
                let guest = CallSkill { indices, tool: tool.name.as_str(), input };
                let (result, mut came) = self.enter(prepared, guest).await;
                came.bytes = input.len() as u64;
                let result = result.and_then(|said| match said {
                    Ok(raw) => {
                        came.bytes += raw.data.as_ref().map_or(0, String::len) as u64;
                        checked(raw, output.as_ref())
                    }
                    Err(SkillError::InvalidInput(text)) => Err(RunError::new(ErrorKind::InvalidInput, text)),
                    Err(SkillError::Failed(text)) => Err(RunError::new(ErrorKind::ToolError, text)),
                });
                (result, came)
            }
            ToolEntry::Plain { function, signature, .. } => {
                let params = match values::from_json(signature, &value) {
                    Ok(params) => params,
                    Err(error) => return (Err(invalid_input(&error.path, &error.message)), Came::default()),
                };
                let guest = CallFunction { function: *function, params, results: signature.result_count() };
                let (result, mut came) = self.enter(prepared, guest).await;
                came.bytes = input.len() as u64;
                let cap = prepared.limits.output;
                let result = result.and_then(|results| {
                    values::to_json(signature, &results, cap)
                        .map(|data| Output { data: Some(data), content: Vec::new() })
                        .map_err(|error| match error {
                            ReturnedError::Err(value) => RunError::new(ErrorKind::ToolError, plain_error(&value)),
                            ReturnedError::TooLarge => Stop::Output.into_error(&prepared.limits),
                            foreign @ ReturnedError::Foreign => RunError::new(ErrorKind::Internal, foreign.to_string()),
                        })
                });
                (result, came)
            }
        }
    }

    /// Waits for a place and runs `guest` in it.
    pub(crate) async fn enter<G>(&self, prepared: &Prepared, guest: G) -> (Result<G::Output, RunError>, Came)
    where
        G: Guest<Context>,
    {
        let generation = &prepared.generation;
        let Some(code) = &generation.code else {
            let error = RunError::new(ErrorKind::NotFound, format!("`{}` is instructions only", generation.name));
            return (Err(error), Came::default());
        };
        // A nested run goes on in its caller's place: waiting for one of its own while holding that could
        // leave all places to callers who wait.
        let _place = if prepared.chain.depth == 0 {
            tokio::select! {
                biased;
                entered = self.admission.enter(&generation.name, self.queue_timeout()) => match entered {
                    Ok(permit) => Some(permit),
                    Err(error) => {
                        return (Err(RunError::new(ErrorKind::Overloaded, error.to_string())), Came::default());
                    }
                },
                () = prepared.cancelled() => {
                    return (Err(Stop::Cancelled.into_error(&prepared.limits)), Came::default());
                }
            }
        } else {
            None
        };
        let limits = &prepared.limits;
        let info = RunInfo {
            run: prepared.run,
            tenant: prepared.tenant.clone(),
            agent: prepared.agent.clone(),
            caller: prepared.caller.clone(),
            depth: prepared.chain.depth,
            hops: prepared.chain.hops,
            root: prepared.chain.root.unwrap_or(prepared.run),
            exhausted: prepared.exhausted.clone(),
            limits: limits.clone(),
            skill: prepared.skill.clone(),
        };
        let patience = u64::try_from(limits.timeout.as_millis()).unwrap_or(u64::MAX);
        let deadline = Timestamp(self.source.now().0.saturating_add(patience));
        let context = Context::new(Arc::new(info), self.services.clone(), deadline, prepared.progress.clone());
        let state = RunState::new(context, limits, generation.environment.clone());
        let ended = skillhost_engine::run(&code.linked, state, limits, guest, prepared.cancelled()).await;
        let mut usage = ended.usage;
        if self.recording() == Answer::Durable {
            ended.host.settled().await;
        }
        (usage.llm_input_tokens, usage.llm_output_tokens) = ended.host.tokens_used();
        let came = Came { usage, log: ended.log, calls: ended.host.into_calls(), bytes: 0 };
        let result = ended.result.map_err(|stop| {
            let error = stop.into_error(limits);
            RunError::new(error.kind, format!("`{}.{}` {}", generation.name, prepared.tool, error.message))
        });
        (result, came)
    }

    /// Writes the run down and gives it out: after the commit or before it, as configured.
    pub(crate) async fn record(
        &self,
        prepared: Prepared,
        mut result: Result<Output, RunError>,
        mut came: Came,
    ) -> Arc<RunRecord> {
        redact(&self.services.redactor, &mut result, &mut came);
        let (output, error) = match result {
            Ok(output) => (Some(Arc::new(output)), None),
            Err(error) => (None, Some(error)),
        };
        let Usage { fuel, wall_us, .. } = came.usage;
        let used = Metered { fuel, wall_us, bytes: came.bytes };
        self.meter.add(&prepared.tenant, &prepared.generation.name, prepared.agent.as_deref(), used);
        let record = Arc::new(RunRecord {
            run: prepared.run,
            skill: prepared.generation.shared_name.clone(),
            tool: prepared.tool,
            digest: Some(prepared.generation.digest),
            tenant: prepared.tenant,
            caller: prepared.caller,
            started_at: prepared.started_at,
            ok: error.is_none(),
            output,
            error,
            usage: came.usage,
            log: came.log,
            calls: came.calls,
        });
        match self.services.events.record_run(&record, self.recording()).await {
            Ok(()) => record,
            // What is not on record is not given out: callers of a durable host rely on the log.
            Err(error) => {
                let mut record = Arc::unwrap_or_clone(record);
                record.ok = false;
                record.output = None;
                record.error = Some(RunError::new(
                    ErrorKind::Internal,
                    format!("the run ended, but could not be recorded: {error}"),
                ));
                Arc::new(record)
            }
        }
    }
}

/// Calls a function of a plain component.
struct CallFunction {
    function: ComponentExportIndex,
    params: Vec<Val>,
    results: usize,
}

impl Guest<Context> for CallFunction {
    type Output = Vec<Val>;

    // Every byte of a `list<u8>` becomes a value of its own.
    const EXPANSION: u64 = size_of::<Val>() as u64;

    async fn call(self, store: &mut Store<RunState<Context>>, instance: &Instance) -> wasmtime::Result<Vec<Val>> {
        let Some(function) = instance.get_func(&mut *store, self.function) else {
            return Err(Stop::Internal("the function is gone".into()).into());
        };
        // Any value will do; the call puts its own in place.
        let mut results = vec![Val::Bool(false); self.results];
        function.call_async(store, &self.params, &mut results).await?;
        Ok(results)
    }
}
