use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::named_params;
use serde::Serialize;
use skillhost_store::{Database, Durability, QueueLimits, StoreError, Writer};
use skillhost_types::{RunId, Source, Timestamp};

use crate::change::{Change, Changes};
use crate::posting::Posting;
use crate::recount::{self, Recount};
use crate::{Budget, Cost, Hold, LedgerError, Posted, Spender, Standing, Unit, schema, standing, unit};

/// The ledger's file in the data directory.
const FILE: &str = "ledger.db";

/// One ledger. Cheap to clone; all clones are the same, and several processes may open it.
#[derive(Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    writer: Writer<Changes>,
    source: Arc<dyn Source>,
}

/// One amount that went from one account to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its place: entries that were posted later have larger ones.
    pub id: u64,
    /// When it was posted.
    pub at: Timestamp,
    /// The account that got it.
    pub debit: String,
    /// The account that it came from.
    pub credit: String,
    /// How much; never zero.
    pub amount: u64,
    /// Of what.
    pub unit: Unit,
    /// The run that it was for, if it was for one.
    pub run: Option<RunId>,
    /// What it was for: the model, or how many runs.
    pub memo: String,
}

impl Ledger {
    /// Opens the ledger in `folder`, or begins one.
    pub fn open(folder: &Path, source: Arc<dyn Source>) -> Result<Self, StoreError> {
        let database = Database::open(&folder.join(FILE), schema::MIGRATIONS, Durability::Full)?;
        let writer = database.writer(Changes::new(source.clone()), QueueLimits::default())?;
        Ok(Self { inner: Arc::new(Inner { database, writer, source }) })
    }

    /// Puts `cost` aside for one call, if every budget that applies has room for it: used, reserved and `cost` together are
    /// within each of its limits.
    ///
    /// What is neither settled nor released is free again after `expires`, which must therefore be longer than the call may
    /// take; also if the future is dropped before it comes back. Without a budget that applies, nothing is written.
    pub async fn reserve(
        &self,
        spender: &Spender,
        cost: Cost,
        budgets: &[Budget],
        expires: Duration,
    ) -> Result<Hold, LedgerError> {
        let hold = Hold { id: self.name(), spender: spender.clone() };
        let budgets = applying(budgets, spender);
        if !budgets.is_empty() {
            let expires = u64::try_from(expires.as_millis()).unwrap_or(u64::MAX);
            let expires_at = Timestamp(self.inner.source.now().0.saturating_add(expires));
            self.write(Change::Reserve { hold: hold.clone(), cost, budgets, expires_at }).await?;
        }
        Ok(hold)
    }

    /// Posts what the call did cost, also if that is more than was reserved, and ends the reservation. `memo` says what for,
    /// such as the model. May be sent again if it is not known whether it arrived: a hold is settled once.
    pub async fn settle(&self, hold: &Hold, actual: Cost, provider: &str, memo: &str) -> Result<Posted, LedgerError> {
        let Spender { tenant, skill, agent, run } = hold.spender.clone();
        self.post(vec![Posting {
            key: hold.id.clone(),
            tenant,
            skill,
            agent,
            run: Some(run),
            source: format!("provider:{provider}"),
            memo: memo.to_owned(),
            amounts: vec![(Unit::LlmTokens, actual.llm_tokens), (Unit::UsdMicros, actual.usd_micros)],
        }])
        .await
    }

    /// Ends a reservation of which nothing was used.
    pub async fn release(&self, hold: &Hold) -> Result<(), LedgerError> {
        self.write(Change::Release(hold.clone())).await.map(drop)
    }

    /// The tokens that `spender` has left now: the least of what the budgets that apply leave. None if no budget limits them.
    /// Blocks while it reads.
    pub fn remaining(&self, spender: &Spender, budgets: &[Budget]) -> Result<Option<u64>, StoreError> {
        let (budgets, now) = (applying(budgets, spender), self.inner.source.now());
        if budgets.is_empty() {
            return Ok(None);
        }
        self.inner.database.read(|connection| standing::remaining(connection, spender, &budgets, now))
    }

