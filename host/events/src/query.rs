use skillhost_types::{Glob, RunId, RunRecord, Tenant};

use crate::event::Event;

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Kinds; empty: all.
    pub kinds: Vec<Glob>,
    /// Only kinds that one of these matches; none: all. What the reader may see, whatever it asks for.
    pub within: Option<Vec<Glob>>,
    /// Only of this source.
    pub source: Option<String>,
    /// Only of this run.
    pub run: Option<RunId>,
    /// Only this tenant's; none: everybody's and the host's own.
    pub tenant: Option<Tenant>,
    /// Only what somebody of this tenant sees, see [`Event::is_seen_by`]; none: all.
    pub viewer: Option<Tenant>,
    /// Only after this position; none: from the first on.
    pub after: Option<u64>,
    /// Only before this position; none: up to the last one.
    pub before: Option<u64>,
    /// So many at the most.
    pub limit: usize,
}

/// A part of what there is.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// What was found.
    pub found: Vec<T>,
    /// The position after or before which the same is to be asked again, whichever way it went; none: there is nothing further.
    pub next: Option<u64>,
}

/// Which runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunQuery<'a> {
    /// Only of this skill.
    pub skill: Option<&'a str>,
    /// Only this tenant's.
    pub tenant: Option<&'a Tenant>,
    /// Only those that gave their output, or only those that failed; none: all.
    pub ok: Option<bool>,
    /// Only those before this position of the log; none: up to the last one.
    pub before: Option<u64>,
    /// So many at the most.
    pub limit: usize,
}

impl RunQuery<'_> {
    pub(crate) fn matches(&self, seq: u64, run: &RunRecord) -> bool {
        self.before.is_none_or(|before| seq < before)
            && self.skill.is_none_or(|skill| *run.skill == *skill)
            && self.tenant.is_none_or(|tenant| *tenant == run.tenant)
            && self.ok.is_none_or(|ok| ok == run.ok)
    }
}

impl Query {
    pub(crate) fn matches(&self, event: &Event) -> bool {
        self.after.is_none_or(|after| event.seq > after)
            && self.before.is_none_or(|before| event.seq < before)
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind.matches(&event.kind)))
            && self.within.as_ref().is_none_or(|within| within.iter().any(|kind| kind.matches(&event.kind)))
            && self.source.as_ref().is_none_or(|source| *source == event.source)
            && self.run.is_none_or(|run| event.run == Some(run))
            && (self.tenant.is_none() || self.tenant == event.tenant)
            && event.is_seen_by(self.viewer.as_ref())
    }
}
