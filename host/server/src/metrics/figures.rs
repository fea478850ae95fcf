//! What is read of the host for `/metrics`.

use std::collections::BTreeMap;

use serde::Serialize;
use skillhost_blackboard::Health as Board;
use skillhost_feed::Counters;
use skillhost_lifecycle::{AgentStatus, FileState};
use skillhost_llm::ProviderMetrics;
use skillhost_store::Health;

use super::process::Process;
use crate::requests::Route;
use crate::shared::{App, Shared};
use crate::stats::Totals;

/// All figures, as they were at one moment, or nearly.
pub(super) struct Figures {
    pub(super) totals: Totals,
    /// Since the start, in milliseconds.
    pub(super) uptime_ms: u64,
    pub(super) running: usize,
    /// What the instance pool holds for runs, by kind.
    pub(super) pool: [(&'static str, u64); 5],
    pub(super) models: Vec<ProviderMetrics>,
    pub(super) board: Board,
    pub(super) log: Log,
    /// Entries of the drop folder, by state.
    pub(super) skills: BTreeMap<&'static str, usize>,
    pub(super) approvals: Option<usize>,
    pub(super) agents: Option<Agents>,
    pub(super) routes: BTreeMap<Box<str>, Route>,
    /// Connections of HTTP.
    pub(super) connections: usize,
    pub(super) feed: Counters,
    pub(super) process: Process,
}

/// How the event log fares.
pub(super) struct Log {
    /// The position of its last event; none if it cannot be read.
    pub(super) head: Option<u64>,
    /// Entries that wait for a disk that fails; none: it does not.
    pub(super) kept: Option<usize>,
}

/// The agents, counted.
#[derive(Default)]
pub(super) struct Agents {
    /// By status.
    pub(super) by_status: BTreeMap<&'static str, usize>,
    /// Messages that wait.
    pub(super) waiting: usize,
    /// Messages that were given up.
    pub(super) parked: u64,
}

impl Figures {
    pub(super) async fn read(app: &App, shared: &Shared) -> Self {
        let host = &app.host;
        let agents = match host.agents().await {
            Ok(agents) => {
                let mut counted = Agents {
                    by_status: AgentStatus::ALL.map(|status| (status.as_str(), 0)).into(),
                    ..Agents::default()
                };
                for agent in agents {
                    counted.waiting += agent.waiting;
                    counted.parked += agent.parked;
                    if let Some(count) = counted.by_status.get_mut(agent.status.as_str()) {
                        *count += 1;
                    }
                }
                Some(counted)
            }
            Err(error) => {
                tracing::warn!(%error, "metrics are without the agents");
                None
            }
        };
        // These read files.
        let reader = host.clone();
        let (head, approvals, process) = tokio::task::spawn_blocking(move || {
            let told = |error: &dyn std::fmt::Display| tracing::warn!(%error, "metrics are incomplete");
            let head = reader.events().head().inspect_err(|error| told(error)).ok();
            let approvals = reader.approvals(false).inspect_err(|error| told(error)).ok();
            (head, approvals.map(|waiting| waiting.len()), Process::look())
        })
        .await
        .unwrap_or_default();
        let kept = match host.events().health() {
            Health::Well => None,
            Health::Failing { kept, .. } => Some(kept),
        };
        let (running, pool) = host.in_use();
        let states = [FileState::Active, FileState::Pending, FileState::Rejected, FileState::Refused];
        let mut skills = BTreeMap::from(states.map(|state| (state.as_str(), 0)));
        for entry in host.entries() {
            *skills.entry(entry.state.as_str()).or_default() += 1;
        }
        Self {
            totals: app.stats.totals(),
            uptime_ms: host.events().source().now().0.saturating_sub(app.stats.started().0),
            running,
            pool: [
                ("components", pool.components),
                ("core_instances", pool.core_instances),
                ("memories", pool.memories),
                ("tables", pool.tables),
                ("stacks", pool.stacks),
            ],
            models: host.models(),
            board: host.blackboard().health(),
            log: Log { head, kept },
            skills,
            approvals,
            agents,
            routes: shared.requests.routes(),
            connections: shared.open.len(),
            feed: app.feed.counters(),
            process,
        }
    }
}

/// The word that a kind is written as elsewhere.
pub(super) fn word(kind: impl Serialize) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "other".to_owned(),
    }
}
