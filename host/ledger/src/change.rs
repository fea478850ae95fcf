use std::sync::Arc;

use rusqlite::{Transaction, params};
use skillhost_store::{Commit, Weigh};
use skillhost_types::{Source, Timestamp};

use crate::posting::Posting;
use crate::{Budget, Cost, Hold, LedgerError, standing, unit};

/// About what a reservation or a posting holds in memory, in bytes; what they hold by reference is shared or short.
const WEIGHT: usize = 512;

/// Whether a posting is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// It was written.
    Now,
    /// It was in the ledger already, and nothing was written.
    Before,
}

/// What the writing thread is sent.
pub(crate) enum Change {
    /// Puts `cost` aside, if all `budgets` have room.
    Reserve { hold: Hold, cost: Cost, budgets: Vec<Budget>, expires_at: Timestamp },
    /// Posts, and ends the reservations of the same keys.
    Post(Vec<Posting>),
    /// Ends a reservation of which nothing was used.
    Release(Hold),
}

impl Weigh for Change {
    fn weight(&self) -> usize {
        match self {
            Self::Reserve { budgets, .. } => WEIGHT * (1 + budgets.len()),
            Self::Post(postings) => WEIGHT * postings.len(),
            Self::Release(_) => WEIGHT,
        }
    }
}

/// Turns changes into rows.
pub(crate) struct Changes {
    source: Arc<dyn Source>,
    now: Timestamp,
}

impl Changes {
    pub(crate) fn new(source: Arc<dyn Source>) -> Self {
        Self { now: source.now(), source }
    }
}

impl Commit for Changes {
    type Entry = Change;
    type Receipt = Result<Posted, LedgerError>;

    /// What expired goes first. The time is taken under the lock, so that of two processes the later one has the later time.
    fn begin(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        self.now = self.source.now();
        transaction.prepare_cached("DELETE FROM reservations WHERE expires_at <= ?1")?.execute((millis(self.now),))?;
        Ok(())
    }

    fn write(&mut self, transaction: &Transaction<'_>, change: &Change) -> rusqlite::Result<Self::Receipt> {
        match change {
            Change::Reserve { hold: Hold { id, spender }, cost, budgets, expires_at } => {
                if let Some(exhausted) = standing::check(transaction, spender, *cost, budgets, self.now)? {
                    return Ok(Err(LedgerError::Exhausted(Box::new(exhausted))));
                }
                transaction
                    .prepare_cached(
                        "INSERT INTO reservations (id, expires_at, tenant, skill, agent, run, llm_tokens, usd_micros)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                    )?
                    .execute(params![
                        id,
                        millis(*expires_at),
                        spender.tenant.as_str(),
                        spender.skill.as_str(),
                        spender.agent.as_deref().unwrap_or_default(),
                        spender.run.to_string(),
                        unit::stored(cost.llm_tokens),
                        unit::stored(cost.usd_micros),
                    ])?;
                Ok(Ok(Posted::Now))
            }
            Change::Post(postings) => {
                let mut outcome = Ok(Posted::Before);
                for posting in postings {
                    match posting.write(transaction, self.now)? {
                        Ok(Posted::Before) => {}
                        Ok(Posted::Now) => {
                            release(transaction, &posting.key)?;
                            outcome = outcome.map(|_| Posted::Now);
                        }
                        Err(conflict) => outcome = Err(conflict),
                    }
                }
                Ok(outcome)
            }
            Change::Release(hold) => {
                release(transaction, &hold.id)?;
                Ok(Ok(Posted::Now))
            }
        }
    }

    fn finish(&mut self, _: &Transaction<'_>) -> rusqlite::Result<()> {
        Ok(())
    }
}

fn release(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM reservations WHERE id = ?1")?.execute((id,))?;
    Ok(())
}

/// A time as it is stored.
pub(crate) fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}
