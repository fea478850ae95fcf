//! The board on Redis with memory behind it.
//!
//! Contract: while the server is gone, from the start or later, memory serves: empty at first, this process's alone, and gone with
//! it. Calls that were under way when the server went are unavailable: they may have been done. When it is back, what was
//! written in memory is dropped, or merged where the server has no such key, and told of either way; calls wait
//! meanwhile, [`MERGING`] at the most. Subscriptions hear both. Price: a lock that nobody contends for, beside that of a [`RedisBoard`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use skillhost_types::{Glob, Source, Tenant};
use tokio::sync::{RwLock, RwLockReadGuard};

use crate::health::Notices;
use crate::memory::Drained;
use crate::{
    Backend, Blackboard, BoardError, BoardLimits, BoardNotice, Health, Key, MemoryBoard, Message, RedisBoard,
    RedisOptions, Selection, Subscription, Ttl,
};

/// Longest time that merging takes; what is not written by then is dropped.
const MERGING: Duration = Duration::from_secs(2);

/// Longest time that opening waits for the server.
const OPENING: Duration = Duration::from_secs(1);

/// Names of keys that a notice gives.
const NAMED: usize = 10;

/// What becomes of what was written in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// It is dropped.
    Never,
    /// Keys that the server does not have are written there, with the time that they have left.
    Newer,
}

/// The board on Redis, and in memory while Redis is gone.
pub struct FallbackBoard {
    parts: Arc<Parts>,
}

struct Parts {
    redis: RedisBoard,
    memory: MemoryBoard,
    serves: RwLock<Serves>,
    merge: Merge,
    notices: Notices,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Serves {
    Redis,
    Memory,
}

/// Where a call goes. As long as memory's guard is held, what is written there is not taken away.
type Way<'a> = (&'a dyn Blackboard, Option<RwLockReadGuard<'a, Serves>>);

impl FallbackBoard {
    /// Opens the board, with or without its server. Waits for the first connection a second at the most; needs no runtime.
    /// An error says that the options are wrong.
    pub fn open(
        options: RedisOptions,
        merge: Merge,
        limits: BoardLimits,
        source: Arc<dyn Source>,
        notices: Notices,
    ) -> Result<Self, BoardError> {
        let redis = RedisBoard::start(options, limits.clone(), source.clone())?;
        let memory = MemoryBoard::with_hub(limits, source, redis.hub().clone());
        let serves = RwLock::new(Serves::Redis);
        let parts = Arc::new(Parts { redis, memory, serves, merge, notices });
        let (weak, mut state) = (Arc::downgrade(&parts), parts.redis.link().watch());
        parts.redis.link().spawn(async move {
            // The link's end ends this task; the task does not keep the link.
            while state.changed().await.is_ok() {
                let Some(parts) = weak.upgrade() else { return };
                parts.follow().await;
            }
        });
        parts.redis.link().wait(OPENING);
        Ok(Self { parts })
    }
}

impl Parts {
    /// Goes over to memory when the server is gone.
    async fn leave(&self) {
        let mut serves = self.serves.write().await;
        // Looked at under the lock: whoever sees it come back takes the lock after this.
        if let Some(error) = self.redis.link().down()
            && *serves == Serves::Redis
        {
            *serves = Serves::Memory;
            let error = format!("{}: {error}", self.redis.link().address());
            tracing::warn!(error, "Redis is not there: the blackboard is served from memory");
            (self.notices)(BoardNotice::Lost { error, in_memory: true });
        }
    }

