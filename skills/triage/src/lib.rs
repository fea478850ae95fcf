//! An agent that decides what is to be done about each dispatched issue, by rules that a person can read.
//!
//! ```text
//! skillhost run triage.plan issue=123 title="Crash on start" action=comment
//! dispatch:new  {"issue":123,"title":"Crash on start","action":"comment"}
//! skillhost run triage.status
//! ```
//!
//! Promises for every message on `dispatch:new`: a plan under `agent:triage:issue:NUMBER`, the same plan published on
//! `fleet:plan`, and the count under `agent:triage:status`, in this order; or an error that says what is wrong with the
//! message, and nothing written. The same dispatch always gives the same plan. Costs four host calls a message, and as
//! many again as others change the status at the same moment. What it wrote lives as long as the blackboard keeps values.

mod dispatch;
mod plan;
mod report;
mod rules;
mod status;

pub use dispatch::{Action, Dispatch};
pub use plan::{NextStep, Plan};
pub use report::{Ask, Report};
pub use rules::{Label, Priority};
pub use status::{Last, Status};

use skillhost_sdk::prelude::*;

/// Holds the [`Status`].
const STATUS_KEY: &str = "agent:triage:status";
/// Keys of plans begin so; the issue's number follows.
const ISSUE_KEYS: &str = "agent:triage:issue:";
/// Where other agents read the plans.
const PLANS: &str = "fleet:plan";

/// Decides priority, labels and the next step of each dispatched issue, and tells the fleet.
#[skill(
    subscribe("dispatch:new"),
    wants(
        "blackboard.write agent:triage:*" = "Keeps the plan of each issue and its own status.",
        "blackboard.read agent:triage:*" = "Reports what it has handled.",
        "blackboard.publish fleet:plan" = "Tells the other agents what comes next.",
    )
)]
pub mod triage {
    use super::*;

    /// Takes a dispatch, keeps its plan and publishes it.
    #[handler]
    pub fn handle(message: Message) -> Result<(), ToolError> {
        if message.channel.starts_with("schedule:") {
            // The clock brings no dispatch, and there is nothing else to do at a time.
            return Ok(());
        }
        let dispatch = Dispatch::decode(&message.payload).or_invalid_input()?;
        let plan = crate::plan::plan(dispatch);
        blackboard::set_json(&format!("{ISSUE_KEYS}{}", plan.issue), &plan)?;
        blackboard::publish(PLANS, &plan)?;
        blackboard::update_json(STATUS_KEY, |status: Option<Status>| status.unwrap_or_default().after(&plan))?;
        info!("{}", crate::plan::sentence(&plan));
        Ok(())
    }

    /// Plans one issue, given as the input, without keeping or publishing anything.
    #[tool(read_only, idempotent, output = Plan)]
    pub fn plan(input: Dispatch) -> Result<Output, ToolError> {
        let dispatch = input.checked().or_invalid_input()?;
        let plan = crate::plan::plan(dispatch);
        Ok(Output::new().data(&plan)?.text(crate::plan::sentence(&plan)))
    }

    /// Reports how many dispatches were handled, by priority, and the plans that are still on the blackboard.
    #[tool(read_only, output = Report)]
    pub fn status(input: Ask) -> Result<Output, ToolError> {
        let report = crate::report::report(&input)?;
        Ok(Output::new().data(&report)?.text(crate::report::text(&report)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

    use super::*;
    use serde_json::Value;
    use skillhost_sdk::mock;

    fn send(payload: Value) -> Result<(), ToolError> {
        triage::handle(Message::new("dispatch:new", payload))
    }

    fn status(input: Value) -> Value {
        triage::call("status", &input.to_string()).unwrap().value()
    }

    #[test]
    fn a_dispatch_becomes_a_plan_that_is_kept_published_and_counted() {
        send(json!({"issue": 123, "title": "Crash on start", "action": "comment"})).unwrap();
        let kept: Value = blackboard::get_json("agent:triage:issue:123").unwrap().unwrap();
        assert_eq!(
            (&kept["priority"], &kept["labels"], &kept["next_step"]),
            (&json!("high"), &json!(["bug"]), &json!("answer"))
        );
        let published = mock::published();
        assert_eq!((published.len(), published[0].channel.as_str(), &published[0].message), (1, "fleet:plan", &kept));
        let counted: Value = blackboard::get_json("agent:triage:status").unwrap().unwrap();
        assert_eq!((&counted["handled"], &counted["last"]["issue"]), (&json!(1), &json!(123)));
    }

    #[test]
    fn a_malformed_message_is_refused_and_leaves_nothing() {
        for payload in [json!([]), json!({"issue": 0, "title": "x"}), json!({"issue": 5, "title": "  "}), json!("x")] {
            let error = send(payload.clone()).unwrap_err();
            assert!(error.message().contains("send for example"), "{payload}: {error:?}");
        }
        assert_eq!(blackboard::keys("*", 10), Ok(vec![]));
        assert_eq!(mock::published(), []);
    }

    #[test]
    fn what_the_host_refuses_is_named() {
        mock::deny("blackboard.publish");
        let error = send(json!({"issue": 1, "title": "x"})).unwrap_err();
        assert!(error.message().contains("fleet:plan"), "{error:?}");
        assert_eq!(blackboard::get("agent:triage:status"), Ok(None));
    }

    #[test]
    fn a_plan_asked_for_is_neither_kept_nor_published() {
        let output = triage::call("plan", &json!({"issue": 9, "title": "Typo"}).to_string()).unwrap();
        assert_eq!(output.value()["next_step"], "write");
        assert!(output.texts().starts_with("#9 Typo: low priority"), "{output:?}");
        assert_eq!((blackboard::keys("*", 10), mock::published().len()), (Ok(vec![]), 0));
        let refused = triage::call("plan", &json!({"issue": 9, "title": " "}).to_string());
        assert!(matches!(refused, Err(ToolError::InvalidInput(_))), "{refused:?}");
    }

    #[test]
    fn the_status_reports_what_was_handled() {
        assert_eq!(status(json!({})), json!({"handled": 0, "by_priority": {}, "last": null, "plans": []}));
        for issue in 1..=3 {
            send(json!({"issue": issue, "title": "Slow", "action": "open"})).unwrap();
        }
        let report = status(json!({"limit": 2}));
        assert_eq!((&report["handled"], &report["by_priority"]), (&json!(3), &json!({"normal": 3})));
        assert_eq!(report["plans"].as_array().unwrap().len(), 2);
        let refused = triage::call("status", r#"{"limit":0}"#);
        assert!(matches!(refused, Err(ToolError::InvalidInput(_))), "{refused:?}");
    }

    #[test]
    fn the_manifest_asks_for_what_the_agent_uses() {
        let manifest = triage::manifest();
        assert_eq!(manifest.subscriptions, ["dispatch:new"]);
        let wants: Vec<_> = manifest.wants.iter().map(|want| format!("{} {}", want.capability, want.scope)).collect();
        assert_eq!(
            wants,
            ["blackboard.write agent:triage:*", "blackboard.read agent:triage:*", "blackboard.publish fleet:plan"]
        );
    }
}
