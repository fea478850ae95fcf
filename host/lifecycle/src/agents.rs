//! Agents: skills that messages and the clock wake up.
//!
//! Contract: an agent gets the messages of its channels in order per channel, each once, from whichever generation serves when its
//! turn comes; what it accepted is on disk until it is handled or parked. The agents of a data directory live in one process at a
//! time. Changes of the configuration or of a skill's file reach a living agent without a message being lost. Price: one
//! waiting task per agent, and two small writes per message.

mod handle;
mod inbox;
mod lease;
mod life;
mod plan;
mod queues;
mod status;
mod vitals;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use skillhost_blackboard::{BoardError, Subscription};
use skillhost_store::StoreError;
use skillhost_types::{Glob, SkillName, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::inbox::Parked;
use self::inbox::{Inbox, Owner};
use self::life::Life;
use self::plan::{Plan, Planned};
pub use self::status::AgentStatus;
use self::vitals::{Signs, Vitals};
use crate::config::{AgentConfig, Config};
use crate::host::Inner;

/// The agents of a host.
pub(crate) struct Agents {
    inbox: Arc<Inbox>,
    state: Mutex<State>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct State {
    open: bool,
    living: HashMap<SkillName, Living>,
    /// Those that still come to their end, by the tokens that say when they have.
    leaving: HashMap<SkillName, CancellationToken>,
    waiting: HashMap<SkillName, String>,
}

struct Living {
    plan: watch::Sender<Arc<Plan>>,
    replayed: mpsc::Sender<()>,
    stop: CancellationToken,
    ended: CancellationToken,
    vitals: Arc<Vitals>,
}

/// An agent, as the command line shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AgentInfo {
    pub name: String,
    pub skill: String,
    pub tenant: String,
    pub status: AgentStatus,
    pub reason: Option<String>,
    pub subscribe: Vec<String>,
    pub deliver: String,
    pub tags: Vec<String>,
    pub waiting: usize,
    pub handled: u64,
    pub failed: u64,
    pub parked: u64,
    /// Messages that it had no room for.
    pub missed: u64,
    pub failures: u64,
    pub last_error: Option<String>,
    pub next_at: Option<Timestamp>,
}

impl Agents {
    pub(crate) fn new(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self { inbox: Arc::new(Inbox::open(folder)?), state: Mutex::default(), tasks: TaskTracker::new() })
    }

    /// Begins to serve agents.
    pub(crate) fn open(&self, inner: &Arc<Inner>) {
        self.lock().open = true;
        self.follow(inner);
    }

    /// Brings the agents in line with what serves and is configured now.
    pub(crate) fn follow(&self, inner: &Arc<Inner>) {
        let mut state = self.lock();
        if !state.open {
            return;
        }
        let mut plans = HashMap::new();
        state.waiting.clear();
        for (name, planned) in plan::plan(&inner.registry.load(), &inner.config()) {
            match planned {
                Planned::Lives(plan) => drop(plans.insert(name, *plan)),
                Planned::Waits(reason) => drop(state.waiting.insert(name, reason)),
            }
        }
        state.leaving.retain(|_, ended| !ended.is_cancelled());
        let State { living, leaving, .. } = &mut *state;
        living.retain(|name, agent| {
            // Another tenant's is another agent.
            let stays = plans.get(name).is_some_and(|plan| plan.tenant == agent.plan.borrow().tenant);
            if !stays {
                agent.stop.cancel();
                leaving.insert(name.clone(), agent.ended.clone());
            }
            stays
        });
        for (name, plan) in plans {
            match living.get(&name) {
                Some(agent) => {
                    agent.plan.send_if_modified(|before| {
                        let changed = **before != plan;
                        if changed {
                            *before = Arc::new(plan);
                        }
                        changed
                    });
                }
                None => match self.begin(inner, plan, leaving.get(&name).cloned()) {
                    Ok(agent) => drop(living.insert(name, agent)),
                    Err(error) => tracing::warn!(agent = %name, %error, "the agent gets no messages"),
                },
            }
        }
    }

    /// Begins a life, which takes up its work when the one before it has ended.
    fn begin(&self, inner: &Arc<Inner>, plan: Plan, before: Option<CancellationToken>) -> Result<Living, BoardError> {
        // At once: a message that is sent from here on is heard.
        let subscription = inner.subscribe(&plan)?;
        let owner = Owner { tenant: plan.tenant.clone(), agent: plan.agent.clone() };
        let (sender, plan) = watch::channel(Arc::new(plan));
        let (replayed, replays) = mpsc::channel(1);
        let agent = Living {
            plan: sender,
            replayed,
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
            vitals: Arc::default(),
        };
        let life = Life {
            inner: inner.clone(),
            inbox: self.inbox.clone(),
            owner,
            plan,
            replayed: replays,
            stop: agent.stop.clone(),
            vitals: agent.vitals.clone(),
            subscription,
            state: life::State::default(),
        };
        let ended = agent.ended.clone();
        self.tasks.spawn(async move {
            if let Some(before) = before {
                before.cancelled().await;
            }
            // Also if it panics: who waits for its end must not wait for ever.
            let _ended = ended.drop_guard();
            life.live().await;
        });
        Ok(agent)
    }

    /// All agents: those that live, those that wait for their skill, and those that are gone and left messages behind.
    pub(crate) async fn list(&self, config: &Config) -> Result<Vec<AgentInfo>, StoreError> {
        let owners = self.inbox.owners().await?;
        let state = self.lock();
        let living = state.living.values().map(|agent| alive(&agent.plan.borrow(), agent.vitals.signs()));
        let waiting = state.waiting.iter().filter_map(|(name, reason)| {
            let section = config.agents.get(name)?;
            Some(asleep(name, section, reason))
        });
        let mut all: Vec<_> = living.chain(waiting).collect();
        for (owner, waiting, parked) in owners {
            let named = all
                .iter_mut()
                .find(|agent| agent.name == owner.agent.as_str() && agent.tenant == owner.tenant.as_str());
            match named {
                Some(agent) if agent.status == AgentStatus::Waiting => {
                    (agent.waiting, agent.parked) = (waiting, parked)
                }
                Some(_) => {}
                None => all.push(AgentInfo { waiting, parked, ..gone(&owner) }),
            }
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    /// What agents failed on for good, the oldest first.
    pub(crate) async fn parked(&self) -> Result<Vec<Parked>, StoreError> {
        self.inbox.parked().await
    }

    /// Lets parked messages wait again, these or all. Gives how many.
    pub(crate) async fn replay(&self, ids: Option<Vec<String>>) -> Result<usize, StoreError> {
        let count = self.inbox.replay(ids).await?;
        for agent in self.lock().living.values() {
            // A full channel says it already.
            let _ = agent.replayed.try_send(());
        }
        Ok(count)
    }

    /// Takes no more messages and waits for the handlers that run.
    pub(crate) async fn close(&self) {
        {
            let mut state = self.lock();
            state.open = false;
            for agent in state.living.values() {
                agent.stop.cancel();
            }
            state.living.clear();
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Writes what is left.
    pub(crate) fn flush(&self) {
        if let Err(error) = self.inbox.close() {
            tracing::error!(%error, "the end of some messages was not written; they come again");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The channels of an agent.
    fn subscribe(&self, plan: &Plan) -> Result<Subscription, BoardError> {
        let globs = plan.channels.iter().map(|pattern| Glob::new(pattern)).collect();
        self.services.blackboard.subscribe(&plan.tenant, globs)
    }
}

fn alive(plan: &Plan, signs: Signs) -> AgentInfo {
    let Signs { waiting, handled, failed, parked, missed, failures, last_error, next_at } = signs;
    AgentInfo {
        name: plan.agent.to_string(),
        skill: plan.skill.to_string(),
        tenant: plan.tenant.to_string(),
        status: AgentStatus::after(failures),
        reason: None,
        subscribe: plan.channels.clone(),
        deliver: plan.deliver.as_str().to_owned(),
        tags: plan.tags.clone(),
        waiting,
        handled,
        failed,
        parked,
        missed,
        failures,
        last_error,
        next_at,
    }
}

/// One that is not there any more.
fn gone(owner: &Owner) -> AgentInfo {
    let section = AgentConfig { tenant: owner.tenant.clone(), ..AgentConfig::of(&owner.agent) };
    let reason = "neither configured nor served, and has left messages behind; name it under `agents` again to have them handled";
    AgentInfo { status: AgentStatus::Gone, ..asleep(&owner.agent, &section, reason) }
}

fn asleep(name: &SkillName, section: &AgentConfig, reason: &str) -> AgentInfo {
    AgentInfo {
        name: name.to_string(),
        skill: section.skill.to_string(),
        tenant: section.tenant.to_string(),
        status: AgentStatus::Waiting,
        reason: Some(reason.to_owned()),
        subscribe: section.subscribe.clone().unwrap_or_default(),
        deliver: section.deliver.as_str().to_owned(),
        tags: section.tags.clone(),
        waiting: 0,
        handled: 0,
        failed: 0,
        parked: 0,
        missed: 0,
        failures: 0,
        last_error: None,
        next_at: None,
    }
}
