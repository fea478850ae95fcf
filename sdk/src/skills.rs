//! Calls to other skills, inside this run's own budget.
//!
//! Contract: what the other skill uses is taken from this run; calls nest 8 deep at the most. Needs a grant of
//! `skills.call` for `skill.tool`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{CallError, backend, json};

/// Calls a tool of another skill of the same tenant. Gives its data; of a tool that gives content only, the list of it.
///
/// ```no_run
/// use skillhost_sdk::{serde_json::{Value, json}, skills};
///
/// let summary: Value = skills::call("textkit", "summarize", &json!({"text": "One. Two. Three."}))?;
/// # Ok::<(), skillhost_sdk::CallError>(())
/// ```
pub fn call<O: DeserializeOwned>(skill: &str, tool: &str, input: &(impl Serialize + ?Sized)) -> Result<O, CallError> {
    let answer = backend::call(skill, tool, &json::encode(input)?)?;
    json::decode(&answer).map_err(|error| CallError::Tool(format!("`{skill}.{tool}` answered something else: {error}")))
}
