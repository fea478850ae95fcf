//! What the host in memory remembers, one per thread.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use serde_json::Value;

use super::{LogLine, Progress, Published, SkillCall, glob};
use crate::events::Event;
use crate::llm::{Completion, Request};
use crate::run::{Budget, Context};
use crate::{CallError, HostError};

/// What stands for another skill's tool.
pub(super) type Behaviour = Rc<dyn Fn(Value) -> Result<Value, CallError>>;

/// What stands for one answer of a model.
pub(super) type Script = Box<dyn FnOnce(&Request) -> Result<Completion, HostError>>;

/// The limits that a run has by default, in the units of [`Budget`].
const BUDGET: Budget =
    Budget { fuel: 1_000_000_000, wall_ms: 30_000, memory_bytes: 64 << 20, host_calls: 10_000, llm_tokens: 100_000 };

pub(super) struct State {
    pub(super) context: Context,
    pub(super) budget: Budget,
    pub(super) denied: Vec<String>,
    pub(super) down: bool,
    pub(super) board: BTreeMap<String, String>,
    pub(super) events: Vec<Event>,
    pub(super) answers: VecDeque<Script>,
    pub(super) skills: BTreeMap<String, Behaviour>,
    pub(super) logs: Vec<LogLine>,
    pub(super) progress: Vec<Progress>,
    pub(super) published: Vec<Published>,
    pub(super) requests: Vec<Request>,
    pub(super) skill_calls: Vec<SkillCall>,
}

impl Default for State {
    fn default() -> Self {
        let context = Context {
            run_id: "01JTESTRUN0000000000000000".to_owned(),
            skill: "mock".to_owned(),
            tenant: "default".to_owned(),
            agent: None,
            caller: "cli".to_owned(),
            deadline: BUDGET.wall_ms,
        };
        Self {
            context,
            budget: BUDGET,
            denied: Vec::new(),
            down: false,
            board: BTreeMap::new(),
            events: Vec::new(),
            answers: VecDeque::new(),
            skills: BTreeMap::new(),
            logs: Vec::new(),
            progress: Vec::new(),
            published: Vec::new(),
            requests: Vec::new(),
            skill_calls: Vec::new(),
        }
    }
}

impl State {
    /// Whether the skill holds `capability` for exactly this `scope`.
    pub(super) fn allows(&self, capability: &str, scope: &str) -> bool {
        !self.denied.iter().any(|denied| match denied.split_once(' ') {
            None => denied == capability,
            Some((name, pattern)) => name == capability && glob::matches(pattern, scope),
        })
    }

    /// Refuses as the host does: for want of a grant first, then for a backend that is gone.
    pub(super) fn check(&self, capability: &str, scope: &str) -> Result<(), HostError> {
        if !self.allows(capability, scope) {
            return Err(HostError::Denied(format!("{capability} {scope}")));
        }
        if self.down {
            return Err(HostError::Unavailable(format!("{capability}: taken down by the test")));
        }
        Ok(())
    }

    pub(super) fn append(&mut self, kind: &str, source: &str, data: String) -> u64 {
        let seq = self.events.last().map_or(1, |event| event.seq + 1);
        let run = Some(self.context.run_id.clone());
        self.events.push(Event { seq, at: 0, kind: kind.to_owned(), source: source.to_owned(), run, data });
        seq
    }
}

thread_local! {
    static STATE: RefCell<State> = RefCell::new(State::default());
}

/// Works on this thread's host. What `work` calls must not come back here, so no test's closure runs inside it.
pub(super) fn with<T>(work: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(work)
}
