//! Shared state and channels: how agents see each other's thoughts and wake each other up.
//!
//! Contract: every function is one call of the host, but for [`update_json`] and [`update_json_with`], which are two or
//! more. Reading needs a grant of `blackboard.read`, changing one of `blackboard.write`, [`publish`] one of
//! `blackboard.publish`, each for the key or channel in question; without it the answer is [`HostError::Denied`].
//!
//! Keys and channels are 1 to 512 bytes of printable UTF-8 without spaces, by convention colon-separated:
//! `agent:timmy:thought`. Patterns are Redis globs: `*`, `?`, `[abc]`, `[^a-c]`; a backslash escapes.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{HostError, backend, json};

/// How often [`update_json`] tries again: agents that meet on one key are few, and each loser's rival got on.
const ATTEMPTS: u32 = 16;

/// How long a value lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ttl {
    /// As long as the blackboard keeps values by default.
    #[default]
    Default,
    /// That long, to the millisecond and at least one.
    For(Duration),
    /// Until it is deleted.
    Forever,
}

impl Ttl {
    fn millis(self) -> Option<u64> {
        match self {
            Self::Default => None,
            // 0 would mean for ever.
            Self::For(time) => Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)),
            Self::Forever => Some(0),
        }
    }
}

/// The value of `key`, if there is one.
pub fn get(key: &str) -> Result<Option<String>, HostError> {
    backend::get(key)
}

/// The value of `key` as a type. Errors: [`HostError::Invalid`] if the value is something else.
pub fn get_json<T: DeserializeOwned>(key: &str) -> Result<Option<T>, HostError> {
    get(key)?.map(|value| decode(key, &value)).transpose()
}

/// Writes a value that lives as long as values do by default.
pub fn set(key: &str, value: &str) -> Result<(), HostError> {
    set_with(key, value, Ttl::Default)
}

/// Writes a value that lives as long as `ttl` says.
pub fn set_with(key: &str, value: &str, ttl: Ttl) -> Result<(), HostError> {
    backend::set(key, value, ttl.millis())
}

/// Writes a value as JSON.
pub fn set_json<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<(), HostError> {
    set_json_with(key, value, Ttl::Default)
}

/// Writes a value as JSON that lives as long as `ttl` says.
pub fn set_json_with<T: Serialize + ?Sized>(key: &str, value: &T, ttl: Ttl) -> Result<(), HostError> {
    set_with(key, &json::encode(value)?, ttl)
}

/// Writes `value` only if the key still holds `expected` (none: only if absent), atomically among all hosts.
/// False: it did not, and nothing was written.
pub fn compare_and_swap(key: &str, expected: Option<&str>, value: &str, ttl: Ttl) -> Result<bool, HostError> {
    backend::compare_and_swap(key, expected, value, ttl.millis())
}

/// Replaces a JSON value by what `change` makes of it, so that no writer's change is lost; `change` runs again when
/// somebody else was faster. Gives the new value.
///
/// Needs `blackboard.read` and `blackboard.write`. Errors: [`HostError::Unavailable`] when others were faster 16 times.
pub fn update_json<T>(key: &str, change: impl FnMut(Option<T>) -> T) -> Result<T, HostError>
where
    T: Serialize + DeserializeOwned,
{
    update_json_with(key, Ttl::Default, change)
}

/// As [`update_json`]; the new value lives as long as `ttl` says.
pub fn update_json_with<T>(key: &str, ttl: Ttl, mut change: impl FnMut(Option<T>) -> T) -> Result<T, HostError>
where
    T: Serialize + DeserializeOwned,
{
    for _ in 0..ATTEMPTS {
        let old = get(key)?;
        let new = change(old.as_deref().map(|value| decode(key, value)).transpose()?);
        if compare_and_swap(key, old.as_deref(), &json::encode(&new)?, ttl)? {
            return Ok(new);
        }
    }
    Err(HostError::Unavailable(format!("`{key}` was changed by others {ATTEMPTS} times in a row; try again later")))
}

/// Adds to an integer, atomically; an absent key counts as 0. Gives the new value.
pub fn add(key: &str, delta: i64) -> Result<i64, HostError> {
    backend::add(key, delta)
}

/// Deletes a key. True if it was there.
pub fn delete(key: &str) -> Result<bool, HostError> {
    backend::delete(key)
}

/// Is there a value?
pub fn exists(key: &str) -> Result<bool, HostError> {
    backend::exists(key)
}

/// The keys that match and that the skill may read, sorted; `limit` at the most.
pub fn keys(pattern: &str, limit: u32) -> Result<Vec<String>, HostError> {
    backend::keys(pattern, limit)
}

/// Deletes the keys that match and that the skill may write. Gives their count.
pub fn clear(pattern: &str) -> Result<u64, HostError> {
    backend::clear(pattern)
}

/// Sends a message to a channel, at most once to each current subscriber. Gives the count of receivers.
pub fn publish<T: Serialize + ?Sized>(channel: &str, message: &T) -> Result<u32, HostError> {
    backend::publish(channel, &json::encode(message)?)
}

fn decode<T: DeserializeOwned>(key: &str, value: &str) -> Result<T, HostError> {
    json::decode(value).map_err(|error| HostError::Invalid(format!("the value of `{key}`: {error}")))
}
