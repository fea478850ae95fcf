//! The board in this process's memory.
//!
//! Price: a lock per call. Listing and clearing walk the tenant's keys, at most [`BoardLimits::keys`].
//! Expired values vanish when they are met, and a few at every write, so no task watches the clock. A call takes under a
//! microsecond, and so does a message on its way to a subscriber.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use skillhost_types::{Glob, Source, Tenant};

use crate::hub::Hub;
use crate::limits::{STEPS, SWEPT, size, sum, too_costly};
use crate::name::HOSTS_OWN;
use crate::{Backend, Blackboard, BoardError, BoardLimits, Health, Key, Message, Selection, Subscription, Ttl};

/// A value that was on a board.
pub(crate) struct Drained {
    pub(crate) tenant: Tenant,
    pub(crate) key: Key,
    pub(crate) text: String,
    /// None: for ever.
    pub(crate) lives: Option<Duration>,
}

/// The board in memory. It ends with the process.
pub struct MemoryBoard {
    limits: BoardLimits,
    source: Arc<dyn Source>,
    hub: Arc<Hub>,
    tenants: Mutex<HashMap<Tenant, Space>>,
}

#[derive(Default)]
struct Space {
    values: BTreeMap<Key, Value>,
    /// When keys expire, the next first.
    expiries: BTreeSet<(Duration, Key)>,
    bytes: u64,
}

struct Value {
    text: String,
    /// On the source's monotonic clock; none: never.
    expires: Option<Duration>,
}

impl MemoryBoard {
    /// An empty board.
    pub fn new(limits: BoardLimits, source: Arc<dyn Source>) -> Self {
        let hub = Arc::new(Hub::new(&limits));
        Self::with_hub(limits, source, hub)
    }

    /// An empty board whose messages go to subscribers that are there already.
    pub(crate) fn with_hub(limits: BoardLimits, source: Arc<dyn Source>, hub: Arc<Hub>) -> Self {
        Self { limits, source, hub, tenants: Mutex::default() }
    }

    /// Takes everything away. Gives it with how long it would have lived.
    pub(crate) fn drain(&self) -> Vec<Drained> {
        let now = self.source.monotonic();
        let tenants = std::mem::take(&mut *self.tenants.lock().unwrap_or_else(PoisonError::into_inner));
        let mut drained = Vec::new();
        for (tenant, space) in tenants {
            let live = space.values.into_iter().filter(|(_, value)| value.expires.is_none_or(|at| at > now));
            drained.extend(live.map(|(key, Value { text, expires })| Drained {
                tenant: tenant.clone(),
                key,
                text,
                lives: expires.map(|at| at.saturating_sub(now)),
            }));
        }
        drained
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
        self.limits.lifetime(ttl).map(|lives| now.saturating_add(lives))
    }

    fn put(&self, space: &mut Space, key: &Key, text: String, expires: Option<Duration>) -> Result<(), BoardError> {
        self.limits.check_value(key, &text)?;
        let before = space.values.get(key).map(|value| size(key.as_str(), value.text.len() as u64));
        let bytes = space.bytes - before.unwrap_or_default() + size(key.as_str(), text.len() as u64);
        self.limits.check_total(before.is_none(), space.values.len(), bytes)?;
        space.remove(key);
        space.bytes = bytes;
        if let Some(at) = expires {
            space.expiries.insert((at, key.clone()));
        }
        space.values.insert(key.clone(), Value { text, expires });
        Ok(())
    }
}

impl Space {
    fn remove(&mut self, key: &Key) -> bool {
        let Some(value) = self.values.remove(key) else {
            return false;
        };
        self.bytes = self.bytes.saturating_sub(size(key.as_str(), value.text.len() as u64));
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
        for (key, _) in live.filter(|(key, _)| !key.as_str().starts_with(HOSTS_OWN)) {
            if found.len() == limit {
                break;
            }
            match meant.holds(key.as_str(), &mut steps) {
                Some(true) => found.push(key.clone()),
                Some(false) => {}
                None => return Err(too_costly(meant)),
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
            let (held, expires) = match space.live(key, now) {
                Some(value) => (Some(value.text.as_str()), value.expires),
                None => (None, self.expiry(Ttl::Default, now)),
            };
            let sum = sum(key, held, delta)?;
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
        let message = Arc::new(self.limits.check_message(message)?);
        Ok(self.hub.deliver(tenant, &message))
    }

    fn subscribe(&self, tenant: &Tenant, patterns: Vec<Glob>) -> Result<Subscription, BoardError> {
        self.hub.subscribe(tenant, patterns)
    }

    fn health(&self) -> Health {
        Health::well(Backend::Memory)
    }
}

#[cfg(test)]
mod tests;
