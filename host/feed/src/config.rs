//! What can be set. What holds where nobody sets anything stands in the host's configuration.

use std::num::NonZeroU32;
use std::time::Duration;

/// What a client may have, and what it must take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedConfig {
    /// Event messages that a client gets in a second, which may all come at once.
    pub rate: NonZeroU32,
    /// Events that a new or returning client gets of what was before.
    pub replay: usize,
    /// Connections from one address.
    pub per_address: usize,
    /// How long a client may take nothing.
    pub send_timeout: Duration,
}
