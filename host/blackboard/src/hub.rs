//! The subscribers of this process, whatever brings them their messages.
//!
//! Contract: what is delivered reaches each subscriber at most once, in one order for all. Price: one lock, and a
//! match per subscriber of the tenant.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use skillhost_types::{Glob, Tenant};
use tokio::sync::watch;

use crate::subscription::Subscriber;
use crate::{BoardError, BoardLimits, Message, Subscription};

pub(crate) struct Hub {
    limit: usize,
    queue: usize,
    tenants: Mutex<HashMap<Tenant, Vec<Subscriber>>>,
    /// Counts who comes and goes.
    version: watch::Sender<u64>,
}

impl Hub {
    pub(crate) fn new(limits: &BoardLimits) -> Self {
        Self {
            limit: limits.subscribers,
            queue: limits.queue,
            tenants: Mutex::default(),
            version: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Tenant, Vec<Subscriber>>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn subscribe(&self, tenant: &Tenant, patterns: Vec<Glob>) -> Result<Subscription, BoardError> {
        let mut tenants = self.lock();
        let subscribers = tenants.entry(tenant.clone()).or_default();
        subscribers.retain(|subscriber| !subscriber.is_gone());
        if subscribers.len() >= self.limit {
            return Err(BoardError::Limit(format!("the blackboard has {} subscribers already", self.limit)));
        }
        let (subscriber, subscription) = Subscriber::new(patterns, self.queue, self.version.clone());
        subscribers.push(subscriber);
        drop(tenants);
        self.version.send_modify(|version| *version += 1);
        Ok(subscription)
    }

    /// Is there somebody whom `message` is for?
    pub(crate) fn awaits(&self, tenant: &Tenant, message: &Message) -> bool {
        let is_for = |subscriber: &Subscriber| !subscriber.is_gone() && subscriber.first_match(message).is_some();
        self.lock().get(tenant).is_some_and(|subscribers| subscribers.iter().any(is_for))
    }

    /// Gives `message` to everybody whom it is for.
    pub(crate) fn deliver(&self, tenant: &Tenant, message: &Arc<Message>) -> u32 {
        self.offer(tenant, |subscriber| subscriber.first_match(message).is_some(), message)
    }

    /// Gives `message`, which came for the pattern `own`, to those who are to have it for that one: who listens to
    /// several that match gets it once.
    pub(crate) fn deliver_for(&self, tenant: &Tenant, own: &str, message: &Arc<Message>) -> u32 {
        let is_for = |subscriber: &Subscriber| subscriber.first_match(message).is_some_and(|glob| glob.as_str() == own);
        self.offer(tenant, is_for, message)
    }

    fn offer(&self, tenant: &Tenant, is_for: impl Fn(&Subscriber) -> bool, message: &Arc<Message>) -> u32 {
        let mut tenants = self.lock();
        let Some(subscribers) = tenants.get_mut(tenant) else { return 0 };
        subscribers.retain(|subscriber| !subscriber.is_gone());
        let reached = subscribers.iter().filter(|subscriber| is_for(subscriber) && subscriber.offer(message)).count();
        u32::try_from(reached).unwrap_or(u32::MAX)
    }

    /// All patterns that somebody listens to.
    pub(crate) fn wanted(&self) -> BTreeSet<(Tenant, String)> {
        let mut wanted = BTreeSet::new();
        self.lock().retain(|tenant, subscribers| {
            subscribers.retain(|subscriber| !subscriber.is_gone());
            let patterns = subscribers.iter().flat_map(Subscriber::patterns);
            wanted.extend(patterns.map(|pattern| (tenant.clone(), pattern.as_str().to_owned())));
            !subscribers.is_empty()
        });
        wanted
    }

    /// Follows who comes and goes.
    pub(crate) fn version(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}
