//! Changes of the board on disk, many in one transaction.
//!
//! Contract: changes are made one after the other, among all processes; one that is refused changes nothing, and the
//! others of its batch go through. Price: five point queries a change, and a commit that the changes of one moment share.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Transaction};
use skillhost_store::{Commit, Weigh};
use skillhost_types::{Source, Tenant};

use super::schema::{signed, unsigned};
use crate::limits::{STEPS, SWEPT, size, sum, too_costly};
use crate::name::HOSTS_OWN;
use crate::{BoardError, BoardLimits, Key, Message, Selection, Ttl};

/// Messages that are kept for other processes: as many as wait for one subscriber. Their listeners look many times a second.
pub(super) const KEPT_MESSAGES: i64 = 1_024;

/// How long a message is kept for other processes, in milliseconds: one that has not looked for so long stands still.
const KEPT_TIME: i64 = 10_000;

/// A change of one tenant's board.
pub(super) struct Entry {
    pub(super) tenant: Tenant,
    pub(super) change: Change,
}

pub(super) enum Change {
    Set { key: Key, value: String, ttl: Ttl },
    Swap { key: Key, expected: Option<String>, value: String, ttl: Ttl },
    Add { key: Key, delta: i64 },
    Delete { key: Key },
    Clear { meant: Selection },
    Tell { sender: i64, message: Arc<Message> },
}

impl Weigh for Entry {
    fn weight(&self) -> usize {
        let held = match &self.change {
            Change::Set { value, .. } => value.len(),
            Change::Swap { expected, value, .. } => value.len() + expected.as_ref().map_or(0, String::len),
            Change::Tell { message, .. } => message.payload.len(),
            Change::Add { .. } | Change::Delete { .. } | Change::Clear { .. } => 0,
        };
        held + size_of::<Self>()
    }

    /// All keys of somebody may be many.
    fn is_plain(&self) -> bool {
        !matches!(self.change, Change::Clear { .. })
    }
}

/// Makes the changes.
pub(super) struct Operations {
    limits: BoardLimits,
    source: Arc<dyn Source>,
    now: i64,
}

impl Operations {
    pub(super) fn new(limits: BoardLimits, source: Arc<dyn Source>) -> Self {
        Self { limits, source, now: 0 }
    }
}

impl Commit for Operations {
    type Entry = Entry;
    /// What a change comes to, or why it was refused.
    type Receipt = Result<i64, BoardError>;

    fn begin(&mut self, _: &Transaction<'_>) -> rusqlite::Result<()> {
        // Not when the change was sent: a value that expired while it waited is gone.
        self.now = signed(self.source.now().0);
        Ok(())
    }

    fn write(&mut self, transaction: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<Self::Receipt> {
        let board = Board { transaction, tenant: &entry.tenant, limits: &self.limits, now: self.now };
        match &entry.change {
            Change::Set { key, value, ttl } => {
                board.sweep()?;
                board.put(key, value, board.expiry(*ttl))
            }
            Change::Swap { key, expected, value, ttl } => {
                board.sweep()?;
                let held = board.live(key)?.map(|(held, _)| held);
                if held == *expected { board.put(key, value, board.expiry(*ttl)) } else { Ok(Ok(0)) }
            }
            Change::Add { key, delta } => {
                board.sweep()?;
                let (held, expires) = match board.live(key)? {
                    Some((held, expires)) => (Some(held), expires),
                    None => (None, board.expiry(Ttl::Default)),
                };
                match sum(key, held.as_deref(), *delta) {
                    Ok(sum) => Ok(board.put(key, &sum.to_string(), expires)?.map(|_| sum)),
                    Err(refused) => Ok(Err(refused)),
                }
            }
            Change::Delete { key } => board.delete(key).map(Ok),
            Change::Clear { meant } => board.clear(meant),
            Change::Tell { sender, message } => board.tell(*sender, message).map(Ok),
        }
    }

    fn finish(&mut self, _: &Transaction<'_>) -> rusqlite::Result<()> {
        Ok(())
    }
}

/// One tenant's board in a transaction.
struct Board<'a> {
    transaction: &'a Transaction<'a>,
    tenant: &'a Tenant,
    limits: &'a BoardLimits,
    now: i64,
}

