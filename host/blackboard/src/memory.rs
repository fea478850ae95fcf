//! The board in this process's memory.
//!
//! Price: a lock per call. Listing and clearing walk the tenant's keys, at most [`MemoryLimits::keys`].
//! Expired values vanish when they are met, and a few at every write, so no task watches the clock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use skillhost_types::{ByteSize, Glob, Source, Tenant};

use crate::subscription::Subscriber;
use crate::{Blackboard, BoardError, Key, Message, Selection, Subscription, Ttl};

/// Steps of matching that one call may take: a hundred thousand ordinary keys, some hundredths of a second.
const STEPS: u64 = 20_000_000;

/// Expired values that one write takes away at the most: two for every one that it can add.
const SWEPT: usize = 2;

/// Counted for every key beside its text, in bytes: what the maps take for it.
const OVERHEAD: u64 = 128;

/// The bounds of a board, per tenant.
#[derive(Debug, Clone)]
pub struct MemoryLimits {
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

impl Default for MemoryLimits {
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

/// The board in memory. It ends with the process.
pub struct MemoryBoard {
    limits: MemoryLimits,
    source: Arc<dyn Source>,
    tenants: Mutex<HashMap<Tenant, Space>>,
}

#[derive(Default)]
struct Space {
    values: BTreeMap<Key, Value>,
    /// When keys expire, the next first.
    expiries: BTreeSet<(Duration, Key)>,
    bytes: u64,
    subscribers: Vec<Subscriber>,
}

struct Value {
    text: String,
    /// On the source's monotonic clock; none: never.
    expires: Option<Duration>,
}

impl MemoryBoard {
    /// An empty board.
    pub fn new(limits: MemoryLimits, source: Arc<dyn Source>) -> Self {
        Self { limits, source, tenants: Mutex::default() }
    }

    fn with<R>(&self, tenant: &Tenant, act: impl FnOnce(&mut Space, Duration) -> R) -> R {
        let now = self.source.monotonic();
        let mut tenants: MutexGuard<'_, _> = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        match tenants.get_mut(tenant) {
            Some(space) => act(space, now),
            None => act(tenants.entry(tenant.clone()).or_default(), now),
        }
    }

    fn expiry(&self, ttl: Ttl, now: Duration) -> Option<Duration> {
        match ttl {
            Ttl::Default => self.limits.default_ttl.map(|ttl| now.saturating_add(ttl)),
            Ttl::For(ttl) => Some(now.saturating_add(ttl)),
            Ttl::Forever => None,
        }
    }

    fn put(&self, space: &mut Space, key: &Key, text: String, expires: Option<Duration>) -> Result<(), BoardError> {
        let limits = &self.limits;
        let length = text.len() as u64;
        if length > limits.value_bytes {
            return Err(BoardError::Limit(format!(
                "the value of `{}` is {length} bytes long; a value may have {}",
                key.as_str(),
                ByteSize(limits.value_bytes)
            )));
        }
        let before = space.values.get(key).map(|value| size(key, &value.text));
        if before.is_none() && space.values.len() >= limits.keys {
            return Err(BoardError::Limit(format!(
                "the blackboard holds {} keys already; delete some or let them expire",
                limits.keys
            )));
        }
        let bytes = space.bytes - before.unwrap_or_default() + size(key, &text);
        if bytes > limits.total_bytes {
            return Err(BoardError::Limit(format!(
                "the blackboard is full with {}; delete keys or let them expire",
                ByteSize(limits.total_bytes)
            )));
        }
        space.remove(key);
        space.bytes = bytes;
        if let Some(at) = expires {
            space.expiries.insert((at, key.clone()));
        }
        space.values.insert(key.clone(), Value { text, expires });
        Ok(())
    }
}

fn size(key: &Key, text: &str) -> u64 {
    (key.as_str().len() + text.len()) as u64 + OVERHEAD
}

impl Space {
    fn remove(&mut self, key: &Key) -> bool {
        let Some(value) = self.values.remove(key) else {
            return false;
        };
        self.bytes = self.bytes.saturating_sub(size(key, &value.text));
        if let Some(at) = value.expires {
            self.expiries.remove(&(at, key.clone()));
        }
        true
    }

    /// The value of `key`, if it has not expired.
    fn live(&mut self, key: &Key, now: Duration) -> Option<&Value> {
        if self.values.get(key)?.expires.is_some_and(|at| at <= now) {
            self.remove(key);
        }
        self.values.get(key)
    }

    /// Takes away up to `count` expired values.
    fn sweep(&mut self, now: Duration, count: usize) {
        for _ in 0..count {
            match self.expiries.first() {
                Some((at, key)) if *at <= now => {
                    let key = key.clone();
                    self.remove(&key);
                }
                _ => return,
            }
        }
    }

