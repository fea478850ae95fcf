//! Skills that messages wake up.
//!
//! Contract: a skill with subscriptions is an agent of its own name; it gets the messages of its channels one
//! at a time and in order, each at most once, from whichever generation serves when the message's turn comes.
//! A handler that fails is on record and does not stop the ones after it. Price: one waiting task per agent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use skillhost_blackboard::{Message, Subscription};
use skillhost_capabilities::HandleMessage;
use skillhost_types::{Caller, ErrorKind, Glob, Output, RunError, RunId, SkillName, Tenant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::host::Inner;
use crate::run::{Chain, Prepared};

/// The tool name under which a handler's runs are on record.
const HANDLE: &str = "handle";

/// The agents of a host.
#[derive(Default)]
pub(crate) struct Agents {
    state: Mutex<State>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct State {
    open: bool,
    running: HashMap<SkillName, Agent>,
}

struct Agent {
    patterns: Vec<String>,
    stop: CancellationToken,
}

impl Agents {
    /// Begins to serve agents.
    pub(crate) fn open(&self, inner: &Arc<Inner>) {
        self.lock().open = true;
        self.follow(inner);
    }

    /// Brings the agents in line with what serves now.
    pub(crate) fn follow(&self, inner: &Arc<Inner>) {
        let mut state = self.lock();
        if !state.open {
            return;
        }
        let registry = inner.registry.load();
        let wanted: HashMap<_, _> = registry
            .skills()
            .map(|skill| (skill.name.clone(), skill.channels()))
            .filter(|(_, channels)| !channels.is_empty())
            .collect();
        state.running.retain(|name, agent| {
            let stays = wanted.get(name) == Some(&agent.patterns);
            if !stays {
                agent.stop.cancel();
            }
            stays
        });
        for (name, patterns) in wanted {
            if state.running.contains_key(&name) {
                continue;
            }
            let globs: Vec<_> = patterns.iter().map(|pattern| Glob::new(pattern)).collect();
            let subscription = match inner.services.blackboard.subscribe(&Tenant::default(), globs) {
                Ok(subscription) => subscription,
                Err(error) => {
                    tracing::warn!(agent = %name, %error, "the agent gets no messages");
                    continue;
                }
            };
            let stop = CancellationToken::new();
            self.tasks.spawn(serve(inner.clone(), name.clone(), subscription, stop.clone()));
            state.running.insert(name, Agent { patterns, stop });
        }
    }

    /// Takes no more messages and waits for the handlers that run.
    pub(crate) async fn close(&self) {
        {
            let mut state = self.lock();
            state.open = false;
            for agent in state.running.values() {
                agent.stop.cancel();
            }
            state.running.clear();
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(inner: Arc<Inner>, name: SkillName, mut subscription: Subscription, stop: CancellationToken) {
    inner.event("agent.joined", json!({"agent": name})).await;
    let mut failures: u64 = 0;
    loop {
        let message = tokio::select! {
            () = stop.cancelled() => break,
            message = subscription.next() => message,
        };
        let Some(message) = message else { break };
        let ok = handle(&inner, &name, &message).await;
        let before = failures;
        failures = if ok { 0 } else { failures + 1 };
        if failures != before {
            let status = if ok { "healthy" } else { "failing" };
            inner.event("agent.status", json!({"agent": name, "status": status, "failures": failures})).await;
        }
    }
    inner.event("agent.left", json!({"agent": name, "missed": subscription.dropped()})).await;
}

/// Hands one message to whichever generation serves now. Says whether it went well.
async fn handle(inner: &Arc<Inner>, name: &SkillName, message: &Message) -> bool {
    let Some(generation) = inner.registry.load().skill(name.as_str()).cloned() else {
        return false;
    };
    let Some((_, indices)) = generation.handler() else {
        return false;
    };
    let prepared = Prepared {
        run: RunId::new(&*inner.source),
        started_at: inner.source.now(),
        tool: HANDLE.into(),
        limits: generation.limits.clone(),
        caller: Caller::Channel(message.channel.as_str().into()),
        tenant: Tenant::default(),
        agent: Some(name.as_str().into()),
        chain: Chain { depth: 0, hops: message.hops },
        progress: None,
        generation,
    };
    let (result, came) = inner.enter(&prepared, HandleMessage { indices, message }).await;
    let result = result.and_then(|handled| match handled {
        Ok(()) => Ok(Output::default()),
        Err(text) => Err(RunError::new(ErrorKind::ToolError, text)),
    });
    inner.record(prepared, result, came).await.ok
}
