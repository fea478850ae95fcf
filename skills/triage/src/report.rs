//! What the agent tells of itself: its counts, and the plans that are still on the blackboard.
//!
//! Costs two host calls and one more for each plan, of which there are at most [`MAX_PLANS`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use skillhost_sdk::{ToolError, blackboard};

use crate::plan::{self, Plan};
use crate::status::Status;
use crate::{ISSUE_KEYS, STATUS_KEY};

/// Plans in a report at the most: what a person reads at once.
pub(crate) const MAX_PLANS: u32 = 100;

/// What to report.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// How many plans to show at the most.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = MAX_PLANS))]
    pub limit: u32,
}

fn default_limit() -> u32 {
    20
}

/// What the agent has handled.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Report {
    /// The counts.
    #[serde(flatten)]
    pub status: Status,
    /// Plans that are still on the blackboard.
    pub plans: Vec<Plan>,
}

/// Reads the report off the blackboard.
pub(crate) fn report(ask: &Ask) -> Result<Report, ToolError> {
    if !(1..=MAX_PLANS).contains(&ask.limit) {
        return Err(ToolError::invalid_input(format!("`limit` is {}: give 1 to {MAX_PLANS}", ask.limit)));
    }
    let status: Option<Status> = blackboard::get_json(STATUS_KEY)?;
    let mut plans = Vec::new();
    for key in blackboard::keys(&format!("{ISSUE_KEYS}*"), ask.limit)? {
        // A key may expire between the two calls.
        plans.extend(blackboard::get_json::<Plan>(&key)?);
    }
    Ok(Report { status: status.unwrap_or_default(), plans })
}

/// The report as a person reads it.
pub(crate) fn text(report: &Report) -> String {
    let mut lines = vec![format!("{} dispatches handled", report.status.handled)];
    lines.extend(report.plans.iter().map(plan::sentence));
    lines.join("\n")
}
