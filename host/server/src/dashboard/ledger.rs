//! `/ledger`: what may be spent, and what was.
//!
//! A session of one tenant sees the budgets and the account of that tenant: the accounts of skills and agents are of all tenants
//! together.

use askama::Template;
use axum::extract::RawQuery;
use axum::response::Response;
use skillhost_lifecycle::{LedgerEntry, Standing, Unit, Usd, Window};
use skillhost_types::Tenant;

use super::address::address;
use super::chart::{self, Svg};
use super::fault::Fault;
use super::filters;
use super::layout::{Page, Section, html};
use super::posted::Fields;
use super::session::Session;
use crate::problem::blocking;
use crate::shared::State;

/// Entries of a page.
const SHOWN: usize = 100;

/// How far a limit is used, to be shown.
pub(super) struct Budget {
    pub(super) scope: String,
    pub(super) per: &'static str,
    pub(super) limit: String,
    pub(super) used: String,
    reserved: Option<String>,
    left: String,
    pub(super) drawn: Svg,
}

struct Row {
    entry: LedgerEntry,
    amount: String,
}

#[derive(Template)]
#[template(path = "ledger.html")]
struct Ledger {
    page: Page,
    budgets: Vec<Budget>,
    account: String,
    /// Whether the account can be chosen.
    free: bool,
    rows: Vec<Row>,
    older: Option<String>,
}

/// `GET /ledger?account=&before=`
pub(super) async fn ledger(shared: State, session: Session, RawQuery(query): RawQuery) -> Result<Response, Fault> {
    let fields = Fields::of(query.as_deref());
    let before = fields.get("before").and_then(|before| before.parse().ok());
    let only = session.identity.tenants.only().cloned();
    let account = match &only {
        Some(tenant) => format!("tenant:{tenant}"),
        None => fields.get("account").unwrap_or_default().trim().to_owned(),
    };
    let (host, asked) = (shared.app()?.host.clone(), account.clone());
    let (standings, entries) = blocking(move || {
        let asked = Some(asked.as_str()).filter(|account| !account.is_empty());
        Ok::<_, skillhost_store::StoreError>((host.budgets()?, host.ledger().latest(asked, before, SHOWN)?))
    })
    .await?;
    let older = entries
        .last()
        .filter(|_| entries.len() == SHOWN)
        .map(|entry| address("/ledger", &[("account", &account), ("before", &entry.id.to_string())]));
    let budgets = budgets(&standings, only.as_ref());
    let rows = entries.into_iter().map(|entry| Row { amount: amount(entry.unit, entry.amount), entry }).collect();
    let page = Page::new(&session, Section::Ledger, "Ledger");
    html(&Ledger { page, budgets, account, free: only.is_none(), rows, older })
}

/// The budgets that a session sees; `only`: one of this tenant.
pub(super) fn budgets(standings: &[Standing], only: Option<&Tenant>) -> Vec<Budget> {
    standings.iter().filter(|standing| only.is_none_or(|only| standing.is_of(only))).map(Budget::of).collect()
}

impl Budget {
    fn of(Standing { scope, unit, window, limit, used, reserved }: &Standing) -> Self {
        let shown = |number: u64| amount(*unit, number);
        let per = match window {
            // What is used of a limit per run is what the largest of today's runs used.
            Window::Run => "run (the largest today)",
            window => window.as_str(),
        };
        let reserving = (*reserved > 0).then(|| shown(*reserved));
        let more = reserving.as_ref().map(|reserved| format!(", {reserved} reserved")).unwrap_or_default();
        let words = format!("{scope}: {} of {} used{more}", shown(*used), shown(*limit));
        Self {
            scope: scope.clone(),
            per,
            limit: shown(*limit),
            used: shown(*used),
            reserved: reserving,
            left: shown(limit.saturating_sub(*used).saturating_sub(*reserved)),
            drawn: chart::gauge(*used, *reserved, *limit, &words),
        }
    }
}

/// An amount with its unit.
fn amount(unit: Unit, amount: u64) -> String {
    match unit {
        Unit::UsdMicros => Usd::from_micros(amount).to_string(),
        Unit::LlmTokens => format!("{} tokens", filters::thousands(amount)),
        Unit::Fuel => format!("{} fuel", filters::thousands(amount)),
        Unit::WallUs => filters::duration(amount),
        Unit::Bytes => filters::size(amount),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(scope: &str, used: u64, reserved: u64) -> Standing {
        Standing { scope: scope.into(), unit: Unit::UsdMicros, window: Window::Day, limit: 2_000_000, used, reserved }
    }

    #[test]
    fn a_budget_is_shown_in_its_unit_with_what_is_left() {
        let budget = Budget::of(&standing("tenant:default", 1_500_000, 250_000));
        assert_eq!((budget.used.as_str(), budget.left.as_str()), ("1.50 USD", "0.25 USD"));
        assert!(budget.drawn.0.contains("tenant:default: 1.50 USD of 2.00 USD used, 0.25 USD reserved"));
        assert_eq!(Budget::of(&standing("tenant:default", 9_000_000, 0)).left, "0.00 USD");
    }

    #[test]
    fn a_tenant_sees_its_own_budgets_only() {
        let ours = Tenant::new("ours").unwrap();
        for (scope, seen) in
            [("tenant:ours", true), ("tenant:ours,skill:x", true), ("tenant:theirs", false), ("skill:x", false)]
        {
            let standings = [standing(scope, 0, 0)];
            assert_eq!(budgets(&standings, Some(&ours)).len(), usize::from(seen), "{scope}");
            assert_eq!(budgets(&standings, None).len(), 1);
        }
    }
}
