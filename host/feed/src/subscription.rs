//! What one client gets to hear.
//!
//! Contract: events that match, with those counted by gaps, are those of the log that the client may see and asked for: each
//! once, in order. Price: a byte per kind; per event one look at whose it is and one at that byte.

use std::collections::VecDeque;
use std::sync::Arc;

use skillhost_types::{Glob, Tenant};
use tokio::time::Instant;

use crate::event::FeedEvent;
use crate::hub::{Hub, Lagged, MOST_KINDS};
use crate::message::{Kinds, Since};
use crate::pace::{Gap, Pace};

/// Whose events somebody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// This tenant's, as [`skillhost_events::Event::is_seen_by`] has it; none: everybody's and the host's own.
    pub tenant: Option<Tenant>,
}

/// What is next for a client.
#[derive(Debug, Clone)]
pub(crate) enum Next {
    Event(Arc<FeedEvent>),
    Gap(Gap),
}

/// How a subscription begins.
#[derive(Debug)]
pub(crate) struct Start {
    /// The position behind which everything follows.
    pub(crate) head: u64,
    /// Does nothing lack that was asked for?
    pub(crate) recovered: bool,
    pub(crate) replayed: Vec<Arc<FeedEvent>>,
}

#[derive(Debug)]
pub(crate) struct Subscription {
    filter: Filter,
    cursor: u64,
}

impl Subscription {
    /// Begins. Without `since`, with the last `replay` events at hand that match; with it, with all that follow it, unless these
    /// are more than that, or are no longer at hand, or it is no position of this log: then with none, and what lacks is to be fetched.
    pub(crate) fn start(hub: &Hub, viewer: Viewer, kinds: Kinds, since: Option<Since>, replay: usize) -> (Self, Start) {
        let mut filter = Filter { viewer, kinds: kinds.0, known: Vec::new() };
        let (recovered, (replayed, head)) = match since {
            None => (true, hub.last(replay, |event| filter.wants(event))),
            Some(since) => match filter.since(hub, &since, replay) {
                Some(found) => (true, found),
                None => (false, hub.last(0, |_| false)),
            },
        };
        (Self { filter, cursor: head }, Start { head, recovered, replayed })
    }

    /// Puts what happened into `next`, as far as `pace` has it sent; and the gaps that are over at `now`.
    pub(crate) fn advance(
        &mut self,
        hub: &Hub,
        pace: &mut Pace,
        now: Instant,
        next: &mut VecDeque<Next>,
    ) -> Result<(), Lagged> {
        let filter = &mut self.filter;
        self.cursor = hub.replay(self.cursor, |event| {
            if filter.wants(event) {
                next.extend(pace.end(event.noticed()).map(Next::Gap));
                if pace.take(event.seq(), event.noticed()) {
                    next.push_back(Next::Event(event.clone()));
                }
            }
        })?;
        next.extend(pace.end(now).map(Next::Gap));
        Ok(())
    }
}

/// Which events a client may see and wants to.
#[derive(Debug)]
struct Filter {
    viewer: Viewer,
    kinds: Vec<Glob>,
    /// By the number of a kind: is it wanted, if that is known already?
    known: Vec<Option<bool>>,
}

impl Filter {
    fn wants(&mut self, event: &FeedEvent) -> bool {
        event.entry().is_seen_by(self.viewer.tenant.as_ref()) && (self.kinds.is_empty() || self.wants_kind(event))
    }

    fn wants_kind(&mut self, event: &FeedEvent) -> bool {
        let slot = event.kind().map(|kind| usize::from(kind.0));
        let known = slot.and_then(|slot| *self.known.get(slot)?);
        known.unwrap_or_else(|| {
            let wanted = self.kinds.iter().any(|kind| kind.matches(event.entry().kind()));
            if let Some(slot) = slot {
                if self.known.len() <= slot {
                    self.known.resize((slot + 1).next_power_of_two().min(usize::from(MOST_KINDS)), None);
                }
                if let Some(known) = self.known.get_mut(slot) {
                    *known = Some(wanted);
                }
            }
            wanted
        })
    }

    /// What matches behind `since`, if it is all there and no more than `limit`; and the position up to which this is all.
    fn since(&mut self, hub: &Hub, since: &Since, limit: usize) -> Option<(Vec<Arc<FeedEvent>>, u64)> {
        if since.epoch != hub.epoch() {
            return None;
        }
        let mut found = Vec::new();
        let mut count = 0_usize;
        let replayed = hub.replay(since.seq, |event| {
            if count <= limit && self.wants(event) {
                count += 1;
                found.push(event.clone());
            }
        });
        let head = replayed.ok()?;
        (count <= limit && since.seq <= head).then_some((found, head))
    }
}

#[cfg(test)]
mod tests;
