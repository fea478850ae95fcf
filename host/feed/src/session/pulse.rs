//! Does the client take what it is sent?
//!
//! The system takes megabytes for a client that reads nothing, so that a send which waits is a late sign. An answered ping
//! shows that everything before it was read. Contract: a client that leaves [`UNTAKEN`] messages unread for the send
//! timeout is dead, and so is one that answers nothing for [`PATIENCE`]. Price: a ping every [`INTERVAL`], and one
//! per [`UNTAKEN`] messages.

use std::time::Duration;

use tokio::time::Instant;

/// Time between pings of a client that is sent little. Proxies take a connection for dead after a minute of silence.
const INTERVAL: Duration = Duration::from_secs(30);

/// How long a client that is sent little may leave pings unanswered: until the next but one.
const PATIENCE: Duration = Duration::from_secs(60);

/// Messages after which it is asked whether the client took them: six seconds at the full rate. A program that does
/// something else for a while between two reads is left alone.
const UNTAKEN: u32 = 64;

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beat {
    Still,
    Ping,
    Dead,
}

#[derive(Debug)]
pub(super) struct Pulse {
    send_timeout: Duration,
    ping_at: Instant,
    /// When an answer is due; none: it owes none.
    answer_by: Option<Instant>,
    /// Is a ping that asks for sent messages unanswered?
    asked: bool,
    /// Messages since the last one.
    untaken: u32,
}

impl Pulse {
    pub(super) fn new(now: Instant, send_timeout: Duration) -> Self {
        Self { send_timeout, ping_at: now + INTERVAL, answer_by: None, asked: false, untaken: 0 }
    }

    /// A message was sent.
    pub(super) fn sent(&mut self) {
        self.untaken = self.untaken.saturating_add(1);
    }

    /// A ping was answered.
    pub(super) fn answered(&mut self) {
        (self.answer_by, self.asked) = (None, false);
    }

    /// What is to be done now? After [`Beat::Ping`], a ping was sent.
    pub(super) fn beat(&mut self, now: Instant) -> Beat {
        if self.answer_by.is_some_and(|by| by <= now) {
            return Beat::Dead;
        }
        let asks = self.untaken >= UNTAKEN && !self.asked;
        if !asks && now < self.ping_at {
            return Beat::Still;
        }
        let by = now + if asks { self.send_timeout } else { PATIENCE };
        self.answer_by = Some(self.answer_by.map_or(by, |earlier| earlier.min(by)));
        if asks {
            (self.asked, self.untaken) = (true, 0);
        }
        self.ping_at = now + INTERVAL;
        Beat::Ping
    }

    /// When there is something to do again, if nothing happens.
    pub(super) fn next(&self) -> Instant {
        self.answer_by.map_or(self.ping_at, |by| by.min(self.ping_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEND_TIMEOUT: Duration = Duration::from_secs(5);

    #[test]
    fn a_silent_client_is_pinged_and_dead_by_the_next_but_one() {
        let begin = Instant::now();
        let mut pulse = Pulse::new(begin, SEND_TIMEOUT);
        assert_eq!((pulse.beat(begin), pulse.next()), (Beat::Still, begin + INTERVAL));
        assert_eq!(pulse.beat(begin + INTERVAL), Beat::Ping);
        assert_eq!(pulse.beat(begin + 2 * INTERVAL), Beat::Ping);
        assert_eq!(pulse.next(), begin + 3 * INTERVAL);
        assert_eq!(pulse.beat(begin + 3 * INTERVAL), Beat::Dead);
    }

    #[test]
    fn a_client_that_answers_lives() {
        let begin = Instant::now();
        let mut pulse = Pulse::new(begin, SEND_TIMEOUT);
        for minute in 1..10 {
            assert_eq!(pulse.beat(begin + minute * INTERVAL), Beat::Ping);
            pulse.answered();
        }
    }

    #[test]
    fn a_client_that_leaves_many_messages_unread_is_dead_after_the_send_timeout() {
        let now = Instant::now();
        let mut pulse = Pulse::new(now, SEND_TIMEOUT);
        (1..UNTAKEN).for_each(|_| pulse.sent());
        assert_eq!(pulse.beat(now), Beat::Still);
        pulse.sent();
        assert_eq!(pulse.beat(now), Beat::Ping);
        (0..10 * UNTAKEN).for_each(|_| pulse.sent());
        assert_eq!((pulse.beat(now), pulse.next()), (Beat::Still, now + SEND_TIMEOUT));
        assert_eq!(pulse.beat(now + SEND_TIMEOUT), Beat::Dead);
        pulse.answered();
        assert_eq!(pulse.beat(now), Beat::Ping);
    }
}
