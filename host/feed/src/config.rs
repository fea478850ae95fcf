use std::num::NonZeroU32;
use std::time::Duration;

/// What a client may have, and what it must take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedConfig {
    /// Event messages that a client gets in a second, which may all come at once. 10: what a person can
    /// follow with the eyes.
    pub rate: NonZeroU32,
    /// Events that a new or returning client gets of what was before. 100: a page full.
    pub replay: usize,
    /// Connections from one address. 64: a household of browsers and scripts behind one router, not a flood.
    pub per_address: usize,
    /// How long a client may take nothing. 5 s: a bad mobile connection passes, a dead one is not kept.
    pub send_timeout: Duration,
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self {
            rate: NonZeroU32::new(10).unwrap_or(NonZeroU32::MIN),
            replay: 100,
            per_address: 64,
            send_timeout: Duration::from_secs(5),
        }
    }
}
