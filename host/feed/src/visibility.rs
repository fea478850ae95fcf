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

/// May somebody of `tenant` see an event of this kind and this owner? None: of all tenants. The one rule for the feed and for `GET /api/events`: a
/// tenant sees its own, and of the host's own what concerns all.
pub fn may_see(kind: &str, owner: Option<&Tenant>, tenant: Option<&Tenant>) -> bool {
    match (tenant, owner) {
        (None, _) => true,
        (Some(viewer), Some(owner)) => viewer == owner,
        (Some(_), None) => is_open(kind),
    }
}

#[cfg(test)]
mod tests {
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
            assert_eq!(may_see(kind, owner, Some(&alice)), seen, "{kind} of {owner:?}");
            assert!(may_see(kind, owner, None), "{kind} of {owner:?}");
        }
    }
}
