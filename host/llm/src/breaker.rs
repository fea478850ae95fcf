//! Circuit breakers: a provider that fails too often is left alone, probed, and taken back.
//!
//! Contract: closed, open, half-open. Closed looks at the last `window` outcomes; from `min_calls` on, a share of
//! `failure_rate` failures opens it. Open lets nobody through until its time is over; half-open lets `probes` through
//! at once. So many successes close it, one failure opens it for twice the time, up to `open_max`. A probe that says
//! nothing in its own time counts as failed, and one that is dropped gives its place back: half-open cannot stick.
//! Outcomes of attempts that began before the last change count for nothing. Price: a short lock per attempt.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::BreakerConfig;

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// Everybody passes.
    Closed,
    /// Nobody passes.
    Open,
    /// Probes pass.
    HalfOpen,
}

/// Told of every change.
pub(crate) type OnChange = Box<dyn Fn(BreakerState, BreakerState) + Send + Sync>;

pub(crate) struct Breaker {
    config: BreakerConfig,
    /// How long a probe may say nothing.
    probe_limit: Duration,
    inner: Mutex<Inner>,
    on_change: OnChange,
}

struct Inner {
    state: State,
    /// How long it opens next time.
    open_for: Duration,
    /// Counts the changes; an outcome from before the last one is stale.
    epoch: u64,
    next_probe: u64,
}

enum State {
    Closed { outcomes: VecDeque<bool> },
    Open { until: Duration },
    HalfOpen { probes: Vec<Probe>, succeeded: u32 },
}

struct Probe {
    id: u64,
    since: Duration,
}

impl State {
    fn name(&self) -> BreakerState {
        match self {
            Self::Closed { .. } => BreakerState::Closed,
            Self::Open { .. } => BreakerState::Open,
            Self::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }
}

impl Breaker {
    pub(crate) fn new(config: BreakerConfig, probe_limit: Duration, on_change: OnChange) -> Self {
        let inner = Inner {
            state: State::Closed { outcomes: VecDeque::new() },
            open_for: config.open,
            epoch: 0,
            next_probe: 0,
        };
        Self { config, probe_limit, inner: Mutex::new(inner), on_change }
    }

    /// Where it stands, and how often that has changed.
    pub(crate) fn state(&self) -> (BreakerState, u64) {
        let inner = self.lock();
        (inner.state.name(), inner.epoch)
    }

    /// A pass, or how long nobody gets one. `now` is of a clock that never jumps.
    pub(crate) fn admit(self: &Arc<Self>, now: Duration) -> Result<Pass, Duration> {
        let mut inner = self.lock();
        if let State::Open { until } = inner.state {
            if now < until {
                return Err(until - now);
            }
            self.turn(&mut inner, State::HalfOpen { probes: Vec::new(), succeeded: 0 });
        }
        let id = inner.next_probe;
        let probe = match &mut inner.state {
            State::HalfOpen { probes, succeeded } => {
                if probes.iter().any(|probe| now.saturating_sub(probe.since) >= self.probe_limit) {
                    let wait = self.open(&mut inner, now);
                    return Err(wait);
                }
                let taken = u32::try_from(probes.len()).unwrap_or(u32::MAX).saturating_add(*succeeded);
                if taken >= self.config.probes.get() {
                    let oldest = probes.iter().map(|probe| probe.since).min().unwrap_or(now);
                    return Err((oldest + self.probe_limit).saturating_sub(now));
                }
                probes.push(Probe { id, since: now });
                inner.next_probe += 1;
                Some(id)
            }
            _ => None,
        };
        let epoch = inner.epoch;
        drop(inner);
        Ok(Pass { breaker: Arc::clone(self), epoch, probe })
    }

    /// Gives the epoch after it.
    fn record(&self, epoch: u64, probe: Option<u64>, succeeded: bool, now: Duration) -> u64 {
        let mut inner = self.lock();
        if inner.epoch != epoch {
            return epoch;
        }
        let (window, least) = (self.config.window.get(), self.config.min_calls.get());
        match &mut inner.state {
            State::Closed { outcomes } => {
                outcomes.push_back(succeeded);
                if outcomes.len() > window {
                    outcomes.pop_front();
                }
                let failures = outcomes.iter().filter(|succeeded| !**succeeded).count();
                // A window smaller than `min_calls` would never be full enough.
                let enough = outcomes.len() >= least.min(window);
                if !succeeded && enough && failures as f64 >= self.config.failure_rate * outcomes.len() as f64 {
                    inner.open_for = self.config.open;
                    self.open(&mut inner, now);
                }
            }
            State::HalfOpen { probes, succeeded: count } => {
                probes.retain(|one| Some(one.id) != probe);
                if !succeeded {
                    self.open(&mut inner, now);
                } else if probe.is_some() {
                    *count += 1;
                    if *count >= self.config.probes.get() {
                        self.turn(&mut inner, State::Closed { outcomes: VecDeque::new() });
                    }
                }
            }
            State::Open { .. } => {}
        }
        inner.epoch
    }

    fn forget(&self, epoch: u64, probe: u64) {
        let mut inner = self.lock();
        if let (true, State::HalfOpen { probes, .. }) = (inner.epoch == epoch, &mut inner.state) {
            probes.retain(|one| one.id != probe);
        }
    }

    fn open(&self, inner: &mut Inner, now: Duration) -> Duration {
        let wait = inner.open_for;
        inner.open_for = wait.saturating_mul(2).min(self.config.open_max.max(self.config.open));
        self.turn(inner, State::Open { until: now + wait });
        wait
    }

    fn turn(&self, inner: &mut Inner, state: State) {
        let from = inner.state.name();
        let to = state.name();
        inner.state = state;
        inner.epoch += 1;
        // Under the lock, so that changes are told in their order.
        (self.on_change)(from, to);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to ask a provider once. Dropped without a word it counts for nothing.
pub(crate) struct Pass {
    breaker: Arc<Breaker>,
    epoch: u64,
    probe: Option<u64>,
}

impl Pass {
    /// The provider began to answer: a probe has done its part, however long the answer is.
    pub(crate) fn answering(&mut self, now: Duration) {
        if let Some(probe) = self.probe.take() {
            self.epoch = self.breaker.record(self.epoch, Some(probe), true, now);
        }
    }

    /// How it ended.
    pub(crate) fn record(mut self, succeeded: bool, now: Duration) {
        self.breaker.record(self.epoch, self.probe.take(), succeeded, now);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(probe) = self.probe.take() {
            self.breaker.forget(self.epoch, probe);
        }
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
