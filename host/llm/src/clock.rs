//! How long an attempt may wait, and what it means when nothing came.
//!
//! Contract: no wait ends after the caller's deadline. A provider is at fault for a silence that the configuration
//! does not allow, or that would be long for anybody; not for the little time that a caller had left, nor for the time
//! that a caller took between two pieces.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Timeouts;
use crate::fault::{ErrorKind, Fault};
use crate::limits::FAIR_WAIT;

/// The times of one attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) started: Instant,
    /// When the first piece must be there.
    pub(crate) first_by: Instant,
    /// Silence that the configuration allows before it, and after it.
    first_token: Duration,
    chunk: Duration,
    /// When the attempt is over.
    end: Instant,
    /// When the caller's time is up.
    pub(crate) deadline: Instant,
}

impl Clock {
    /// The clock of an attempt that begins now; `more`: another candidate is left.
    pub(crate) fn new(timeouts: &Timeouts, deadline: Instant, more: bool) -> Self {
        let started = Instant::now();
        let left = deadline.saturating_duration_since(started);
        // A provider that hangs must leave the next one time to answer.
        let first = if more { timeouts.first_token.min(left / 2) } else { timeouts.first_token };
        Self {
            started,
            first_by: started + first.min(left).min(timeouts.total),
            first_token: timeouts.first_token,
            chunk: timeouts.chunk,
            end: started + timeouts.total.min(left),
            deadline,
        }
    }

    /// The clock of a look-up that takes at most `time`.
    pub(crate) fn within(time: Duration, deadline: Instant) -> Self {
        let timeouts = Timeouts { connect: time, first_token: time, chunk: time, total: time };
        Self::new(&timeouts, deadline, false)
    }

    /// Until when to wait.
    pub(crate) fn next(&self, speaking: bool) -> Instant {
        let limit = if speaking { Instant::now() + self.chunk } else { self.first_by };
        limit.min(self.end).min(self.deadline)
    }

    /// Time in which nobody waited for the provider.
    pub(crate) fn pause(&mut self, time: Duration) {
        self.end += time;
    }

    /// What it means that nothing came since then.
    pub(crate) fn expired(&self, since: Instant, speaking: bool) -> Fault {
        let now = Instant::now();
        let silence = now - since;
        let allowed = if speaking { self.chunk } else { self.first_token };
        let (kind, what) = if self.end <= now && self.end < self.deadline {
            (ErrorKind::Total, "the answer was not complete in time")
        } else if silence < allowed.min(FAIR_WAIT) && self.deadline <= now {
            (ErrorKind::Deadline, "the caller's time was up")
        } else if silence < allowed.min(FAIR_WAIT) {
            (ErrorKind::Hurried, "no answer began in this provider's share of the caller's time")
        } else if speaking {
            (ErrorKind::Stalled, "the answer did not go on")
        } else {
            (ErrorKind::FirstToken, "no answer began in time")
        };
        Fault::new(kind, format!("{what} ({} ms of silence)", silence.as_millis()))
    }
}