impl Board<'_> {
    fn execute(&self, statement: &str, values: impl rusqlite::Params) -> rusqlite::Result<usize> {
        self.transaction.prepare_cached(statement)?.execute(values)
    }

    fn expiry(&self, ttl: Ttl) -> Option<i64> {
        let lives = self.limits.lifetime(ttl)?;
        Some(self.now.saturating_add(i64::try_from(lives.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The value of a key that has not expired, and when it does.
    fn live(&self, key: &Key) -> rusqlite::Result<Option<(String, Option<i64>)>> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT value, expires FROM entries WHERE tenant = ?1 AND key = ?2 AND ifnull(expires, ?3 + 1) > ?3",
        )?;
        let row =
            statement.query_row((self.tenant.as_str(), key.as_str(), self.now), |row| Ok((row.get(0)?, row.get(1)?)));
        row.optional()
    }

    /// Writes a value, if there is room for it.
    fn put(&self, key: &Key, text: &str, expires: Option<i64>) -> rusqlite::Result<Result<i64, BoardError>> {
        if let Err(refused) = self.limits.check_value(key, text) {
            return Ok(Err(refused));
        }
        let tenant = self.tenant.as_str();
        let before: Option<i64> = self
            .transaction
            .prepare_cached("SELECT octet_length(value) FROM entries WHERE tenant = ?1 AND key = ?2")?
            .query_row((tenant, key.as_str()), |row| row.get(0))
            .optional()?;
        let (keys, bytes): (i64, i64) = self
            .transaction
            .prepare_cached("SELECT keys, bytes FROM spaces WHERE tenant = ?1")?
            .query_row([tenant], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .unwrap_or_default();
        let gone = before.map_or(0, |length| size(key.as_str(), unsigned(length)));
        let bytes = unsigned(bytes).saturating_sub(gone) + size(key.as_str(), text.len() as u64);
        let held = usize::try_from(keys).unwrap_or_default();
        if let Err(refused) = self.limits.check_total(before.is_none(), held, bytes) {
            return Ok(Err(refused));
        }
        self.execute(
            "INSERT INTO entries (tenant, key, value, expires) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (tenant, key) DO UPDATE SET value = excluded.value, expires = excluded.expires",
            (tenant, key.as_str(), text, expires),
        )?;
        self.execute(
            "INSERT INTO spaces (tenant, keys, bytes) VALUES (?1, ?2, ?3)
             ON CONFLICT (tenant) DO UPDATE SET keys = excluded.keys, bytes = excluded.bytes",
            (tenant, keys + i64::from(before.is_none()), signed(bytes)),
        )?;
        Ok(Ok(1))
    }

    /// Notes that so many keys and bytes are gone.
    fn shrink(&self, tenant: &str, keys: u64, bytes: u64) -> rusqlite::Result<()> {
        let shrink = "UPDATE spaces SET keys = keys - ?2, bytes = bytes - ?3 WHERE tenant = ?1";
        self.execute(shrink, (tenant, signed(keys), signed(bytes))).map(drop)
    }

    fn delete(&self, key: &Key) -> rusqlite::Result<i64> {
        let gone: Option<(i64, bool)> = self
            .transaction
            .prepare_cached(
                "DELETE FROM entries WHERE tenant = ?1 AND key = ?2
                 RETURNING octet_length(value), ifnull(expires, ?3 + 1) > ?3",
            )?
            .query_row((self.tenant.as_str(), key.as_str(), self.now), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((length, was_live)) = gone else { return Ok(0) };
        self.shrink(self.tenant.as_str(), 1, size(key.as_str(), unsigned(length)))?;
        Ok(was_live.into())
    }

    fn clear(&self, meant: &Selection) -> rusqlite::Result<Result<i64, BoardError>> {
        let found = match matching(self.transaction, self.tenant, meant, self.now, usize::MAX)? {
            Ok(found) => found,
            Err(refused) => return Ok(Err(refused)),
        };
        let mut bytes = 0;
        for Found { id, key, length } in &found {
            self.execute("DELETE FROM entries WHERE id = ?1", [id])?;
            bytes += size(key.as_str(), *length);
        }
        self.shrink(self.tenant.as_str(), found.len() as u64, bytes)?;
        Ok(Ok(signed(found.len() as u64)))
    }

    /// Takes away a few expired values, whoever they belong to.
    fn sweep(&self) -> rusqlite::Result<()> {
        let mut statement = self.transaction.prepare_cached(
            "DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE expires <= ?1 ORDER BY expires LIMIT ?2)
             RETURNING tenant, key, octet_length(value)",
        )?;
        let mut rows = statement.query((self.now, signed(SWEPT as u64)))?;
        while let Some(row) = rows.next()? {
            let (tenant, key, length): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            self.shrink(&tenant, 1, size(&key, unsigned(length)))?;
        }
        Ok(())
    }

    /// Leaves a message for other processes.
    fn tell(&self, sender: i64, message: &Message) -> rusqlite::Result<i64> {
        self.execute(
            "INSERT INTO messages (sender, sent, tenant, channel, payload, id, source, hops, published)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            (
                sender,
                self.now,
                self.tenant.as_str(),
                message.channel.as_str(),
                &*message.payload,
                &message.id,
                message.source.as_deref(),
                message.hops,
                signed(message.published_at.0),
            ),
        )?;
        let seq = self.transaction.last_insert_rowid();
        self.execute("DELETE FROM messages WHERE seq <= ?1", [seq - KEPT_MESSAGES])?;
        // More go than come.
        trim(self.transaction, self.now, 2)?;
        Ok(1)
    }
}

/// Takes away messages that everybody has had time to hear; looks at the oldest `looked_at` only.
pub(super) fn trim(transaction: &Transaction<'_>, now: i64, looked_at: i64) -> rusqlite::Result<()> {
    let old = "DELETE FROM messages WHERE seq IN
               (SELECT seq FROM (SELECT seq, sent FROM messages ORDER BY seq LIMIT ?2) WHERE sent <= ?1)";
    transaction.prepare_cached(old)?.execute([now - KEPT_TIME, looked_at]).map(drop)
}

/// A key that is meant.
pub(super) struct Found {
    id: i64,
    pub(super) key: Key,
    length: u64,
}

/// The first `limit` keys that are meant.
pub(super) fn matching(
    connection: &Connection,
    tenant: &Tenant,
    meant: &Selection,
    now: i64,
    limit: usize,
) -> rusqlite::Result<Result<Vec<Found>, BoardError>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, key, octet_length(value) FROM entries
         WHERE tenant = ?1 AND key >= ?2 AND ifnull(expires, ?3 + 1) > ?3 ORDER BY key",
    )?;
    let prefix = meant.prefix();
    let mut rows = statement.query((tenant.as_str(), prefix, now))?;
    let (mut found, mut steps) = (Vec::new(), STEPS);
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        let text = row.get_ref(1)?.as_str()?;
        if !text.starts_with(prefix) {
            break;
        }
        if text.starts_with(HOSTS_OWN) {
            continue;
        }
        match (meant.holds(text, &mut steps), Key::new(text)) {
            (None, _) => return Ok(Err(too_costly(meant))),
            (Some(true), Ok(key)) => found.push(Found { id: row.get(0)?, key, length: unsigned(row.get(2)?) }),
            _ => {}
        }
    }
    Ok(Ok(found))
}
