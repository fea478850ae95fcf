//! Shared state and channels: how agents see each other's thoughts and wake each other up.
//!
//! Contract: a tenant's keys and channels are its own. Values live as long as their time to live; changes by
//! [`Blackboard::compare_and_swap`] and [`Blackboard::add`] are atomic. A message reaches each current
//! subscriber at most once, in the order in which it was published; a subscriber that does not keep up loses
//! the newest messages and can see how many. Everything is bounded: what is over a bound is refused by name.
//! Every backend keeps these promises with the same answers; what each costs stands at its head.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test may fail loudly"
    )
)]

mod disk;
mod envelope;
mod fallback;
mod health;
mod hub;
mod limits;
mod memory;
mod name;
mod off;
mod redis;
mod subscription;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use skillhost_types::{Glob, Tenant, Timestamp};

pub use disk::DiskBoard;
pub use fallback::{FallbackBoard, Merge};
pub use health::{Backend, BoardNotice, Health, Notices};
pub use limits::BoardLimits;
pub use memory::MemoryBoard;
pub use name::{Channel, Key};
pub use off::OffBoard;
pub use redis::{RedisBoard, RedisOptions};
pub use subscription::Subscription;

/// Why the board refused or could not serve a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BoardError {
    /// An argument is malformed.
    #[error("{0}")]
    Invalid(String),
    /// A bound is reached.
    #[error("{0}")]
    Limit(String),
    /// The backend is down or did not answer in time.
    #[error("{0}")]
    Unavailable(String),
}

/// Which keys are meant: those that match the pattern, and of these the ones that the caller may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// What is asked for.
    pub pattern: Glob,
    /// What the caller may reach: what one of these matches.
    pub within: Vec<Glob>,
}

impl Selection {
    /// All keys that match, for a caller who may reach them all.
    pub fn all(pattern: Glob) -> Self {
        Self { pattern, within: vec![Glob::new("*")] }
    }

    /// Is `key` meant? None if that takes more than so many `steps`, which are used up.
    pub fn holds(&self, key: &str, steps: &mut u64) -> Option<bool> {
        if !self.pattern.matches_within(key, steps)? {
            return Some(false);
        }
        for glob in &self.within {
            if glob.matches_within(key, steps)? {
                return Some(true);
            }
        }
        Some(false)
    }

    /// What every key that is meant begins with.
    pub(crate) fn prefix(&self) -> &str {
        let mut within = self.within.iter().map(Glob::prefix);
        let first = within.next().unwrap_or_default();
        let common = within.fold(first, |common, next| {
            let same = common.char_indices().zip(next.chars()).take_while(|((_, own), other)| own == other);
            let length = same.last().map_or(0, |((at, char), _)| at + char.len_utf8());
            common.get(..length).unwrap_or_default()
        });
        let own = self.pattern.prefix();
        if own.len() < common.len() { common } else { own }
    }
}

/// How long a value lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// As long as the board says.
    Default,
    /// So long.
    For(Duration),
    /// Until it is deleted.
    Forever,
}

/// What travels on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its name, a ULID.
    pub id: String,
    /// Where it was published.
    pub channel: Channel,
    /// JSON.
    pub payload: Arc<str>,
    /// The agent or skill that published it; none for an outside publisher.
    pub source: Option<Arc<str>>,
    /// How many messages woke each other up to this one.
    pub hops: u32,
    /// When it was published.
    pub published_at: Timestamp,
}

/// The board. Every backend keeps the same promises.
#[async_trait]
pub trait Blackboard: Send + Sync {
    /// The value of a key.
    async fn get(&self, tenant: &Tenant, key: &Key) -> Result<Option<String>, BoardError>;

    /// Writes a value.
    async fn set(&self, tenant: &Tenant, key: &Key, value: String, ttl: Ttl) -> Result<(), BoardError>;

    /// Writes `value` only if the key still holds `expected` (none: only if it is absent).
    async fn compare_and_swap(
        &self,
        tenant: &Tenant,
        key: &Key,
        expected: Option<&str>,
        value: String,
        ttl: Ttl,
    ) -> Result<bool, BoardError>;

    /// Adds to an integer; an absent key counts as 0 and is made with the default time to live, a present one
    /// keeps its own. Gives the new value.
    async fn add(&self, tenant: &Tenant, key: &Key, delta: i64) -> Result<i64, BoardError>;

    /// Deletes a key. True if it was there.
    async fn delete(&self, tenant: &Tenant, key: &Key) -> Result<bool, BoardError>;

    /// Is the key there?
    async fn exists(&self, tenant: &Tenant, key: &Key) -> Result<bool, BoardError>;

    /// The keys that are meant, sorted; the first `limit` of them.
    async fn keys(&self, tenant: &Tenant, meant: &Selection, limit: usize) -> Result<Vec<Key>, BoardError>;

    /// Deletes the keys that are meant. Gives their count.
    async fn clear(&self, tenant: &Tenant, meant: &Selection) -> Result<u64, BoardError>;

    /// Sends a message. Gives the count of subscribers that it reached; those in other processes count as Redis counts
    /// them, once for every pattern that one process listens to.
    async fn publish(&self, tenant: &Tenant, message: Message) -> Result<u32, BoardError>;

    /// Receives what is published from now on, on the channels that match one of `patterns`.
    fn subscribe(&self, tenant: &Tenant, patterns: Vec<Glob>) -> Result<Subscription, BoardError>;

    /// How the board fares.
    fn health(&self) -> Health;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_keys_that_are_meant_begin_with_is_known() {
        for (pattern, within, prefix) in [
            ("*", &["*"][..], ""),
            ("agent:*", &["*"], "agent:"),
            ("*", &["agent:timmy:*"], "agent:timmy:"),
            ("agent:*", &["agent:timmy:*", "agent:tommy:*"], "agent:t"),
            ("*", &["größe", "grün"], "gr"),
            (r"a\*b?", &["a*"], "a*b"),
            ("x*", &[], "x"),
        ] {
            let within = within.iter().copied().map(Glob::new).collect();
            assert_eq!(Selection { pattern: Glob::new(pattern), within }.prefix(), prefix, "{pattern}");
        }
    }
}
