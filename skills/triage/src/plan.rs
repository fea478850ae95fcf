//! From a dispatch to a plan: what the issue is, how urgent, and what comes next. Pure: the same dispatch always gives
//! the same plan.

use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dispatch::{Action, Dispatch};
use crate::rules::{self, Label, Priority};

/// What is to be done about an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The issue's number.
    pub issue: NonZeroU64,
    /// Its title.
    pub title: String,
    /// What happened to it.
    pub action: Action,
    /// How soon.
    pub priority: Priority,
    /// What it is about.
    pub labels: Vec<Label>,
    /// What comes next.
    pub next_step: NextStep,
    /// Why: the words and the action that decided.
    pub reasons: Vec<String>,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NextStep {
    /// A person decides, now.
    Escalate,
    /// Write an answer.
    Answer,
    /// Make it happen again, with a test.
    Reproduce,
    /// Measure before anything is changed.
    Measure,
    /// Say what it is to do, then ask.
    Specify,
    /// Change the text.
    Write,
    /// Do it.
    Implement,
    /// Read what was done.
    Review,
    /// Nothing more.
    Archive,
    /// A person says what is meant.
    Ask,
}

/// The plan for a dispatch.
pub(crate) fn plan(dispatch: Dispatch) -> Plan {
    let found = rules::apply(&dispatch.title);
    let (next_step, because) = next_step(&dispatch.action, found.priority, &found.labels);
    let mut reasons: Vec<String> = found.words.iter().map(|word| format!("the title says `{word}`")).collect();
    reasons.push(because);
    Plan {
        issue: dispatch.issue,
        title: dispatch.title,
        action: dispatch.action,
        priority: found.priority,
        labels: found.labels,
        next_step,
        reasons,
    }
}

/// The plan as a person reads it.
pub(crate) fn sentence(plan: &Plan) -> String {
    let name = |value: serde_json::Result<serde_json::Value>| {
        value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let labels: Vec<_> = plan.labels.iter().map(|label| name(serde_json::to_value(label))).collect();
    format!(
        "#{} {}: {} priority, next step {}{}{} ({})",
        plan.issue,
        plan.title,
        name(serde_json::to_value(plan.priority)),
        name(serde_json::to_value(plan.next_step)),
        if labels.is_empty() { "" } else { ", labels " },
        labels.join(" "),
        plan.reasons.join(", "),
    )
}

/// The action decides first, then the priority, then what the issue is about.
fn next_step(action: &Action, priority: Priority, labels: &[Label]) -> (NextStep, String) {
    let because = |text: &str| text.to_owned();
    match action {
        Action::Close => (NextStep::Archive, because("it is closed")),
        _ if priority == Priority::Critical => (NextStep::Escalate, because("what is critical goes to a person")),
        Action::Comment => (NextStep::Answer, because("somebody commented")),
        Action::Implement => (NextStep::Implement, because("it is to be implemented")),
        Action::Review => (NextStep::Review, because("it waits for review")),
        Action::Other(other) => (NextStep::Ask, format!("there is no rule for the action `{other}`")),
        Action::Open => match labels.first() {
            Some(Label::Security) => (NextStep::Escalate, because("new security issues go to a person")),
            Some(Label::Bug | Label::Ci) => (NextStep::Reproduce, because("it is new and has to be seen")),
            Some(Label::Performance) => (NextStep::Measure, because("it is new and has to be measured")),
            Some(Label::Enhancement) => (NextStep::Specify, because("it is new and has to be specified")),
            Some(Label::Documentation) => (NextStep::Write, because("it is new and about texts")),
            Some(Label::Question) => (NextStep::Answer, because("somebody asks")),
            None => (NextStep::Ask, because("no rule knows a word of the title")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(title: &str, action: &str) -> Plan {
        plan(Dispatch { issue: NonZeroU64::MIN, title: title.into(), action: Action::from(action.to_owned()) })
    }

    #[test]
    fn the_next_step_follows_action_priority_and_labels() {
        let cases = [
            ("Crash on start", "comment", NextStep::Answer),
            ("Crash on start", "open", NextStep::Reproduce),
            ("Data loss", "comment", NextStep::Escalate),
            ("Data loss", "close", NextStep::Archive),
            ("Passwords in the log", "open", NextStep::Escalate),
            ("Add YAML", "open", NextStep::Specify),
            ("Add YAML", "fix", NextStep::Implement),
            ("Slow start", "open", NextStep::Measure),
            ("Typo", "open", NextStep::Write),
            ("Why?", "open", NextStep::Answer),
            ("Typo", "review", NextStep::Review),
            ("Typo", "transfer", NextStep::Ask),
            ("Hello", "open", NextStep::Ask),
        ];
        for (title, action, step) in cases {
            assert_eq!(of(title, action).next_step, step, "{title}, {action}");
        }
    }

    #[test]
    fn a_plan_says_why() {
        let plan = of("Crash in the parser", "transfer");
        assert_eq!(plan.reasons, ["the title says `crash`", "there is no rule for the action `transfer`"]);
        assert_eq!(
            sentence(&plan),
            "#1 Crash in the parser: high priority, next step ask, labels bug (the title says `crash`, there is no rule for \
             the action `transfer`)"
        );
    }
}
