//! What the agent has handled, as it stands on the blackboard under `agent:triage:status`.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{NextStep, Plan};
use crate::rules::Priority;

/// What the agent has handled since its status was last cleared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Dispatches that became plans.
    pub handled: u64,
    /// The same by priority.
    pub by_priority: BTreeMap<Priority, u64>,
    /// The last of them.
    pub last: Option<Last>,
}

/// The dispatch that was handled last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Last {
    /// The issue's number.
    pub issue: NonZeroU64,
    /// How soon.
    pub priority: Priority,
    /// What comes next.
    pub next_step: NextStep,
}

impl Status {
    /// The status after one more plan.
    pub(crate) fn after(mut self, plan: &Plan) -> Self {
        self.handled = self.handled.saturating_add(1);
        let count = self.by_priority.entry(plan.priority).or_default();
        *count = count.saturating_add(1);
        self.last = Some(Last { issue: plan.issue, priority: plan.priority, next_step: plan.next_step });
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::dispatch::{Action, Dispatch};
    use crate::plan::plan;

    #[test]
    fn each_plan_is_counted_once_and_the_last_is_remembered() {
        let of = |issue, title: &str| {
            plan(Dispatch { issue: NonZeroU64::new(issue).unwrap(), title: title.into(), action: Action::Open })
        };
        let status = Status::default().after(&of(1, "Crash")).after(&of(2, "Typo")).after(&of(3, "Panic"));
        assert_eq!(status.handled, 3);
        assert_eq!(status.by_priority, BTreeMap::from([(Priority::Low, 1), (Priority::High, 2)]));
        assert_eq!(status.last.as_ref().unwrap().issue.get(), 3);
        let json = serde_json::to_string(&status).unwrap();
        assert!(json.contains(r#""by_priority":{"low":1,"high":2}"#), "{json}");
        assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), status);
    }
}
