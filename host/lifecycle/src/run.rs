//! A run's way through: found, admitted, run, recorded.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::Value;
use skillhost_capabilities::{CallSkill, Context, NestedCall, ProgressSink, RawOutput, RunInfo, SkillError, SkillInfo};
use skillhost_engine::values::{self, ReturnedError};
use skillhost_engine::{Guest, RunState, Stop};
use skillhost_events::Recording as Answer;
use skillhost_ledger::Metered;
use skillhost_redaction::Redactor;
use skillhost_types::{
    ByteSize, Caller, Content, ErrorKind, HostCallRecord, Limits, LimitsPatch, LogLine, Output, RunError, RunId,
    RunRecord, Tenant, Timestamp, Usage,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, Instance, Val};

use crate::generation::{Generation, ToolEntry};
use crate::host::Inner;
use crate::registry::{FileState, Registry};
use crate::schema::Schema;
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
            Err(error) => return Arc::new(nowhere(run, started_at, request, error)),
        };
        let Some(tool) = generation.tools.get(index) else {
            return Arc::new(nowhere(run, started_at, request, RunError::new(ErrorKind::Internal, "the tool is gone")));
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

    /// Runs a tool for another skill, within what is left of that skill's budget.
    pub(crate) async fn run_nested(&self, call: NestedCall) -> (Result<Arc<Output>, RunError>, Usage) {
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

    async fn call(&self, prepared: &Prepared, tool: usize, input: &str) -> (Result<Output, RunError>, Came) {
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

impl Registry {
    /// The generation that serves `skill`, and which of its tools is meant.
    pub(crate) fn find(&self, skill: &str, tool: Option<&str>) -> Result<(Arc<Generation>, usize), RunError> {
        let not_found = |message: String| Err(RunError::new(ErrorKind::NotFound, message));
        let Some(generation) = self.skill(skill) else {
            return match self.not_serving(skill) {
                Some(entry) => {
                    let reason = entry.reason.as_deref().unwrap_or("see `skillhost list`");
                    match entry.state {
                        FileState::Pending | FileState::Rejected => {
                            Err(RunError::new(ErrorKind::Denied, format!("`{skill}` {reason}")))
                        }
                        _ => not_found(format!("`{skill}` was refused: {reason}")),
                    }
                }
                None => {
                    not_found(format!("there is no skill `{}`; `skillhost list` shows what there is", shown(skill)))
                }
            };
        };
        let names = || generation.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>().join(", ");
        let index = match (tool, &*generation.tools) {
            (_, []) => return not_found(format!("`{skill}` has no tools")),
            (None, [_]) => 0,
            (None, _) => {
                return Err(RunError::new(
                    ErrorKind::Usage,
                    format!("`{skill}` has several tools; name one of {}: `{skill}.TOOL`", names()),
                ));
            }
            (Some(tool), tools) => match tools.iter().position(|own| own.name.as_str() == tool) {
                Some(index) => index,
                None => return not_found(format!("`{skill}` has no tool `{}`; it has {}", shown(tool), names())),
            },
        };
        Ok((generation.clone(), index))
    }
}

/// A name that somebody gave, safe to show.
fn shown(name: &str) -> String {
    name.chars().take(64).flat_map(char::escape_default).collect()
}

/// The record of a run that came to no generation. It is given out and not written down: nothing ran.
fn nowhere(run: RunId, started_at: Timestamp, request: RunRequest, error: RunError) -> RunRecord {
    RunRecord {
        run,
        skill: request.skill.into(),
        tool: request.tool.unwrap_or_default().into(),
        digest: None,
        tenant: request.tenant,
        caller: request.caller,
        started_at,
        ok: false,
        output: None,
        error: Some(error),
        usage: Usage::default(),
        log: Vec::new(),
        calls: Vec::new(),
    }
}

fn decode(input: &str, limits: &Limits) -> Result<Value, RunError> {
    if input.len() as u64 > limits.input {
        return Err(RunError::new(
            ErrorKind::InvalidInput,
            format!(
                "the input is {} bytes long; the limit is {} (`limits.input`)",
                input.len(),
                ByteSize(limits.input)
            ),
        ));
    }
    // The parser's own bound on nesting (128) keeps deep documents out.
    serde_json::from_str(input)
        .map_err(|error| RunError::new(ErrorKind::InvalidInput, format!("the input is no JSON: {error}")))
}

fn invalid_input(path: &str, message: &str) -> RunError {
    let place = if path.is_empty() { "the input" } else { path };
    RunError::new(ErrorKind::InvalidInput, format!("{place}: {message}"))
}

/// A native tool's output, once it is JSON and fits the tool's own schema.
fn checked(raw: RawOutput, schema: Option<&Schema>) -> Result<Output, RunError> {
    let broken = |message: String| Err(RunError::new(ErrorKind::ToolError, message));
    let data: Option<Value> = match raw.data.as_deref().map(serde_json::from_str).transpose() {
        Ok(data) => data,
        Err(error) => return broken(format!("the tool's output is no JSON: {error}")),
    };
    if let Some(schema) = schema {
        let Some(data) = &data else {
            return broken("the tool gave no structured output, but has a schema for it".into());
        };
        if let Err(mismatch) = schema.check(data) {
            return broken(format!(
                "the tool's output breaks its own schema at `{}`: {}",
                mismatch.path, mismatch.message
            ));
        }
    }
    Ok(Output { data, content: raw.content })
}

/// What a plain component's `err` says: its text, or its value as JSON.
fn plain_error(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "the function gave an error without a value".to_owned(),
        other => other.to_string(),
    }
}

/// Takes secrets out of what a run gave and said, ahead of everybody who hears of it.
fn redact(redactor: &Redactor, result: &mut Result<Output, RunError>, came: &mut Came) {
    let clean = |text: &mut String| {
        if let Cow::Owned(clean) = redactor.text(text) {
            *text = clean;
        }
    };
    match result {
        Ok(Output { data, content }) => {
            data.iter_mut().for_each(|data| each_text(data, &clean));
            for content in content {
                if let Content::Text { text } = content {
                    clean(text);
                }
            }
        }
        Err(error) => clean(&mut error.message),
    }
    came.log.iter_mut().for_each(|line| clean(&mut line.message));
    for call in &mut came.calls {
        clean(&mut call.what);
        call.error.iter_mut().for_each(clean);
    }
}

/// Every text of a document, the names of its fields too.
fn each_text(value: &mut Value, act: &impl Fn(&mut String)) {
    match value {
        Value::String(text) => act(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, act)),
        Value::Object(fields) => {
            let renamed = |name: &String| {
                let mut clean = name.clone();
                act(&mut clean);
                (clean != *name).then(|| (name.clone(), clean))
            };
            let names: Vec<_> = fields.keys().filter_map(renamed).collect();
            for (name, clean) in names {
                if let Some(value) = fields.remove(&name) {
                    fields.insert(clean, value);
                }
            }
            fields.values_mut().for_each(|value| each_text(value, act));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
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
