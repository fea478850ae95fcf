//! What ran lately: the figures that the dashboard charts, and the counts that `/metrics` gives.
//!
//! Contract: they are of the whole data directory, other processes' runs included, and lag the event log as the live feed
//! does. Charts know the last hour, counts what was written since the start. Memory is bounded whatever skills are
//! called: see [`recent`] and [`totals`]. Price: less than a microsecond for each run; runs themselves wait for nothing.

mod recent;
mod totals;

use std::sync::{Arc, Mutex, PoisonError};

use skillhost_events::{Entry, EventLog, Ran};
use skillhost_feed::{Hub, Lagged, Listener};
use skillhost_types::{ErrorKind, Tenant, Timestamp};
use tokio_util::sync::CancellationToken;

use recent::Recent;
pub(crate) use recent::{LastHour, Minute};
pub(crate) use totals::{BUCKETS, SkillTotals, Totals};

/// Events that are looked at when it starts: some minutes of a busy host, read in well under a second.
const SEED: usize = 10_000;

/// The figures. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Stats {
    events: EventLog,
    started: Timestamp,
    figures: Arc<Mutex<Figures>>,
}

#[derive(Default)]
struct Figures {
    recent: Recent,
    totals: Totals,
}

/// A run that ended, as its event tells of it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ended<'a> {
    at: Timestamp,
    skill: &'a str,
    tenant: Option<&'a Tenant>,
    /// Why it failed; none: it did not.
    error: Option<ErrorKind>,
    wall_us: u64,
    fuel: u64,
    host_calls: u64,
    input_tokens: u64,
    output_tokens: u64,
}

impl Stats {
    /// Follows the log by what `hub` tells of it, until `stop`.
    pub(crate) fn start(events: EventLog, hub: &Hub, stop: CancellationToken) -> Self {
        let figures = Arc::default();
        let heard = hub.subscribe_all();
        let started = events.source().now();
        let follower = Follower { started, events: events.clone(), figures: Arc::clone(&figures) };
        tokio::spawn(async move { stop.run_until_cancelled(follower.follow(heard)).await });
        Self { events, started, figures }
    }

    /// The last 60 minutes: of all runs, or only of those of `skill`, of `tenant`, or of both.
    pub(crate) fn series(&self, skill: Option<&str>, tenant: Option<&Tenant>) -> LastHour {
        let now = self.events.source().now();
        self.figures.lock().unwrap_or_else(PoisonError::into_inner).recent.series(now, skill, tenant)
    }

    /// When it was started: shortly after the process.
    pub(crate) fn started(&self) -> Timestamp {
        self.started
    }

    /// What was counted since the start.
    pub(crate) fn totals(&self) -> Totals {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner).totals.clone()
    }
}

struct Follower {
    /// What ended before counts as history.
    started: Timestamp,
    events: EventLog,
    figures: Arc<Mutex<Figures>>,
}

impl Follower {
    async fn follow(self, mut heard: Listener) {
        let mut after = self.seed().await;
        loop {
            match heard.next().await {
                Ok(events) => {
                    let new = events.iter().map(|event| event.entry()).filter(|entry| entry.seq() > after);
                    self.take(new);
                    after = events.last().map_or(after, |event| event.entry().seq().max(after));
                }
                Err(Lagged { to, .. }) => after = self.catch_up(after, to).await,
            }
        }
    }

    /// Reads what went by unheard. Gives the position up to which it did.
    async fn catch_up(&self, mut after: u64, to: u64) -> u64 {
        while after < to {
            let events = self.events.clone();
            match tokio::task::spawn_blocking(move || events.following(after)).await {
                Ok(Ok((_, reached))) if reached == after => break,
                Ok(Ok((events, reached))) => {
                    self.take(events.iter());
                    after = reached;
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the statistics lack some runs");
                    break;
                }
                // The runtime ends.
                Err(_) => break,
            }
        }
        after.max(to)
    }

    /// Takes what was last written. Gives the position up to which it did.
    async fn seed(&self) -> u64 {
        let events = self.events.clone();
        let last = tokio::task::spawn_blocking(move || events.latest(SEED)).await;
        match last {
            Ok(Ok(events)) => {
                self.take(events.iter());
                events.last().map_or(0, Entry::seq)
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the statistics begin without a past");
                self.events.head().unwrap_or_default()
            }
            Err(_) => 0,
        }
    }

    fn take<'a>(&self, entries: impl Iterator<Item = &'a Entry>) {
        let now = self.events.source().now();
        let mut figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        for ended in entries.filter_map(Entry::ended).map(Ended::of) {
            figures.recent.add(now, &ended);
            if ended.at >= self.started {
                figures.totals.add(&ended);
            }
        }
    }
}

impl<'a> Ended<'a> {
    fn of(ran: &'a Ran) -> Self {
        Self {
            at: ran.ended_at,
            skill: &ran.skill,
            tenant: Some(&ran.tenant),
            error: (!ran.ok).then(|| ran.error.as_ref().map_or(ErrorKind::Internal, |error| error.kind)),
            wall_us: ran.usage.wall_us,
            fuel: ran.usage.fuel,
            host_calls: ran.usage.host_calls,
            input_tokens: ran.usage.llm_input_tokens,
            output_tokens: ran.usage.llm_output_tokens,
        }
    }
}

#[cfg(test)]
mod tests;
