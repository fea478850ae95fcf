//! How far budgets are used.
//!
//! Contract: what is used and what is reserved are read in one statement, so that a reservation that is settled meanwhile is
//! in one of the two and not in both or neither. Price: a sum over those who spent in the window, for most budgets a handful.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};
use serde::Serialize;
use skillhost_types::{RunId, SkillName, Tenant, Timestamp};

use crate::budget::{Budget, Limit, Who};
use crate::change::millis;
use crate::error::Exhausted;
use crate::window::first_run_of_the_day;
use crate::{Cost, Spender, Unit, Window, unit};

/// How far one limit of a budget is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Whose it is: `tenant:default`, or `tenant:default,skill:summarize`.
    pub scope: String,
    /// What it limits.
    pub unit: Unit,
    /// Per what.
    pub window: Window,
    /// To how much.
    pub limit: u64,
    /// Used in the window that is now. Of limits per run: by that one of the runs that began today which has the most used
    /// and reserved.
    pub used: u64,
    /// Put aside there for calls under way.
    pub reserved: u64,
}

impl Standing {
    /// Is the budget this tenant's, or a part of it?
    pub fn is_of(&self, tenant: &Tenant) -> bool {
        self.scope.split(',').any(|who| who.strip_prefix("tenant:") == Some(tenant.as_str()))
    }
}

/// What is taken of a limit.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) used: u64,
    pub(crate) reserved: u64,
}

macro_rules! who {
    () => {
        "(:tenant IS NULL OR tenant = :tenant) AND (:skill IS NULL OR skill = :skill) AND (:agent IS NULL OR agent = :agent)"
    };
}

macro_rules! held {
    () => {
        "CASE :unit WHEN 'llm_tokens' THEN llm_tokens ELSE usd_micros END"
    };
}

const TAKEN: &str = concat!(
    "SELECT (SELECT COALESCE(SUM(amount), 0) FROM balances
             WHERE window = :window AND unit = :unit AND period = :period AND ",
    who!(),
    "), (SELECT COALESCE(SUM(",
    held!(),
    "), 0) FROM reservations WHERE expires_at > :now AND (:window <> 'run' OR run = :period) AND ",
    who!(),
    ")"
);

const LARGEST_RUN: &str = concat!(
    "SELECT SUM(used), SUM(reserved) FROM (
         SELECT period AS run, amount AS used, 0 AS reserved FROM balances
         WHERE window = :window AND unit = :unit AND period >= :period AND ",
    who!(),
    " UNION ALL SELECT run, 0, ",
    held!(),
    " FROM reservations WHERE expires_at > :now AND run >= :period AND ",
    who!(),
    ") GROUP BY run ORDER BY SUM(used) + SUM(reserved) DESC LIMIT 1"
);

/// The first limit of `budgets`, which all apply to `spender`, that has no room for `cost`.
pub(crate) fn check(
    connection: &Connection,
    spender: &Spender,
    cost: Cost,
    budgets: &[Budget],
    now: Timestamp,
) -> rusqlite::Result<Option<Exhausted>> {
    for (who, limit) in limits(budgets) {
        let asked = match limit.unit {
            Unit::UsdMicros => cost.usd_micros,
            _ => cost.llm_tokens,
        };
        // What costs nothing fits into a budget that is over.
        if asked == 0 {
            continue;
        }
        let Taken { used, reserved } = taken(connection, who, limit, Some(spender.run), now)?;
        let Limit { unit, window, most } = limit;
        if used.saturating_add(reserved).saturating_add(asked) > most {
            let (scope, until) = (who.to_string(), window.end(now));
            return Ok(Some(Exhausted { scope, unit, window, limit: most, used, reserved, asked, until }));
        }
    }
    Ok(None)
}

/// What is taken of a limit now: per run by `run`, or if none is named by the one of today that took the most.
pub(crate) fn taken(
    connection: &Connection,
    who: &Who,
    Limit { unit, window, .. }: Limit,
    run: Option<RunId>,
    now: Timestamp,
) -> rusqlite::Result<Taken> {
    let (sql, period) = match window.period(now, run) {
        Some(period) => (TAKEN, period),
        None => (LARGEST_RUN, first_run_of_the_day(now)),
    };
    let parameters = named_params! {
        ":window": window,
        ":unit": unit,
        ":period": period,
        ":tenant": who.tenant.as_ref().map(Tenant::as_str),
        ":skill": who.skill.as_ref().map(SkillName::as_str),
        ":agent": who.agent,
        ":now": millis(now),
    };
    let decode = |row: &Row<'_>| Ok(Taken { used: unit::read(row.get(0)?), reserved: unit::read(row.get(1)?) });
    Ok(connection.prepare_cached(sql)?.query_row(parameters, decode).optional()?.unwrap_or_default())
}

/// How far every limit of `budgets` is used now.
pub(crate) fn all(connection: &Connection, budgets: &[Budget], now: Timestamp) -> rusqlite::Result<Vec<Standing>> {
    limits(budgets)
        .map(|(who, limit)| {
            let Taken { used, reserved } = taken(connection, who, limit, None, now)?;
            let Limit { unit, window, most } = limit;
            Ok(Standing { scope: who.to_string(), unit, window, limit: most, used, reserved })
        })
        .collect()
}

/// The least number of tokens that `budgets`, which all apply to `spender`, leave it; none, if none of them says.
pub(crate) fn remaining(
    connection: &Connection,
    spender: &Spender,
    budgets: &[Budget],
    now: Timestamp,
) -> rusqlite::Result<Option<u64>> {
    let mut least = None;
    for (who, limit) in limits(budgets).filter(|(_, limit)| limit.unit == Unit::LlmTokens) {
        let Taken { used, reserved } = taken(connection, who, limit, Some(spender.run), now)?;
        let left = limit.most.saturating_sub(used).saturating_sub(reserved);
        least = Some(least.map_or(left, |least: u64| least.min(left)));
    }
    Ok(least)
}

fn limits(budgets: &[Budget]) -> impl Iterator<Item = (&Who, Limit)> {
    budgets.iter().flat_map(|budget| budget.limits.iter().map(|limit| (&budget.who, *limit)))
}
