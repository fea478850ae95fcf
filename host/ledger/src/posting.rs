//! What happened, and the entries that it makes.
//!
//! Contract: a posting is written once with all its entries and in all balances, or not at all; under a key that is taken,
//! nothing is written. Price: a row per unit and account, and one per unit and window.

use std::sync::Arc;

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use skillhost_types::{RunId, SkillName, Tenant, Timestamp};

use crate::change::{Posted, millis};
use crate::{LedgerError, Unit, Window, unit};

/// Longest memo, in bytes; the rest is left out. A provider, a model and a reason fit.
const LONGEST_MEMO: usize = 256;

/// What somebody used of something, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Posting {
    /// Under which it is posted once.
    pub(crate) key: Arc<str>,
    pub(crate) tenant: Tenant,
    pub(crate) skill: SkillName,
    pub(crate) agent: Option<Arc<str>>,
    pub(crate) run: Option<RunId>,
    /// The account that it came from.
    pub(crate) source: String,
    pub(crate) memo: String,
    pub(crate) amounts: Vec<(Unit, u64)>,
}

impl Posting {
    /// Writes it, as of `now`.
    pub(crate) fn write(
        &self,
        transaction: &Transaction<'_>,
        now: Timestamp,
    ) -> rusqlite::Result<Result<Posted, LedgerError>> {
        if let Some(same) = self.before(transaction)? {
            return Ok(if same { Ok(Posted::Before) } else { Err(LedgerError::Conflict { key: self.key.clone() }) });
        }
        let (tenant, skill, agent, run) = (self.tenant.as_str(), self.skill.as_str(), self.agent(), self.run());
        transaction
            .prepare_cached(
                "INSERT INTO postings (key, at, tenant, skill, agent, run, source, memo)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![self.key, millis(now), tenant, skill, agent, run, self.source, self.memo()])?;
        let posting = transaction.last_insert_rowid();
        let mut entry = transaction
            .prepare_cached("INSERT INTO entries (posting, debit, credit, amount, unit) VALUES (?1, ?2, ?3, ?4, ?5)")?;
        let mut balance = transaction.prepare_cached(
            "INSERT INTO balances (window, unit, period, tenant, skill, agent, amount) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET amount = amount + excluded.amount",
        )?;
        let accounts = self.accounts();
        for (unit, amount) in self.amounts() {
            for (debit, credit) in &accounts {
                entry.execute(params![posting, debit, credit, amount, unit])?;
            }
            for window in [Window::Run, Window::Day, Window::Month] {
                if let Some(period) = window.period(now, self.run) {
                    balance.execute(params![window, unit, period, tenant, skill, agent, amount])?;
                }
            }
        }
        Ok(Ok(Posted::Now))
    }

    /// Was something posted under this key, and if so, the same?
    fn before(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Option<bool>> {
        let mut posting = transaction
            .prepare_cached("SELECT number, tenant, skill, agent, run, source, memo FROM postings WHERE key = ?1")?;
        let compare = |row: &Row<'_>| {
            let same = row.get_ref(1)?.as_str()? == self.tenant.as_str()
                && row.get_ref(2)?.as_str()? == self.skill.as_str()
                && row.get_ref(3)?.as_str()? == self.agent()
                && row.get_ref(4)?.as_str_or_null()?.map(str::to_owned) == self.run()
                && row.get_ref(5)?.as_str()? == self.source
                && row.get_ref(6)?.as_str()? == self.memo();
            Ok((row.get::<_, i64>(0)?, same))
        };
        let Some((number, same)) = posting.query_row((&self.key,), compare).optional()? else { return Ok(None) };
        let mut entries = transaction
            .prepare_cached("SELECT debit, credit, amount, unit FROM entries WHERE posting = ?1 ORDER BY id")?;
        let rows = entries.query_map((number,), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        let found: Vec<(String, String, i64, Unit)> = rows.collect::<rusqlite::Result<_>>()?;
        let accounts = self.accounts();
        let entry =
            |(unit, amount)| accounts.iter().map(move |(debit, credit)| (debit.clone(), credit.clone(), amount, unit));
        let expected: Vec<_> = self.amounts().flat_map(entry).collect();
        Ok(Some(same && found == expected))
    }

    /// Debits and credits, one for each name that the spender goes by.
    fn accounts(&self) -> Vec<(String, String)> {
        let tenant = (format!("tenant:{}", self.tenant), self.source.clone());
        let skill = (format!("skill:{}", self.skill), "skills".to_owned());
        let agent = Some(self.agent()).filter(|agent| !agent.is_empty());
        let agent = agent.map(|agent| (format!("agent:{agent}"), "agents".to_owned()));
        [tenant, skill].into_iter().chain(agent).collect()
    }

    fn amounts(&self) -> impl Iterator<Item = (Unit, i64)> {
        self.amounts.iter().filter(|(_, amount)| *amount > 0).map(|(unit, amount)| (*unit, unit::stored(*amount)))
    }

    fn agent(&self) -> &str {
        self.agent.as_deref().unwrap_or_default()
    }

    fn run(&self) -> Option<String> {
        self.run.map(|run| run.to_string())
    }

    fn memo(&self) -> &str {
        self.memo.get(..self.memo.floor_char_boundary(LONGEST_MEMO)).unwrap_or_default()
    }
}
