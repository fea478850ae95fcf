//! What is written, and in which tables.

use bytes::Bytes;
use http::StatusCode;
use rusqlite::{OptionalExtension as _, Row, Transaction};
use skillhost_store::{Commit, Weigh};
use skillhost_types::{RunId, Tenant, Timestamp};

use super::{Answer, Hash, KEPT, OF_TENANT, OF_TOKEN};

/// What one claim clears away of what is out of date: more than it adds.
const CLEARED: i64 = 16;

/// What a claim takes in memory, in bytes: two hashes, a name and what is around them.
const USUAL: usize = 256;

/// The triggers keep count of what each token has, which would else be counted anew at every claim.
pub(super) const MIGRATIONS: &[&str] = &["CREATE TABLE answers (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 32),
    tenant TEXT NOT NULL,
    token INTEGER NOT NULL,
    input BLOB NOT NULL CHECK (length(input) = 32),
    run TEXT NOT NULL,
    claimed_at INTEGER NOT NULL,
    status INTEGER,
    body BLOB
) STRICT;
CREATE INDEX answers_by_age ON answers (claimed_at);
CREATE TABLE held (
    tenant TEXT NOT NULL,
    token INTEGER NOT NULL,
    keys INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (tenant, token)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER claimed AFTER INSERT ON answers BEGIN
    INSERT INTO held VALUES (new.tenant, new.token, 1, 0) ON CONFLICT (tenant, token) DO UPDATE SET keys = keys + 1;
END;
CREATE TRIGGER kept AFTER UPDATE OF body ON answers BEGIN
    UPDATE held SET bytes = bytes + coalesce(length(new.body), 0) - coalesce(length(old.body), 0)
        WHERE tenant = new.tenant AND token = new.token;
END;
CREATE TRIGGER released AFTER DELETE ON answers BEGIN
    UPDATE held SET keys = keys - 1, bytes = bytes - coalesce(length(old.body), 0)
        WHERE tenant = old.tenant AND token = old.token;
    DELETE FROM held WHERE tenant = old.tenant AND token = old.token AND keys = 0;
END;"];

/// What is to be written.
pub(crate) enum Change {
    Claim(New),
    Keep { id: Hash, answer: Answer },
    Release { id: Hash },
}

/// A claim.
pub(crate) struct New {
    pub(super) id: Hash,
    pub(super) tenant: Tenant,
    pub(super) token: i64,
    pub(super) input: Hash,
    pub(super) run: RunId,
    pub(super) now: Timestamp,
}

/// What came of it.
pub(crate) enum Done {
    Written,
    Taken(Taken),
    Full,
}

/// A claim that is there.
pub(crate) struct Taken {
    pub(super) input: Hash,
    pub(super) run: RunId,
    pub(super) answer: Option<Answer>,
}

impl Weigh for Change {
    fn weight(&self) -> usize {
        match self {
            Self::Keep { answer, .. } => USUAL + answer.body.len(),
            Self::Claim(_) | Self::Release { .. } => USUAL,
        }
    }
}

/// Writes one change after the other.
pub(crate) struct Commits;

impl Commit for Commits {
    type Entry = Change;
    type Receipt = Done;

    fn begin(&mut self, _: &Transaction<'_>) -> rusqlite::Result<()> {
        Ok(())
    }

    fn write(&mut self, transaction: &Transaction<'_>, change: &Change) -> rusqlite::Result<Done> {
        match change {
            Change::Claim(new) => return claim(transaction, new),
            Change::Keep { id, answer } => transaction
                .prepare_cached("UPDATE answers SET status = ?2, body = ?3 WHERE id = ?1")?
                .execute((id, answer.status.as_u16(), &*answer.body))?,
            Change::Release { id } => {
                transaction.prepare_cached("DELETE FROM answers WHERE id = ?1")?.execute((id,))?
            }
        };
        Ok(Done::Written)
    }

    fn finish(&mut self, _: &Transaction<'_>) -> rusqlite::Result<()> {
        Ok(())
    }
}

fn claim(transaction: &Transaction<'_>, new: &New) -> rusqlite::Result<Done> {
    let New { id, tenant, token, input, run, now } = new;
    let patience = u64::try_from(KEPT.as_millis()).unwrap_or(u64::MAX);
    let oldest = now.0.saturating_sub(patience).cast_signed();
    transaction
        .prepare_cached(
            "DELETE FROM answers WHERE id = ?2 AND claimed_at < ?1
             OR number IN (SELECT number FROM answers WHERE claimed_at < ?1 ORDER BY claimed_at LIMIT ?3)",
        )?
        .execute((oldest, id, CLEARED))?;
    let taken = transaction
        .prepare_cached("SELECT input, run, status, body FROM answers WHERE id = ?1")?
        .query_row((id,), taken)
        .optional()?;
    if let Some(taken) = taken {
        return Ok(Done::Taken(taken));
    }
    // Of nothing there is no sum.
    let full: Option<bool> = transaction
        .prepare_cached(
            "SELECT sum(keys) >= ?3 OR sum(bytes) >= ?4 OR max(token = ?2 AND (keys >= ?5 OR bytes >= ?6))
             FROM held WHERE tenant = ?1",
        )?
        .query_row((tenant.as_str(), token, OF_TENANT.keys, OF_TENANT.bytes, OF_TOKEN.keys, OF_TOKEN.bytes), |row| {
            row.get(0)
        })?;
    if full == Some(true) {
        return Ok(Done::Full);
    }
    transaction
        .prepare_cached(
            "INSERT INTO answers (id, tenant, token, input, run, claimed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((id, tenant.as_str(), token, input, run.to_string(), now.0.cast_signed()))?;
    Ok(Done::Written)
}

fn taken(row: &Row<'_>) -> rusqlite::Result<Taken> {
    let foreign = |column: usize, name: &str| {
        rusqlite::Error::InvalidColumnType(column, name.to_owned(), rusqlite::types::Type::Text)
    };
    let run = row.get::<_, String>(1)?.parse().map_err(|_| foreign(1, "run"))?;
    let answer = match row.get::<_, Option<u16>>(2)? {
        Some(status) => Some(Answer {
            status: StatusCode::from_u16(status).map_err(|_| foreign(2, "status"))?,
            body: Bytes::from(row.get::<_, Vec<u8>>(3)?),
        }),
        None => None,
    };
    Ok(Taken { input: row.get(0)?, run, answer })
}
