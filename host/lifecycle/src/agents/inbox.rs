//! Messages that agents have accepted, on disk until they are handled, and those that they failed on.
//!
//! Contract: what [`Inbox::accept`] gave a place to survives the death of the process and is handed over until it is handled or
//! parked; a host that dies between a handler's end and the next flush hands that message over again, under the same id. Price: a
//! row per message, in batches; the end of a message costs nobody a wait.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Row, Transaction, named_params};
use serde::Serialize;
use skillhost_blackboard::{Channel, Message};
use skillhost_store::{Commit, Database, Durability, QueueLimits, StoreError, Weigh, WriteError, Writer};
use skillhost_types::{SkillName, Tenant, Timestamp};

use super::queues::Waiting;

const MIGRATIONS: &[&str] = &["CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    id TEXT NOT NULL,
    channel TEXT NOT NULL,
    payload TEXT NOT NULL,
    source TEXT,
    hops INTEGER NOT NULL,
    published_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    parked_at INTEGER
);
CREATE INDEX messages_by_agent ON messages (tenant, agent, seq);
CREATE INDEX messages_parked ON messages (tenant, agent, seq) WHERE parked_at IS NOT NULL;"];

/// Parked messages that are kept of one agent; the oldest go first. More than anybody looks through.
const MOST_PARKED: u64 = 1_000;

/// What a row takes in the queue beside its texts, in bytes.
const FRAME: usize = 128;

/// Whose messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    pub(crate) tenant: Tenant,
    pub(crate) agent: SkillName,
}

/// A message that its agent failed on for good.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Parked {
    pub id: String,
    pub agent: String,
    pub tenant: String,
    pub channel: String,
    pub payload: serde_json::Value,
    pub source: Option<String>,
    pub published_at: Timestamp,
    pub attempts: u32,
    pub error: String,
    pub parked_at: Timestamp,
}

/// The inbox of all agents of a data directory.
pub(crate) struct Inbox {
    database: Database,
    writer: Writer<Steps>,
}

enum Step {
    Accept(Owner, Vec<Arc<Message>>),
    Handled(u64),
    Failed { seq: u64, attempts: u32, error: String },
    Parked { seq: u64, attempts: u32, error: String, at: Timestamp },
}

impl Weigh for Step {
    fn weight(&self) -> usize {
        match self {
            Self::Accept(_, messages) => messages.iter().map(|message| FRAME + message.payload.len()).sum(),
            Self::Handled(_) => FRAME,
            Self::Failed { error, .. } | Self::Parked { error, .. } => FRAME + error.len(),
        }
    }
}

struct Steps;

impl Commit for Steps {
    type Entry = Step;
    /// The places of what was accepted; of a message that is parked, how many older ones went for it.
    type Receipt = Vec<u64>;

    fn begin(&mut self, _: &Transaction<'_>) -> rusqlite::Result<()> {
        Ok(())
    }

    fn write(&mut self, transaction: &Transaction<'_>, step: &Step) -> rusqlite::Result<Vec<u64>> {
        match step {
            Step::Accept(owner, messages) => {
                return messages.iter().map(|message| accept(transaction, owner, message)).collect();
            }
            Step::Handled(seq) => {
                transaction.prepare_cached("DELETE FROM messages WHERE seq = ?1")?.execute((seq.cast_signed(),))?;
            }
            Step::Failed { seq, attempts, error } => {
                transaction
                    .prepare_cached("UPDATE messages SET attempts = ?2, error = ?3 WHERE seq = ?1")?
                    .execute((seq.cast_signed(), attempts, error))?;
            }
            Step::Parked { seq, attempts, error, at } => {
                let seq = seq.cast_signed();
                transaction
                    .prepare_cached("UPDATE messages SET attempts = ?2, error = ?3, parked_at = ?4 WHERE seq = ?1")?
                    .execute((seq, attempts, error, at.0.cast_signed()))?;
                return transaction
                    .prepare_cached(
                        "DELETE FROM messages WHERE seq IN (
                             SELECT old.seq FROM messages AS old JOIN messages AS new USING (tenant, agent)
                             WHERE new.seq = ?1 AND old.parked_at IS NOT NULL
                             ORDER BY old.seq DESC LIMIT -1 OFFSET ?2)",
                    )?
                    .execute((seq, MOST_PARKED.cast_signed()))
                    .map(|gone| vec![gone as u64]);
            }
        }
        Ok(Vec::new())
    }

    fn finish(&mut self, _: &Transaction<'_>) -> rusqlite::Result<()> {
        Ok(())
    }
}

