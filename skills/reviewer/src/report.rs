//! Where a review is kept, and how it is told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use skillhost_sdk::run::{self, Context};
use skillhost_sdk::{HostError, ToolError, blackboard};

use crate::request::ReviewId;
use crate::review::{Review, Severity};

/// Which review to give.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The id of its request.
    pub id: ReviewId,
    /// The agent that reviewed, where it has another name than the skill.
    #[serde(default)]
    pub agent: Option<String>,
}

/// Says that a review is there.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Done {
    /// The id of its request.
    pub id: ReviewId,
    /// Where it is on the blackboard.
    pub key: String,
    /// How many findings there are.
    pub findings: usize,
    /// The worst of them; none where there are none.
    pub worst: Option<Severity>,
    /// Set where the diff was too long to be reviewed whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Done {
    pub(crate) fn of(review: &Review, key: String) -> Self {
        let worst = review.findings.iter().map(|finding| finding.severity).max();
        Self { id: review.id.clone(), key, findings: review.findings.len(), worst, note: review.note.clone() }
    }
}

/// Where the review of that id is, in the keys of the agent that is named, that runs, or that has the skill's name.
pub(crate) fn key(context: &Context, agent: Option<&str>, id: &ReviewId) -> String {
    let agent = agent.or(context.agent.as_deref()).unwrap_or(&context.skill);
    format!("agent:{agent}:review:{id}")
}

/// What a run before this one kept. What another version of the skill left in another shape is as good as none.
pub(crate) fn kept(key: &str) -> Result<Option<Review>, HostError> {
    match blackboard::get_json(key) {
        Err(HostError::Invalid(_)) => Ok(None),
        found => found,
    }
}

/// Reads a review off the blackboard.
pub(crate) fn find(ask: &Ask) -> Result<Review, ToolError> {
    let key = key(&run::current(), ask.agent.as_deref(), &ask.id);
    let missing = || {
        ToolError::failed(format_args!(
            "there is no review at `{key}`: it is not done yet, its time is over, or `agent` did not do it"
        ))
    };
    blackboard::get_json(&key)?.ok_or_else(missing)
}

/// The review in a line.
pub(crate) fn heading(review: &Review) -> String {
    let (findings, files) = (count(review.findings.len(), "finding"), count(review.files.len(), "file"));
    format!("{}: {findings} in {files}, by {} of {}", review.id, review.by.model, review.by.provider)
}

fn count(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// The review as a person reads it: a finding a line, as compilers print them.
pub(crate) fn text(review: &Review) -> String {
    let mut lines = vec![heading(review)];
    lines.extend(review.findings.iter().map(|finding| {
        let severity = match finding.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        format!("{}:{}: {severity}: {}", finding.file, finding.line, finding.message)
    }));
    lines.extend(review.note.iter().map(|note| format!("({note})")));
    lines.join("\n")
}
