use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use skillhost_types::{RunId, Tenant, Timestamp, shown};

use crate::EventError;

/// Longest kind, and longest pattern of kinds, in bytes.
pub const LONGEST_KIND: usize = 64;

/// Longest data of an event, in bytes of JSON: a note for people and programs, not a document store.
const LONGEST_DATA: usize = 64 << 10;

/// Something that happened, as the log holds it and as `events --json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the log; rises by one.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Dotted kind: `tool.completed`.
    pub kind: String,
    /// The skill, agent or host part that wrote it.
    pub source: String,
    /// The run that it belongs to.
    pub run: Option<RunId>,
    /// Whose it is; none: the host's.
    #[serde(skip)]
    pub tenant: Option<Tenant>,
    /// What else there is to say.
    pub data: Value,
}

impl Event {
    /// May somebody of `tenant` see it? None: of all tenants. The one rule for everybody whom the host tells what happened: a
    /// tenant sees its own, and of the host's own what concerns all.
    pub fn is_seen_by(&self, tenant: Option<&Tenant>) -> bool {
        match (tenant, &self.tenant) {
            (None, _) => true,
            (Some(viewer), Some(owner)) => viewer == owner,
            (Some(_), None) => self.concerns_all(),
        }
    }

    /// Of the host's own: what the list of skills and `/ready` tell every tenant anyway.
    fn concerns_all(&self) -> bool {
        self.kind.starts_with("skill.") || matches!(self.kind.as_str(), "system.started" | "system.stopped")
    }
}

/// Something that happened, on its way into the log.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Dotted kind: at least two words of `a-z`, `0-9` and `-`.
    pub kind: String,
    /// The skill, agent or host part that writes it.
    pub source: Arc<str>,
    /// The run that it belongs to.
    pub run: Option<RunId>,
    /// Whose it is; none: the host's.
    pub tenant: Option<Tenant>,
    /// What else there is to say.
    pub data: Value,
}

impl NewEvent {
    /// Checks the kind's form and the data's size.
    pub(crate) fn check(&self) -> Result<(), EventError> {
        let word = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        let kind = &self.kind;
        if kind.len() > LONGEST_KIND || !kind.contains('.') || !kind.split('.').all(word) {
            return Err(EventError::Invalid(format!(
                "`{}` is no kind of event: write dotted words of a-z, 0-9 and `-`, {LONGEST_KIND} bytes at most",
                shown(kind)
            )));
        }
        let length = serde_json::to_string(&self.data).map_or(usize::MAX, |text| text.len());
        if length > LONGEST_DATA {
            return Err(EventError::TooLarge(format!(
                "the data of an event is {LONGEST_DATA} bytes of JSON at most, not {length}"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tenant_sees_its_own_and_of_the_hosts_what_concerns_all() {
        let [alice, bob] = ["alice", "bob"].map(|name| Tenant::new(name).unwrap());
        for (kind, owner, seen) in [
            ("task.created", Some(&alice), true),
            ("task.created", Some(&bob), false),
            ("skill.note", Some(&bob), false),
            ("skill.absorbed", None, true),
            ("system.started", None, true),
            ("system.stopped", None, true),
            ("system.error", None, false),
            ("approval.proposed", None, false),
            ("skillful.x", None, false),
        ] {
            let event = Event {
                seq: 1,
                at: Timestamp(0),
                kind: kind.into(),
                source: "s".into(),
                run: None,
                tenant: owner.cloned(),
                data: json!({}),
            };
            assert_eq!(event.is_seen_by(Some(&alice)), seen, "{kind} of {owner:?}");
            assert!(event.is_seen_by(None), "{kind} of {owner:?}");
        }
    }
}
