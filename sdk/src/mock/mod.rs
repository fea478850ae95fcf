//! A host in memory, for native tests of skills. It exists on every target but WebAssembly.
//!
//! Contract: one host per thread, so tests that run side by side share nothing; it grants everything until [`deny`] says
//! otherwise, and answers as the real one does. Time stands still: values never expire.
//! A test that shares its thread with others (`--test-threads=1`) begins with [`reset`].
//!
//! ```
//! use skillhost_sdk::{HostError, blackboard, mock};
//!
//! mock::deny("blackboard.write plan:*");
//! assert_eq!(blackboard::set("plan:today", "rest"), Err(HostError::Denied("blackboard.write plan:today".into())));
//! assert_eq!(blackboard::set("notes:today", "rest"), Ok(()));
//! ```

mod glob;
pub(crate) mod host;
mod state;

use serde_json::Value;

use crate::events::Event;
use crate::llm::{Completion, FinishReason, Request, Usage};
use crate::run::{Budget, Context, Level};
use crate::{CallError, HostError};
use state::with;

/// A line of the run's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub message: String,
}

/// A report of progress.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// How far.
    pub done: f64,
    /// Of how much, where known.
    pub total: Option<f64>,
    /// What it says.
    pub message: String,
}

/// A message that the skill published.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Where to.
    pub channel: String,
    /// What.
    pub message: Value,
}

/// A call to another skill.
#[derive(Debug, Clone, PartialEq)]
pub struct SkillCall {
    /// `skill.tool`.
    pub target: String,
    /// With what.
    pub input: Value,
}

/// A host as new: nothing stored, recorded, scripted or denied.
pub fn reset() {
    with(|state| *state = state::State::default());
}

/// Takes a capability away: `blackboard.write`, or for some scopes only, `blackboard.write plan:*`.
pub fn deny(grant: &str) {
    with(|state| state.denied.push(grant.trim().to_owned()));
}

/// Every call that is backed by a server (board, models, other skills, event log) is `unavailable` from here on.
pub fn take_down() {
    with(|state| state.down = true);
}

/// The model's next answer, for one call of `complete` or `stream`; answers are given in the order they are queued.
///
/// Without one, a call is `unavailable` and says so: a test that forgot to script it should not pass by chance.
pub fn answer(text: impl Into<String>) {
    let text = text.into();
    answer_with(move |request| Ok(completion(request, text)));
}

/// The model's next answer is this error.
pub fn answer_with_error(error: HostError) {
    answer_with(move |_| Err(error));
}

/// The model's next answer is what `behaviour` makes of the request; meanwhile it may do what others would do, as write to
/// the blackboard.
///
/// ```
/// use skillhost_sdk::{llm, mock};
///
/// mock::answer_with(|request| Ok(llm::Completion { is_fallback: true, ..mock::completion(request, "Paris") }));
/// assert!(llm::complete(&llm::Request::new().user("Capital of France?"))?.is_fallback);
/// # Ok::<(), skillhost_sdk::HostError>(())
/// ```
pub fn answer_with(behaviour: impl FnOnce(&Request) -> Result<Completion, HostError> + 'static) {
    with(|state| state.answers.push_back(Box::new(behaviour)));
}

/// The answer of [`answer`]: whole, of the model that was asked for, and counted in words where a model counts tokens.
#[must_use]
pub fn completion(request: &Request, text: impl Into<String>) -> Completion {
    let text = text.into();
    let words = |text: &str| text.split_whitespace().count() as u64;
    let usage = Usage {
        input_tokens: request.messages.iter().map(|turn| words(&turn.content)).sum(),
        output_tokens: words(&text),
    };
    let model = host::model(request).to_owned();
    Completion { text, provider: "mock".to_owned(), model, is_fallback: false, finish: FinishReason::Stop, usage }
}

/// What `skill.tool` does when the skill calls it. Without one, a call is `invalid`: there is no such skill.
pub fn on_skill_call(target: &str, behaviour: impl Fn(Value) -> Result<Value, CallError> + 'static) {
    with(|state| state.skills.insert(target.to_owned(), std::rc::Rc::new(behaviour)));
}

/// Appends an event of the host's own, for the skill to read.
pub fn record_event(kind: &str, source: &str, data: &Value) {
    with(|state| state.append(kind, source, data.to_string()));
}

/// Changes what [`run::current`](crate::run::current) says.
pub fn change_context(change: impl FnOnce(&mut Context)) {
    with(|state| change(&mut state.context));
}

/// Changes what [`run::remaining`](crate::run::remaining) says. The mock spends nothing of it.
pub fn change_budget(change: impl FnOnce(&mut Budget)) {
    with(|state| change(&mut state.budget));
}

/// What the skill logged.
#[must_use]
pub fn logs() -> Vec<LogLine> {
    with(|state| state.logs.clone())
}

/// How far the skill said it was.
#[must_use]
pub fn progress() -> Vec<Progress> {
    with(|state| state.progress.clone())
}

/// The event log.
#[must_use]
pub fn events() -> Vec<Event> {
    with(|state| state.events.clone())
}

/// What the skill published.
#[must_use]
pub fn published() -> Vec<Published> {
    with(|state| state.published.clone())
}

/// What the skill asked of the model.
#[must_use]
pub fn llm_requests() -> Vec<Request> {
    with(|state| state.requests.clone())
}

/// What the skill asked of other skills.
#[must_use]
pub fn skill_calls() -> Vec<SkillCall> {
    with(|state| state.skill_calls.clone())
}
