//! What waits for a person, and what was decided.
//!
//! Contract: a decision is for these bytes and these wants, and for no others. Every change of state is one
//! compare-and-set that survives a power cut before anybody hears of it, so of two people who decide at once one is told that
//! he came late. Price: a synced transaction per change; reading costs an indexed lookup.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};
use skillhost_store::{ChangeCounter, Database, StoreError};
use skillhost_types::{Digest, Grant, Source, Timestamp, Want};

use crate::authority::approval::{Approval, ApprovalState, DecideError, Decision, Proposal};

/// The table, a step of the state database's schema.
pub(crate) const MIGRATION: &str = "CREATE TABLE approvals (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    folder TEXT NOT NULL,
    file TEXT NOT NULL,
    skill TEXT NOT NULL,
    version TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    asked TEXT NOT NULL,
    wants TEXT NOT NULL,
    imports TEXT NOT NULL,
    news TEXT NOT NULL,
    serving TEXT,
    state TEXT NOT NULL,
    granted TEXT NOT NULL DEFAULT '[]',
    proposed_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by TEXT,
    reason TEXT
);
CREATE INDEX approvals_of ON approvals (skill, digest, asked);
CREATE UNIQUE INDEX approvals_open ON approvals (folder, file) WHERE state = 'proposed';";

const COLUMNS: &str = "id, file, skill, version, digest, size, wants, imports, news, serving, state, granted, \
                       proposed_at, decided_at, decided_by, reason";

/// How long a proposal waits: who has not looked for a month is asked anew, about a file that is still there.
const EXPIRES: Duration = Duration::from_secs(30 * 86_400);

/// Letters and digits of a proposal's name that are hard to confuse; six of them are a billion names, short enough to type.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const NAME: usize = 6;

/// The approvals of one drop folder. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Approvals {
    database: Database,
    folder: String,
    source: Arc<dyn Source>,
}

impl Approvals {
    pub(crate) fn new(database: Database, folder: String, source: Arc<dyn Source>) -> Self {
        Self { database, folder, source }
    }

    /// Tells when anybody has decided something.
    pub(crate) fn changes(&self) -> Result<ChangeCounter, StoreError> {
        self.database.change_counter()
    }