    /// How far each limit of each budget is used now. Blocks while it reads.
    pub fn status(&self, budgets: &[Budget]) -> Result<Vec<Standing>, StoreError> {
        let now = self.inner.source.now();
        self.inner.database.read(|connection| standing::all(connection, budgets, now))
    }

    /// Up to `limit` entries in the order in which they were posted: those after the entry `after`, and if `account` is
    /// named, those that debit or credit it. Blocks while it reads.
    pub fn entries(&self, account: Option<&str>, after: Option<u64>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        const COLUMNS: &str = "entries.id AS id, at, debit, credit, amount, unit, run, memo
             FROM entries JOIN postings ON postings.number = entries.posting WHERE entries.id > :after";
        let sql = match account {
            None => format!("SELECT {COLUMNS} AND :account IS NULL ORDER BY id LIMIT :limit"),
            // Either half comes out of an index in order.
            Some(_) => format!(
                "SELECT {COLUMNS} AND debit = :account UNION ALL SELECT {COLUMNS} AND credit = :account ORDER BY id LIMIT :limit"
            ),
        };
        let after = i64::try_from(after.unwrap_or_default()).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.inner.database.read(|connection| {
            let parameters = named_params! { ":account": account, ":after": after, ":limit": limit };
            connection.prepare_cached(&sql)?.query_map(parameters, decode)?.collect()
        })
    }

    /// The last entries, newest first: those before the entry `before`, and if `account` is named, those that debit or credit
    /// it. Blocks while it reads.
    pub fn latest(&self, account: Option<&str>, before: Option<u64>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        const COLUMNS: &str = "entries.id AS id, at, debit, credit, amount, unit, run, memo
             FROM entries JOIN postings ON postings.number = entries.posting WHERE entries.id < :before";
        let sql = match account {
            None => format!("SELECT {COLUMNS} AND :account IS NULL ORDER BY id DESC LIMIT :limit"),
            // Either half comes out of an index in order.
            Some(_) => format!(
                "SELECT {COLUMNS} AND debit = :account UNION ALL SELECT {COLUMNS} AND credit = :account
                 ORDER BY id DESC LIMIT :limit"
            ),
        };
        let before = before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.inner.database.read(|connection| {
            let parameters = named_params! { ":account": account, ":before": before, ":limit": limit };
            connection.prepare_cached(&sql)?.query_map(parameters, decode)?.collect()
        })
    }

    /// Counts everything anew and compares it with the balances. Blocks for a pass over the whole ledger.
    pub fn recount(&self) -> Result<Recount, StoreError> {
        self.inner.database.read(recount::recount)
    }

    /// Commits what is under way and takes no more. Blocks for one transaction.
    pub fn close(&self) -> Result<(), LedgerError> {
        Ok(self.inner.writer.close()?)
    }

    pub(crate) async fn post(&self, postings: Vec<Posting>) -> Result<Posted, LedgerError> {
        self.write(Change::Post(postings)).await
    }

    /// A name that nothing else in the ledger has.
    pub(crate) fn name(&self) -> Arc<str> {
        let mut random = [0; 16];
        self.inner.source.fill(&mut random);
        format!("{:032x}", u128::from_be_bytes(random)).into()
    }

    async fn write(&self, change: Change) -> Result<Posted, LedgerError> {
        self.inner.writer.durable(change).await?
    }
}

fn applying(budgets: &[Budget], spender: &Spender) -> Vec<Budget> {
    budgets.iter().filter(|budget| budget.applies_to(spender)).cloned().collect()
}

fn decode(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        id: unit::read(row.get("id")?),
        at: Timestamp(unit::read(row.get("at")?)),
        debit: row.get("debit")?,
        credit: row.get("credit")?,
        amount: unit::read(row.get("amount")?),
        unit: row.get("unit")?,
        run: row.get::<_, Option<String>>("run")?.and_then(|run| run.parse().ok()),
        memo: row.get("memo")?,
    })
}
