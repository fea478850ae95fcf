//! The bounds of a board, and what is said where one is reached: the same words on every backend.

use std::time::Duration;

use skillhost_types::ByteSize;

use crate::{BoardError, Key, Message, Selection, Ttl, envelope};

/// Steps of matching that one call may take: a hundred thousand ordinary keys, some hundredths of a second.
pub(crate) const STEPS: u64 = 20_000_000;

/// Expired values that one write takes away at the most: two for every one that it can add.
pub(crate) const SWEPT: usize = 2;

/// Counted for every key beside its text, in bytes: what the maps or the indexes take for it.
pub(crate) const OVERHEAD: u64 = 128;

/// Longest time to live: a thousand years. What lives longer lives no shorter for it, and sums of times stay far
/// from the end of every backend's numbers.
const LONGEST_TTL: Duration = Duration::from_secs(1_000 * 365 * 24 * 3_600);

/// The bounds of a board, per tenant. Redis holds `keys` and `total_bytes` by its own `maxmemory`: counting there
/// would cost a script per write and still miss what other programs write.
#[derive(Debug, Clone)]
pub struct BoardLimits {
    /// How long a value lives that is set without a time; none: for ever.
    pub default_ttl: Option<Duration>,
    /// One value, in bytes: a document, not a file.
    pub value_bytes: u64,
    /// Keys: a platform of a thousand agents with a hundred keys each.
    pub keys: usize,
    /// All keys and values, in bytes: as much as one run may take.
    pub total_bytes: u64,
    /// Subscriptions: every agent of a large platform.
    pub subscribers: usize,
    /// Messages that wait for one subscriber: some seconds of a busy channel.
    pub queue: usize,
}

impl Default for BoardLimits {
    fn default() -> Self {
        Self {
            default_ttl: None,
            value_bytes: 1 << 20,
            keys: 100_000,
            total_bytes: 64 << 20,
            subscribers: 1_024,
            queue: 1_024,
        }
    }
}

impl BoardLimits {
    /// How long a value lives that is set with `ttl`, in whole milliseconds; none: for ever.
    pub(crate) fn lifetime(&self, ttl: Ttl) -> Option<Duration> {
        let lives = match ttl {
            Ttl::Default => self.default_ttl?,
            Ttl::For(lives) => lives,
            Ttl::Forever => return None,
        };
        let millis = lives.min(LONGEST_TTL).as_nanos().div_ceil(1_000_000);
        Some(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
    }

    /// Refuses a value that is too long.
    pub(crate) fn check_value(&self, key: &Key, text: &str) -> Result<(), BoardError> {
        let length = text.len() as u64;
        if length <= self.value_bytes {
            return Ok(());
        }
        let most = ByteSize(self.value_bytes);
        let key = key.as_str();
        Err(BoardError::Limit(format!("the value of `{key}` is {length} bytes long; a value may have {most}")))
    }

    /// Refuses a board that would hold too much.
    pub(crate) fn check_total(&self, is_new: bool, keys: usize, bytes: u64) -> Result<(), BoardError> {
        if is_new && keys >= self.keys {
            let most = self.keys;
            return Err(BoardError::Limit(format!(
                "the blackboard holds {most} keys already; delete some or let them expire"
            )));
        }
        if bytes > self.total_bytes {
            let most = ByteSize(self.total_bytes);
            return Err(BoardError::Limit(format!(
                "the blackboard is full with {most}; delete keys or let them expire"
            )));
        }
        Ok(())
    }

    /// Refuses what is no message, and takes out of it what only a host may say.
    pub(crate) fn check_message(&self, message: Message) -> Result<Message, BoardError> {
        let length = message.payload.len() as u64;
        if length > self.value_bytes {
            return Err(BoardError::Limit(format!(
                "the message to `{}` is {length} bytes long; one may have {}; put the rest under a key",
                message.channel.as_str(),
                ByteSize(self.value_bytes)
            )));
        }
        match envelope::bare(&message.payload) {
            Ok(None) => Ok(message),
            Ok(Some(bare)) => Ok(Message { payload: bare.into(), ..message }),
            Err(error) => {
                Err(BoardError::Invalid(format!("the message to `{}` is no JSON: {error}", message.channel.as_str())))
            }
        }
    }
}

/// What a key and its value count for.
pub(crate) fn size(key: &str, text: u64) -> u64 {
    key.len() as u64 + text + OVERHEAD
}

/// Reads an integer as Redis does: without a sign that is not needed, without leading zeros.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// `held` and `delta` together.
pub(crate) fn sum(key: &Key, held: Option<&str>, delta: i64) -> Result<i64, BoardError> {
    let held = held.map_or(Some(0), integer);
    held.and_then(|held| held.checked_add(delta)).ok_or_else(|| not_a_number(key))
}

pub(crate) fn not_a_number(key: &Key) -> BoardError {
    BoardError::Invalid(format!("`{}` holds no 64-bit integer, or the sum is none", key.as_str()))
}

pub(crate) fn too_costly(meant: &Selection) -> BoardError {
    let pattern = meant.pattern.as_str().chars().take(64).collect::<String>();
    BoardError::Limit(format!(
        "the pattern `{pattern}` costs too much to match; begin it with what the keys begin with"
    ))
}
