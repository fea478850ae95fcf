use skillhost_events::Event;
use skillhost_types::Tenant;

/// Whose events somebody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// This tenant's; none: everybody's and the host's own.
    pub tenant: Option<Tenant>,
}

/// Kinds of the host's own events that every tenant sees: what the list of skills and `/ready` tell it anyway.
fn is_open(kind: &str) -> bool {
    kind.starts_with("skill.") || matches!(kind, "system.started" | "system.stopped")
}

/// May somebody of `tenant` see this event? None: of all tenants. The one rule for the feed and for `GET /api/events`: a
/// tenant sees its own, and of the host's own what concerns all.
pub fn may_see(event: &Event, tenant: Option<&Tenant>) -> bool {
    match (tenant, &event.tenant) {
        (None, _) => true,
        (Some(viewer), Some(owner)) => viewer == owner,
        (Some(_), None) => is_open(&event.kind),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use skillhost_types::Timestamp;

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
            assert_eq!(may_see(&event, Some(&alice)), seen, "{kind} of {owner:?}");
            assert!(may_see(&event, None), "{kind} of {owner:?}");
        }
    }
}