    /// Goes where the server's state says.
    async fn follow(&self) {
        if self.redis.link().down().is_some() {
            return self.leave().await;
        }
        let mut serves = self.serves.write().await;
        if *serves == Serves::Redis {
            return;
        }
        let written = self.memory.drain();
        let count = written.len() as u64;
        let dropped = match self.merge {
            Merge::Never => written,
            Merge::Newer => self.redis.merge(written, MERGING).await,
        };
        *serves = Serves::Redis;
        let (merged, dropped, keys) = (count - dropped.len() as u64, dropped.len() as u64, names(&dropped));
        tracing::info!(merged, dropped, "Redis is there again and serves the blackboard");
        (self.notices)(BoardNotice::Back { merged, dropped, keys });
    }
}

/// Some of the keys, with their tenant where it is not the default.
fn names(values: &[Drained]) -> Vec<String> {
    let name = |Drained { tenant, key, .. }: &Drained| {
        if *tenant == Tenant::default() { key.as_str().to_owned() } else { format!("@{tenant}:{}", key.as_str()) }
    };
    values.iter().take(NAMED).map(name).collect()
}

impl FallbackBoard {
    async fn way(&self) -> Way<'_> {
        let Parts { redis, memory, serves, .. } = &*self.parts;
        loop {
            let guard = serves.read().await;
            match *guard {
                Serves::Memory => return (memory, Some(guard)),
                Serves::Redis if redis.link().down().is_none() => return (redis, None),
                Serves::Redis => {
                    drop(guard);
                    self.parts.leave().await;
                }
            }
        }
    }
}

#[async_trait]
impl Blackboard for FallbackBoard {
    async fn get(&self, tenant: &Tenant, key: &Key) -> Result<Option<String>, BoardError> {
        let (board, _serves) = self.way().await;
        board.get(tenant, key).await
    }

    async fn set(&self, tenant: &Tenant, key: &Key, value: String, ttl: Ttl) -> Result<(), BoardError> {
        let (board, _serves) = self.way().await;
        board.set(tenant, key, value, ttl).await
    }

    async fn compare_and_swap(
        &self,
        tenant: &Tenant,
        key: &Key,
        expected: Option<&str>,
        value: String,
        ttl: Ttl,
    ) -> Result<bool, BoardError> {
        let (board, _serves) = self.way().await;
        board.compare_and_swap(tenant, key, expected, value, ttl).await
    }

    async fn add(&self, tenant: &Tenant, key: &Key, delta: i64) -> Result<i64, BoardError> {
        let (board, _serves) = self.way().await;
        board.add(tenant, key, delta).await
    }

    async fn delete(&self, tenant: &Tenant, key: &Key) -> Result<bool, BoardError> {
        let (board, _serves) = self.way().await;
        board.delete(tenant, key).await
    }

    async fn exists(&self, tenant: &Tenant, key: &Key) -> Result<bool, BoardError> {
        let (board, _serves) = self.way().await;
        board.exists(tenant, key).await
    }

    async fn keys(&self, tenant: &Tenant, meant: &Selection, limit: usize) -> Result<Vec<Key>, BoardError> {
        let (board, _serves) = self.way().await;
        board.keys(tenant, meant, limit).await
    }

    async fn clear(&self, tenant: &Tenant, meant: &Selection) -> Result<u64, BoardError> {
        let (board, _serves) = self.way().await;
        board.clear(tenant, meant).await
    }

    async fn publish(&self, tenant: &Tenant, message: Message) -> Result<u32, BoardError> {
        let (board, _serves) = self.way().await;
        board.publish(tenant, message).await
    }

    fn subscribe(&self, tenant: &Tenant, patterns: Vec<Glob>) -> Result<Subscription, BoardError> {
        // One hub for both: what brings a message does not matter.
        self.parts.redis.subscribe(tenant, patterns)
    }

    fn health(&self) -> Health {
        let losses = self.parts.redis.link().losses();
        let memory = |why: String| Health { backend: Backend::Memory, degraded: Some(why), losses };
        match (self.parts.redis.link().down(), self.parts.serves.try_read().map(|serves| *serves)) {
            (Some(error), _) => memory(format!("Redis is not there ({error}); this process's memory serves")),
            (None, Ok(Serves::Redis)) => Health { losses, ..Health::well(Backend::Redis) },
            (None, _) => memory("Redis is there again; what was written in memory is being looked through".into()),
        }
    }
}