impl Inbox {
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        let database = Database::open(&folder.join("agents.db"), MIGRATIONS, Durability::Normal)?;
        let writer = database.writer(Steps, QueueLimits::default())?;
        Ok(Self { database, writer })
    }

    /// Puts `messages` down for `owner` and gives them their places, once they are on disk.
    pub(crate) async fn accept(&self, owner: &Owner, messages: Vec<Arc<Message>>) -> Result<Vec<Waiting>, WriteError> {
        let places = self.writer.durable(Step::Accept(owner.clone(), messages.clone())).await?;
        let placed = places.into_iter().zip(messages);
        Ok(placed.map(|(seq, message)| Waiting { seq, message, attempts: 0 }).collect())
    }

    /// The message is handled.
    pub(crate) async fn handled(&self, seq: u64) -> Result<(), WriteError> {
        self.writer.relaxed(Step::Handled(seq)).await
    }

    /// The message failed and is tried again.
    pub(crate) async fn failed(&self, seq: u64, attempts: u32, error: String) -> Result<(), WriteError> {
        self.writer.relaxed(Step::Failed { seq, attempts, error }).await
    }

    /// The message failed for good. Gives how many older ones had to go for it.
    pub(crate) async fn park(&self, seq: u64, attempts: u32, error: String, at: Timestamp) -> Result<u64, WriteError> {
        Ok(self.writer.durable(Step::Parked { seq, attempts, error, at }).await?.first().copied().unwrap_or_default())
    }

    /// Whose messages there are, with how many wait and how many are parked.
    pub(crate) async fn owners(&self) -> Result<Vec<(Owner, usize, u64)>, StoreError> {
        self.database
            .read_async(|reader| {
                reader
                    .prepare_cached(
                        "SELECT tenant, agent, count(*) - count(parked_at), count(parked_at) FROM messages GROUP BY tenant, agent",
                    )?
                    .query_map([], |row| {
                        let names = (row.get::<_, String>(0)?, row.get::<_, String>(1)?);
                        Ok((names, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?))
                    })?
                    .filter_map(|row| {
                        let owned = row.map(|((tenant, agent), waiting, parked)| {
                            let (tenant, agent) = (Tenant::new(&tenant).ok()?, SkillName::new(&agent).ok()?);
                            Some((Owner { tenant, agent }, usize::try_from(waiting).ok()?, parked.cast_unsigned()))
                        });
                        owned.transpose()
                    })
                    .collect()
            })
            .await
    }

    /// What waits for `owner`, in the order in which it was accepted.
    pub(crate) async fn waiting(&self, owner: Owner) -> Result<Vec<Waiting>, Box<dyn std::error::Error + Send + Sync>> {
        // What is handled must not be read as waiting.
        self.writer.flush().await?;
        let waiting = self
            .database
            .read_async(move |reader| {
                reader
                    .prepare_cached(
                        "SELECT seq, id, channel, payload, source, hops, published_at, attempts FROM messages
                         WHERE tenant = ?1 AND agent = ?2 AND parked_at IS NULL ORDER BY seq",
                    )?
                    .query_map((owner.tenant.as_str(), owner.agent.as_str()), waiting)?
                    .filter_map(Result::transpose)
                    .collect()
            })
            .await?;
        Ok(waiting)
    }

    /// What is parked, the oldest first.
    pub(crate) async fn parked(&self) -> Result<Vec<Parked>, StoreError> {
        self.database.read_async(parked).await
    }

    /// How many messages of `owner` are parked.
    pub(crate) async fn parked_of(&self, owner: Owner) -> Result<u64, StoreError> {
        let count = "SELECT count(*) FROM messages WHERE tenant = ?1 AND agent = ?2 AND parked_at IS NOT NULL";
        let count = move |reader: &Connection| {
            reader
                .prepare_cached(count)?
                .query_row((owner.tenant.as_str(), owner.agent.as_str()), |row| row.get::<_, i64>(0))
        };
        Ok(self.database.read_async(count).await?.cast_unsigned())
    }

    /// Lets the parked messages with these ids wait again; none: all. Gives how many.
    pub(crate) async fn replay(&self, ids: Option<Vec<String>>) -> Result<usize, StoreError> {
        const AGAIN: &str =
            "UPDATE messages SET parked_at = NULL, attempts = 0, error = NULL WHERE parked_at IS NOT NULL";
        self.database
            .transact_async(move |transaction| match ids {
                None => transaction.execute(AGAIN, ()),
                Some(ids) => {
                    let mut one = transaction.prepare(&format!("{AGAIN} AND id = ?1"))?;
                    ids.iter().map(|id| one.execute((id,))).sum()
                }
            })
            .await
    }

    /// Writes what is left.
    pub(crate) fn close(&self) -> Result<(), WriteError> {
        self.writer.close()
    }
}

