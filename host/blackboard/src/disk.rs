//! The board in a file of the data directory: it outlives the process and is shared by all processes on it.
//!
//! Contract: nothing is cached, so what one process wrote the next one reads. A change that was answered survives the death
//! of the process; a power cut may take the last moments, never break the file. Time is the wall clock, as all
//! processes share it. Messages reach subscribers of this process at once, those of others at their next look.
//! Price: reading is a point query on the caller's thread, 5 µs; a change takes 30 to 40 µs, with others at the same time in one
//! transaction (`disk/operation.rs`); listing walks the keys that begin as the pattern does, half a microsecond each, on a
//! thread that may block. A message takes 3 µs to a subscriber of this process and up to 25 ms to one of another
//! (`disk/exchange.rs`). Subscribing is a transaction on the caller's thread.

mod exchange;
mod operation;
mod schema;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::OptionalExtension as _;
use skillhost_store::{Database, Durability, QueueLimits, StoreError, Writer};
use skillhost_types::{Glob, Source, Tenant};

use crate::{Backend, Blackboard, BoardError, BoardLimits, Health, Key, Message, Selection, Subscription, Ttl};
use exchange::Exchange;
use operation::{Change, Entry, Operations, matching};
use schema::{MIGRATIONS, signed, unsigned};

/// The file in the data directory.
const FILE: &str = "board.db";

/// The board on disk.
pub struct DiskBoard {
    limits: BoardLimits,
    source: Arc<dyn Source>,
    // Ends before the writer, which its last words go past.
    exchange: Exchange,
    writer: Writer<Operations>,
    database: Database,
}

impl DiskBoard {
    /// Opens the board in `folder`, and makes both if they are not there. Blocks while SQLite opens the file; needs no runtime.
    pub fn open(folder: &Path, limits: BoardLimits, source: Arc<dyn Source>) -> Result<Self, BoardError> {
        let open = || {
            let database = Database::open(&folder.join(FILE), MIGRATIONS, Durability::Normal)?;
            let operations = Operations::new(limits.clone(), source.clone());
            let writer = database.writer(operations, QueueLimits::default())?;
            let exchange = Exchange::start(&database, &limits, source.clone())?;
            Ok(Self { limits: limits.clone(), source: source.clone(), exchange, writer, database })
        };
        open().map_err(|error: StoreError| BoardError::Unavailable(error.to_string()))
    }

    /// Makes a change. Gives what it comes to: a truth, a count or a sum.
    async fn change(&self, tenant: &Tenant, change: Change) -> Result<i64, BoardError> {
        self.writer.durable(Entry { tenant: tenant.clone(), change }).await.map_err(unavailable)?
    }

    /// Reads of a key that has not expired.
    fn read<T>(
        &self,
        tenant: &Tenant,
        key: &Key,
        what: &'static str,
        row: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, BoardError> {
        let now = signed(self.source.now().0);
        let query =
            format!("SELECT {what} FROM entries WHERE tenant = ?1 AND key = ?2 AND ifnull(expires, ?3 + 1) > ?3");
        self.database
            .read(|connection| {
                let mut statement = connection.prepare_cached(&query)?;
                statement.query_row((tenant.as_str(), key.as_str(), now), row).optional()
            })
            .map_err(unavailable)
    }
}

/// What a skill is told; the path and the cause are for the operator.
fn unavailable(error: impl std::error::Error) -> BoardError {
    tracing::warn!(%error, "the blackboard's file failed");
    BoardError::Unavailable("the blackboard's file cannot be read or written; the host's log says why".into())
}

#[async_trait]
impl Blackboard for DiskBoard {
    async fn get(&self, tenant: &Tenant, key: &Key) -> Result<Option<String>, BoardError> {
        self.read(tenant, key, "value", |row| row.get(0))
    }

    async fn set(&self, tenant: &Tenant, key: &Key, value: String, ttl: Ttl) -> Result<(), BoardError> {
        self.change(tenant, Change::Set { key: key.clone(), value, ttl }).await.map(drop)
    }

    async fn compare_and_swap(
        &self,
        tenant: &Tenant,
        key: &Key,
        expected: Option<&str>,
        value: String,
        ttl: Ttl,
    ) -> Result<bool, BoardError> {
        let expected = expected.map(str::to_owned);
        self.change(tenant, Change::Swap { key: key.clone(), expected, value, ttl }).await.map(|done| done == 1)
    }

    async fn add(&self, tenant: &Tenant, key: &Key, delta: i64) -> Result<i64, BoardError> {
        self.change(tenant, Change::Add { key: key.clone(), delta }).await
    }

    async fn delete(&self, tenant: &Tenant, key: &Key) -> Result<bool, BoardError> {
        self.change(tenant, Change::Delete { key: key.clone() }).await.map(|done| done == 1)
    }

    async fn exists(&self, tenant: &Tenant, key: &Key) -> Result<bool, BoardError> {
        self.read(tenant, key, "1", |_| Ok(())).map(|found| found.is_some())
    }

    async fn keys(&self, tenant: &Tenant, meant: &Selection, limit: usize) -> Result<Vec<Key>, BoardError> {
        let (tenant, meant, now) = (tenant.clone(), meant.clone(), signed(self.source.now().0));
        let found = self.database.read_async(move |connection| matching(connection, &tenant, &meant, now, limit));
        Ok(found.await.map_err(unavailable)??.into_iter().map(|found| found.key).collect())
    }

    async fn clear(&self, tenant: &Tenant, meant: &Selection) -> Result<u64, BoardError> {
        self.change(tenant, Change::Clear { meant: meant.clone() }).await.map(unsigned)
    }

    async fn publish(&self, tenant: &Tenant, message: Message) -> Result<u32, BoardError> {
        let message = Arc::new(self.limits.check_message(message)?);
        let others = self.exchange.listeners(tenant, &message).map_err(unavailable)?;
        if others > 0 {
            let change = Change::Tell { sender: self.exchange.board(), message: message.clone() };
            self.change(tenant, change).await?;
        }
        Ok(others.saturating_add(self.exchange.deliver(tenant, &message)))
    }

    fn subscribe(&self, tenant: &Tenant, patterns: Vec<Glob>) -> Result<Subscription, BoardError> {
        self.exchange.subscribe(tenant, patterns)
    }

    fn health(&self) -> Health {
        let degraded = match self.writer.health() {
            skillhost_store::Health::Well => None,
            // Anybody may ask for a host's health; the cause and the path are in its log.
            skillhost_store::Health::Failing { .. } => Some("the blackboard's file cannot be written".into()),
        };
        Health { degraded, ..Health::well(Backend::Embedded) }
    }
}

#[cfg(test)]
mod tests;
