//! What a run knows of itself and of the services around it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use arc_swap::ArcSwap;
use skillhost_blackboard::Blackboard;
use skillhost_engine::{Reach, RunState};
use skillhost_events::EventLog;
use skillhost_ledger::{Budget, Ledger};
use skillhost_llm::Router;
use skillhost_network::Network;
use skillhost_redaction::Redactor;
use skillhost_types::{Caller, Grants, HostCallRecord, Limits, RunId, SkillName, Tenant, Timestamp};

use tokio::time::Instant;
use wasmtime_wasi_http::WasiHttpHooks;

use crate::call::{ChannelRates, shown};
use crate::http::Sender;
use crate::skills::CallSkills;
use crate::spending::Tokens;

/// The services behind the interfaces, one set per host.
pub struct Services {
    /// Shared state and channels.
    pub blackboard: Arc<dyn Blackboard>,
    /// The audit trail.
    pub events: EventLog,
    /// How skills call skills; set once the host is whole.
    pub skills: OnceLock<Weak<dyn CallSkills>>,
    /// How many messages each channel may carry.
    pub rates: ChannelRates,
    /// The way out.
    pub network: Arc<Network>,
    /// Takes secrets out of what is stored or given out.
    pub redactor: Redactor,
    /// Language models.
    pub llm: Router,
    /// What is spent on them.
    pub ledger: Ledger,
    /// What may be spent.
    pub budgets: ArcSwap<Vec<Budget>>,
}

/// What one run is.
#[derive(Debug, Clone)]
pub struct RunInfo {
    /// Its name.
    pub run: RunId,
    /// Whose run.
    pub tenant: Tenant,
    /// The agent that the skill runs as.
    pub agent: Option<Arc<str>>,
    /// Who asked for it.
    pub caller: Caller,
    /// The run that all this is for: of runs that call each other, the first.
    pub root: RunId,
    /// Hears that a budget is used up: another attempt would end in the same way.
    pub exhausted: Option<Arc<AtomicBool>>,
    /// How deep in calls from skill to skill; the first is 0.
    pub depth: u32,
    /// How many messages led to this run, one waking the next.
    pub hops: u32,
    /// The limits it runs under.
    pub limits: Limits,
    /// Which skill it runs, and what that may do.
    pub skill: Arc<SkillInfo>,
}

/// What all runs of a generation share. One of it, and not a piece for each part: every run counts a reference to it, and threads
/// that count at once wait for each other.
#[derive(Debug, Clone)]
pub struct SkillInfo {
    /// Its name.
    pub name: SkillName,
    /// What it holds.
    pub grants: Grants,
    /// What the operator configured for it.
    pub config: BTreeMap<String, String>,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Done so far.
    pub done: f64,
    /// Of how much, if known.
    pub total: Option<f64>,
    /// For a person.
    pub message: String,
}

/// Takes a run's progress reports. Must not block.
pub type ProgressSink = Arc<dyn Fn(Progress) + Send + Sync>;

/// A store's data.
pub type State = RunState<Context>;

/// The capabilities' part of a store.
pub struct Context {
    /// What the run is.
    pub info: Arc<RunInfo>,
    /// What it may reach.
    pub services: Arc<Services>,
    /// Who listens to its progress.
    pub progress: Option<ProgressSink>,
    /// When it ends at the latest, on the wall clock.
    pub deadline: Timestamp,
    pub(crate) reports: u32,
    pub(crate) appended: u32,
    calls: Vec<HostCallRecord>,
    /// Made when the run asks for it.
    sender: Option<Sender>,
    /// The same.
    tokens: Option<Arc<Tokens>>,
}

impl Context {
    /// A run's context.
    pub fn new(
        info: Arc<RunInfo>,
        services: Arc<Services>,
        deadline: Timestamp,
        progress: Option<ProgressSink>,
    ) -> Self {
        Self {
            info,
            services,
            progress,
            deadline,
            reports: 0,
            appended: 0,
            calls: Vec::new(),
            sender: None,
            tokens: None,
        }
    }

    /// The host calls that were made, the first ones if there were many.
    pub fn into_calls(self) -> Vec<HostCallRecord> {
        let mut calls = self.calls;
        if let Some(sender) = self.sender {
            calls.extend(sender.into_calls());
            calls.sort_by_key(|call| call.at_us);
            calls.truncate(shown::CALLS);
        }
        calls
    }

    /// Tokens that it has used.
    pub fn tokens_used(&self) -> (u64, u64) {
        let used = |tokens: &Arc<Tokens>| (tokens.input.load(Ordering::Relaxed), tokens.output.load(Ordering::Relaxed));
        self.tokens.as_ref().map(used).unwrap_or_default()
    }

    /// Comes back when what it spent is on disk.
    pub async fn settled(&self) {
        if let Some(tokens) = &self.tokens {
            tokens.settled().await;
        }
    }

    pub(crate) fn tokens(&mut self) -> &Arc<Tokens> {
        self.tokens.get_or_insert_default()
    }

    /// Adds the tokens of a nested run.
    pub(crate) fn count_tokens(&mut self, input: u64, output: u64) {
        if input + output > 0 {
            let tokens = self.tokens();
            tokens.input.fetch_add(input, Ordering::Relaxed);
            tokens.output.fetch_add(output, Ordering::Relaxed);
        }
    }

    pub(crate) fn write_down(&mut self, call: impl FnOnce() -> HostCallRecord) {
        if self.calls.len() < shown::CALLS {
            self.calls.push(call());
        }
    }
}

impl Reach for Context {
    fn http(&mut self, deadline: Instant, left: u64) -> &mut dyn WasiHttpHooks {
        let new = || Sender::new(&self.services.network, &self.info.skill, deadline);
        let sender = self.sender.get_or_insert_with(new);
        sender.left = left;
        sender
    }

    fn take_sent(&mut self) -> u64 {
        self.sender.as_mut().map_or(0, |sender| std::mem::take(&mut sender.sent))
    }
}