fn accept(transaction: &Transaction<'_>, owner: &Owner, message: &Message) -> rusqlite::Result<u64> {
    transaction
        .prepare_cached(
            "INSERT INTO messages (tenant, agent, id, channel, payload, source, hops, published_at)
             VALUES (:tenant, :agent, :id, :channel, :payload, :source, :hops, :at)",
        )?
        .execute(named_params! {
            ":tenant": owner.tenant.as_str(),
            ":agent": owner.agent.as_str(),
            ":id": message.id,
            ":channel": message.channel.as_str(),
            ":payload": &*message.payload,
            ":source": message.source.as_deref(),
            ":hops": message.hops,
            ":at": message.published_at.0.cast_signed(),
        })?;
    Ok(transaction.last_insert_rowid().cast_unsigned())
}

fn waiting(row: &Row<'_>) -> rusqlite::Result<Option<Waiting>> {
    // Checked when it was accepted; a row that somebody else wrote is left alone.
    let Ok(channel) = Channel::new(&row.get::<_, String>("channel")?) else { return Ok(None) };
    let message = Message {
        id: row.get("id")?,
        channel,
        payload: row.get::<_, String>("payload")?.into(),
        source: row.get::<_, Option<String>>("source")?.map(Into::into),
        hops: row.get("hops")?,
        published_at: Timestamp(row.get::<_, i64>("published_at")?.cast_unsigned()),
    };
    let seq = row.get::<_, i64>("seq")?.cast_unsigned();
    Ok(Some(Waiting { seq, message: Arc::new(message), attempts: row.get("attempts")? }))
}

fn parked(reader: &Connection) -> rusqlite::Result<Vec<Parked>> {
    let time = |row: &Row<'_>, name| row.get::<_, i64>(name).map(|at| Timestamp(at.cast_unsigned()));
    reader
        .prepare_cached("SELECT * FROM messages WHERE parked_at IS NOT NULL ORDER BY seq")?
        .query_map([], |row| {
            let payload: String = row.get("payload")?;
            Ok(Parked {
                id: row.get("id")?,
                agent: row.get("agent")?,
                tenant: row.get("tenant")?,
                channel: row.get("channel")?,
                payload: serde_json::from_str(&payload).unwrap_or(serde_json::Value::String(payload)),
                source: row.get("source")?,
                published_at: time(row, "published_at")?,
                attempts: row.get("attempts")?,
                error: row.get::<_, Option<String>>("error")?.unwrap_or_default(),
                parked_at: time(row, "parked_at")?,
            })
        })?
        .collect()
}
