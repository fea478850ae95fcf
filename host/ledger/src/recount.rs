use rusqlite::Connection;

use crate::{Unit, unit};

/// Differences that are listed: enough to see what they have in common.
const LISTED: usize = 100;

/// What a recount found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recount {
    /// The entries that were counted.
    pub entries: u64,
    /// All debits less all credits, over all accounts and units: zero.
    pub sum: i64,
    /// Balances that are not what their entries add up to, the first hundred.
    pub differences: Vec<Difference>,
    /// Postings that do not put the same amounts down to the tenant, the skill and the agent, the first hundred.
    pub uneven: Vec<u64>,
}

/// A balance that is not what its entries add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `run`, `day` or `month`.
    pub window: String,
    /// Which one.
    pub period: String,
    /// Of what.
    pub unit: Unit,
    /// Whose, as `tenant/skill/agent`.
    pub of: String,
    /// What the balance says.
    pub balance: u64,
    /// What the entries say.
    pub counted: u64,
}

impl Recount {
    /// Is everything as it must be?
    pub fn is_even(&self) -> bool {
        self.sum == 0 && self.differences.is_empty() && self.uneven.is_empty()
    }
}

/// Takes days and months from the time of the posting in another way than those who post.
const DIFFERENCES: &str = "WITH
    used AS (
        SELECT run, at, unit, tenant, skill, agent, amount FROM entries JOIN postings ON number = posting
        WHERE debit = 'tenant:' || tenant),
    periods AS (
        SELECT 'run' AS window, run AS period, unit, tenant, skill, agent, amount FROM used WHERE run IS NOT NULL
        UNION ALL
        SELECT 'day', strftime('%Y-%m-%d', at / 1000, 'unixepoch'), unit, tenant, skill, agent, amount FROM used
        UNION ALL
        SELECT 'month', strftime('%Y-%m', at / 1000, 'unixepoch'), unit, tenant, skill, agent, amount FROM used),
    both AS (
        SELECT window, period, unit, tenant, skill, agent, amount AS balance, 0 AS counted FROM balances
        UNION ALL SELECT window, period, unit, tenant, skill, agent, 0, amount FROM periods)
    SELECT window, period, unit, tenant || '/' || skill || '/' || agent, SUM(balance), SUM(counted) FROM both
    GROUP BY window, period, unit, tenant, skill, agent HAVING SUM(balance) <> SUM(counted) LIMIT ?1";

const UNEVEN: &str = "SELECT DISTINCT number FROM entries JOIN postings ON number = posting GROUP BY posting, unit
    HAVING COUNT(*) <> 2 + (agent <> '') OR MIN(amount) <> MAX(amount)
        OR SUM(debit = 'tenant:' || tenant) <> 1 OR SUM(debit = 'skill:' || skill) <> 1
    LIMIT ?1";

const SUM: &str = "WITH
    sides AS (
        SELECT debit AS account, unit, amount FROM entries UNION ALL SELECT credit, unit, -amount FROM entries),
    accounts AS (SELECT SUM(amount) AS balance FROM sides GROUP BY account, unit)
    SELECT (SELECT COUNT(*) FROM entries), (SELECT COALESCE(SUM(balance), 0) FROM accounts)";

/// Counts in one snapshot.
pub(crate) fn recount(connection: &Connection) -> rusqlite::Result<Recount> {
    let snapshot = connection.unchecked_transaction()?;
    let (entries, sum) = snapshot.query_row(SUM, (), |row| Ok((unit::read(row.get(0)?), row.get(1)?)))?;
    let difference = |row: &rusqlite::Row<'_>| {
        Ok(Difference {
            window: row.get(0)?,
            period: row.get(1)?,
            unit: row.get(2)?,
            of: row.get(3)?,
            balance: unit::read(row.get(4)?),
            counted: unit::read(row.get(5)?),
        })
    };
    let listed = i64::try_from(LISTED).unwrap_or(i64::MAX);
    let differences =
        snapshot.prepare(DIFFERENCES)?.query_map((listed,), difference)?.collect::<rusqlite::Result<_>>()?;
    let uneven = snapshot
        .prepare(UNEVEN)?
        .query_map((listed,), |row| row.get(0).map(unit::read))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Recount { entries, sum, differences, uneven })
}