    /// Puts a file before a person, in the place of what was proposed of the same file before. Gives the proposal, and the names
    /// of those that it took the place of; none if it was proposed already.
    pub(crate) fn propose(&self, proposal: &Proposal<'_>) -> Result<(Approval, Option<Vec<String>>), StoreError> {
        self.database.transact(|transaction| {
            let now = self.expire(transaction)?;
            let asked = asked(proposal.wants);
            let open = open(transaction, &self.folder, proposal.file)?;
            if let Some(open) = &open
                && open.skill == proposal.skill
                && open.digest == proposal.digest
                && self::asked(&open.wants) == asked
            {
                return Ok((open.clone(), None));
            }
            let id = self.name();
            let reason = format!("{} was changed; {id} is about what it is now", proposal.file);
            self.supersede(transaction, proposal.file, &reason)?;
            transaction.execute(
                "INSERT INTO approvals (id, folder, file, skill, version, digest, size, asked, wants, imports, news, serving,
                     state, proposed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'proposed', ?13)",
                rusqlite::params![
                    id,
                    self.folder,
                    proposal.file,
                    proposal.skill,
                    proposal.version,
                    proposal.digest.to_string(),
                    i64::try_from(proposal.size).unwrap_or(i64::MAX),
                    asked,
                    to_json(&proposal.wants),
                    to_json(&proposal.imports),
                    to_json(&proposal.new),
                    proposal.serving.map(|digest| digest.to_string()),
                    now,
                ],
            )?;
            let before = open.map(|open| open.id).into_iter().collect();
            find(transaction, &id).map(|approval| (approval, Some(before)))
        })
    }

    /// Puts on record that a file was taken because its forerunner was granted what it asks for.
    pub(crate) fn carry_over(&self, proposal: &Proposal<'_>, granted: &[Grant]) -> Result<Approval, StoreError> {
        let (approval, _) = self.propose(proposal)?;
        self.database.transact(|transaction| {
            let now = millis(self.source.now());
            transaction.execute(
                "UPDATE approvals SET state = 'approved', granted = ?2, decided_at = ?3, decided_by = 'carry_over'
                 WHERE id = ?1 AND state = 'proposed'",
                (&approval.id, to_json(&granted), now),
            )?;
            find(transaction, &approval.id)
        })
    }

    /// Takes back what was proposed of `file`, which needs nobody any more.
    pub(crate) fn withdraw(&self, file: &str, reason: &str) -> Result<(), StoreError> {
        let waits = self.database.read(|connection| open(connection, &self.folder, file))?;
        if waits.is_none() {
            return Ok(());
        }
        self.database.transact(|transaction| self.supersede(transaction, file, reason))
    }

    /// Everything that `id` asks for.
    pub(crate) fn asked(&self, id: &str) -> Result<Vec<Grant>, DecideError> {
        let approval = self.database.read(|connection| find(connection, id).optional())?;
        let approval = approval.ok_or_else(|| DecideError::NotFound(id.to_owned()))?;
        Ok(approval.wants.iter().filter_map(|want| Grant::try_from(want).ok()).collect())
    }

    /// Decides. What is granted must lie in what is asked for.
    pub(crate) fn decide(&self, id: &str, decision: &Decision, by: &str) -> Result<Approval, DecideError> {
        let read = || self.database.read(|connection| find(connection, id).optional());
        let before = read()?.ok_or_else(|| DecideError::NotFound(id.to_owned()))?;
        let (state, granted) = match decision {
            Decision::Approve(granted) => (ApprovalState::Approved, granted.as_slice()),
            Decision::Reject => (ApprovalState::Rejected, &[] as &[Grant]),
        };
        let asked: Vec<_> = before.wants.iter().filter_map(|want| Grant::try_from(want).ok()).collect();
        if let Some(grant) = granted.iter().find(|grant| !asked.iter().any(|asked| asked.asks_for(grant))) {
            let list = |asked: &Grant| format!("`{asked}`");
            return Err(DecideError::NotAsked {
                grant: grant.to_string(),
                skill: before.skill,
                asked: asked.iter().map(list).collect::<Vec<_>>().join(", "),
            });
        }
        let changed = self.database.transact(|transaction| {
            let now = self.expire(transaction)?;
            transaction.execute(
                "UPDATE approvals SET state = ?2, granted = ?3, decided_at = ?4, decided_by = ?5
                 WHERE id = ?1 AND state = 'proposed'",
                (id, state.as_str(), to_json(&granted), now, by),
            )
        })?;
        let after = read()?.ok_or_else(|| DecideError::NotFound(id.to_owned()))?;
        if changed == 1 { Ok(after) } else { Err(DecideError::Late(Box::new(after))) }
    }

    /// Notes what became of an approved file. Says whether that is news.
    pub(crate) fn settle(&self, id: &str, failed: Option<&str>) -> Result<bool, StoreError> {
        let state = if failed.is_some() { ApprovalState::Failed } else { ApprovalState::Applied };
        self.database.transact(|transaction| {
            transaction
                .execute(
                    "UPDATE approvals SET state = ?2, reason = ?3 WHERE id = ?1 AND state = 'approved'",
                    (id, state.as_str(), failed),
                )
                .map(|changed| changed == 1)
        })
    }

    /// The last decision on these bytes and these wants.
    pub(crate) fn decided(&self, skill: &str, digest: &Digest, wants: &[Want]) -> Result<Option<Approval>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM approvals WHERE skill = ?1 AND digest = ?2 AND asked = ?3
             AND state IN ('approved', 'applied', 'rejected') ORDER BY number DESC LIMIT 1"
        );
        self.database.read(|connection| {
            connection.prepare_cached(&sql)?.query_row((skill, digest.to_string(), asked(wants)), decode).optional()
        })
    }

    /// The last approved file of `skill`.
    pub(crate) fn forerunner(&self, skill: &str) -> Result<Option<Approval>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM approvals WHERE skill = ?1 AND state IN ('approved', 'applied')
             ORDER BY decided_at DESC, number DESC LIMIT 1"
        );
        self.database.read(|connection| connection.prepare_cached(&sql)?.query_row((skill,), decode).optional())
    }

    /// What waits, or with `all` also what was decided; the oldest first.
    pub(crate) fn list(&self, all: bool) -> Result<Vec<Approval>, StoreError> {
        self.database.transact(|transaction| self.expire(transaction))?;
        let sql =
            format!("SELECT {COLUMNS} FROM approvals WHERE folder = ?1 AND (?2 OR state = 'proposed') ORDER BY number");
        self.database.read(|connection| connection.prepare(&sql)?.query_map((&self.folder, all), decode)?.collect())
    }

    fn expire(&self, transaction: &Transaction<'_>) -> rusqlite::Result<i64> {
        let now = millis(self.source.now());
        let patience = i64::try_from(EXPIRES.as_millis()).unwrap_or(i64::MAX);
        transaction.execute(
            "UPDATE approvals SET state = 'expired', reason = 'nobody decided for 30 days'
             WHERE state = 'proposed' AND proposed_at < ?1",
            (now.saturating_sub(patience),),
        )?;
        // Of a file that changes with every build, what nobody decided on is no history.
        transaction.execute(
            "DELETE FROM approvals WHERE state = 'superseded' AND proposed_at < ?1",
            (now.saturating_sub(patience),),
        )?;
        Ok(now)
    }

    fn supersede(&self, transaction: &Transaction<'_>, file: &str, reason: &str) -> rusqlite::Result<()> {
        transaction.execute(
            "UPDATE approvals SET state = 'superseded', reason = ?3
             WHERE folder = ?1 AND file = ?2 AND state = 'proposed'",
            (&self.folder, file, reason),
        )?;
        Ok(())
    }

    fn name(&self) -> String {
        let mut random = [0; NAME];
        self.source.fill(&mut random);
        let letter = |byte: u8| ALPHABET.get(usize::from(byte) % ALPHABET.len()).copied().map_or('0', char::from);
        random.into_iter().map(letter).collect()
    }
}