    /// The first `limit` keys that are meant. The board stands still meanwhile, so a pattern that costs too much is refused.
    fn matching(&self, meant: &Selection, now: Duration, limit: usize) -> Result<Vec<Key>, BoardError> {
        let mut steps = STEPS;
        let mut found = Vec::new();
        let live = self.values.iter().filter(|(_, value)| value.expires.is_none_or(|at| at > now));
        for (key, _) in live {
            if found.len() == limit {
                break;
            }
            match meant.holds(key.as_str(), &mut steps) {
                Some(true) => found.push(key.clone()),
                Some(false) => {}
                None => {
                    return Err(BoardError::Limit(format!(
                        "the pattern `{}` costs too much to match; begin it with what the keys begin with",
                        meant.pattern.as_str().chars().take(64).collect::<String>()
                    )));
                }
            }
        }
        Ok(found)
    }
}

#[async_trait]
impl Blackboard for MemoryBoard {
    async fn get(&self, tenant: &Tenant, key: &Key) -> Result<Option<String>, BoardError> {
        Ok(self.with(tenant, |space, now| space.live(key, now).map(|value| value.text.clone())))
    }

    async fn set(&self, tenant: &Tenant, key: &Key, value: String, ttl: Ttl) -> Result<(), BoardError> {
        self.with(tenant, |space, now| {
            space.sweep(now, SWEPT);
            self.put(space, key, value, self.expiry(ttl, now))
        })
    }

    async fn compare_and_swap(
        &self,
        tenant: &Tenant,
        key: &Key,
        expected: Option<&str>,
        value: String,
        ttl: Ttl,
    ) -> Result<bool, BoardError> {
        self.with(tenant, |space, now| {
            space.sweep(now, SWEPT);
            if space.live(key, now).map(|value| value.text.as_str()) != expected {
                return Ok(false);
            }
            self.put(space, key, value, self.expiry(ttl, now)).map(|()| true)
        })
    }

    async fn add(&self, tenant: &Tenant, key: &Key, delta: i64) -> Result<i64, BoardError> {
        self.with(tenant, |space, now| {
            space.sweep(now, SWEPT);
            let (current, expires) = match space.live(key, now) {
                Some(value) => (value.text.parse().map_err(|_| not_a_number(key))?, value.expires),
                None => (0_i64, self.expiry(Ttl::Default, now)),
            };
            let sum = current.checked_add(delta).ok_or_else(|| not_a_number(key))?;
            self.put(space, key, sum.to_string(), expires).map(|()| sum)
        })
    }

    async fn delete(&self, tenant: &Tenant, key: &Key) -> Result<bool, BoardError> {
        Ok(self.with(tenant, |space, now| space.live(key, now).is_some() && space.remove(key)))
    }

    async fn exists(&self, tenant: &Tenant, key: &Key) -> Result<bool, BoardError> {
        Ok(self.with(tenant, |space, now| space.live(key, now).is_some()))
    }

    async fn keys(&self, tenant: &Tenant, meant: &Selection, limit: usize) -> Result<Vec<Key>, BoardError> {
        self.with(tenant, |space, now| space.matching(meant, now, limit))
    }

    async fn clear(&self, tenant: &Tenant, meant: &Selection) -> Result<u64, BoardError> {
        self.with(tenant, |space, now| {
            space.sweep(now, usize::MAX);
            let keys = space.matching(meant, now, usize::MAX)?;
            for key in &keys {
                space.remove(key);
            }
            Ok(keys.len() as u64)
        })
    }

    async fn publish(&self, tenant: &Tenant, message: Message) -> Result<u32, BoardError> {
        let length = message.payload.len() as u64;
        if length > self.limits.value_bytes {
            return Err(BoardError::Limit(format!(
                "the message to `{}` is {length} bytes long; one may have {}; put the rest under a key",
                message.channel.as_str(),
                ByteSize(self.limits.value_bytes)
            )));
        }
        let message = Arc::new(message);
        Ok(self.with(tenant, |space, _| {
            space.subscribers.retain(|subscriber| !subscriber.is_gone());
            let reached = space.subscribers.iter().filter(|subscriber| subscriber.offer(&message)).count();
            u32::try_from(reached).unwrap_or(u32::MAX)
        }))
    }

    fn subscribe(&self, tenant: &Tenant, patterns: Vec<Glob>) -> Result<Subscription, BoardError> {
        self.with(tenant, |space, _| {
            space.subscribers.retain(|subscriber| !subscriber.is_gone());
            if space.subscribers.len() >= self.limits.subscribers {
                return Err(BoardError::Limit(format!(
                    "the blackboard has {} subscribers already",
                    self.limits.subscribers
                )));
            }
            let (subscriber, subscription) = Subscriber::new(patterns, self.limits.queue);
            space.subscribers.push(subscriber);
            Ok(subscription)
        })
    }
}

fn not_a_number(key: &Key) -> BoardError {
    BoardError::Invalid(format!("`{}` holds no 64-bit integer, or the sum is none", key.as_str()))
}

#[cfg(test)]
mod tests;
