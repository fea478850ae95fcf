//! What a run knows of itself and of the services around it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};

use skillhost_blackboard::Blackboard;
use skillhost_engine::{Reach, RunState};
use skillhost_events::EventLog;
use skillhost_network::Network;
use skillhost_redaction::Redactor;
use skillhost_types::{Caller, Grants, HostCallRecord, Limits, RunId, SkillName, Tenant, Timestamp};

use tokio::time::Instant;
use wasmtime_wasi_http::WasiHttpHooks;

use crate::call::{ChannelRates, shown};
use crate::http::Sender;
use crate::skills::CallSkills;

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
}

/// What one run is.
#[derive(Debug, Clone)]
pub struct RunInfo {
    /// Its name.
    pub run: RunId,
    /// Which skill.
    pub skill: SkillName,
    /// Whose run.
    pub tenant: Tenant,
    /// The agent that the skill runs as.
    pub agent: Option<Arc<str>>,
    /// Who asked for it.
    pub caller: Caller,
    /// How deep in calls from skill to skill; the first is 0.
    pub depth: u32,
    /// How many messages led to this run, one waking the next.
    pub hops: u32,
    /// The limits it runs under.
    pub limits: Limits,
    /// What its skill holds.
    pub grants: Arc<Grants>,
    /// What the operator configured for the skill itself.
    pub config: Arc<BTreeMap<String, String>>,
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
}

impl Context {
    /// A run's context.
    pub fn new(
        info: Arc<RunInfo>,
        services: Arc<Services>,
        deadline: Timestamp,
        progress: Option<ProgressSink>,
    ) -> Self {
        Self { info, services, progress, deadline, reports: 0, appended: 0, calls: Vec::new(), sender: None }
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

    pub(crate) fn write_down(&mut self, call: impl FnOnce() -> HostCallRecord) {
        if self.calls.len() < shown::CALLS {
            self.calls.push(call());
        }
    }
}

impl Reach for Context {
    fn http(&mut self, deadline: Instant, left: u64) -> &mut dyn WasiHttpHooks {
        let new = || Sender::new(&self.services.network, &self.info.grants, deadline);
        let sender = self.sender.get_or_insert_with(new);
        sender.left = left;
        sender
    }

    fn take_sent(&mut self) -> u64 {
        self.sender.as_mut().map_or(0, |sender| std::mem::take(&mut sender.sent))
    }
}