/// The capability set that a decision is about: every want once, in order, whatever the reasons say.
fn asked(wants: &[Want]) -> String {
    let set: BTreeSet<_> = wants.iter().map(|want| format!("{} {}", want.capability, want.scope)).collect();
    set.into_iter().collect::<Vec<_>>().join("\n")
}

fn open(connection: &Connection, folder: &str, file: &str) -> rusqlite::Result<Option<Approval>> {
    let sql = format!("SELECT {COLUMNS} FROM approvals WHERE folder = ?1 AND file = ?2 AND state = 'proposed'");
    connection.prepare_cached(&sql)?.query_row((folder, file), decode).optional()
}

fn find(connection: &Connection, id: &str) -> rusqlite::Result<Approval> {
    connection.prepare_cached(&format!("SELECT {COLUMNS} FROM approvals WHERE id = ?1"))?.query_row((id,), decode)
}

fn decode(row: &Row<'_>) -> rusqlite::Result<Approval> {
    Ok(Approval {
        id: row.get("id")?,
        file: row.get("file")?,
        skill: row.get("skill")?,
        version: row.get("version")?,
        digest: parsed(row, "digest")?,
        size: row.get::<_, i64>("size")?.try_into().unwrap_or_default(),
        wants: from_json(row, "wants")?,
        imports: from_json(row, "imports")?,
        new: from_json(row, "news")?,
        serving: row.get::<_, Option<String>>("serving")?.and_then(|text| text.parse().ok()),
        state: parsed(row, "state")?,
        granted: from_json(row, "granted")?,
        proposed_at: timestamp(row.get("proposed_at")?),
        decided_at: row.get::<_, Option<i64>>("decided_at")?.map(timestamp),
        decided_by: row.get("decided_by")?,
        reason: row.get("reason")?,
    })
}

fn parsed<T: FromStr>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    row.get::<_, String>(column)?.parse().map_err(|_| foreign(row, column))
}

fn from_json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    serde_json::from_str(&row.get::<_, String>(column)?).map_err(|_| foreign(row, column))
}

/// A value that this program did not write.
fn foreign(row: &Row<'_>, column: &str) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or_default();
    rusqlite::Error::InvalidColumnType(index, column.to_owned(), rusqlite::types::Type::Text)
}

fn to_json(value: &impl serde::Serialize) -> String {
    // Texts and lists of texts; there is nothing in them that could fail.
    serde_json::to_string(value).unwrap_or_default()
}

fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp(u64::try_from(millis).unwrap_or_default())
}
