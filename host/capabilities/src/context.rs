//! What a run knows of itself and of the services around it.

use std::sync::{Arc, OnceLock, Weak};

use skillhost_blackboard::Blackboard;
use skillhost_engine::RunState;
use skillhost_events::EventLog;
use skillhost_types::{Caller, Grants, HostCallRecord, Limits, RunId, SkillName, Tenant, Timestamp};

use crate::call::ChannelRates;
use crate::skills::CallSkills;

/// Host calls that a run's record shows; the later ones are only counted. Enough to read, little to keep.
const SHOWN_CALLS: usize = 100;

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
}

impl Context {
    /// A run's context.
    pub fn new(
        info: Arc<RunInfo>,
        services: Arc<Services>,
        deadline: Timestamp,
        progress: Option<ProgressSink>,
    ) -> Self {
        Self { info, services, progress, deadline, reports: 0, appended: 0, calls: Vec::new() }
    }

    /// The host calls that were made, the first ones if there were many.
    pub fn into_calls(self) -> Vec<HostCallRecord> {
        self.calls
    }

    pub(crate) fn write_down(&mut self, call: impl FnOnce() -> HostCallRecord) {
        if self.calls.len() < SHOWN_CALLS {
            self.calls.push(call());
        }
    }
}
