//! `budget` and `ledger`: what is spent and left.

use std::process::ExitCode;

use skillhost_lifecycle::{LedgerEntry, Standing, Unit, Usd, Window};

use crate::args::{Common, LedgerOf};
use crate::fail::Fail;
use crate::{print, session};

/// Entries that are read at once.
const PAGE: usize = 1_000;

pub(crate) async fn budget(common: &Common) -> Result<ExitCode, Fail> {
    let host = session::open(common, session::config(common)?).await?;
    let standings = host.budgets();
    host.close().await;
    let standings = standings.map_err(Fail::internal)?;
    if common.json {
        print::json(&standings);
        return Ok(ExitCode::SUCCESS);
    }
    if standings.is_empty() {
        print::note("no budgets; set some under `budgets` in config.yaml");
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = standings.iter().map(row).collect();
    print::table(&["WHOSE", "UNIT", "PER", "LIMIT", "USED", "RESERVED", "LEFT"], &rows, |_, _| None);
    Ok(ExitCode::SUCCESS)
}

fn row(standing: &Standing) -> Vec<String> {
    let Standing { scope, unit, window, limit, used, reserved } = standing;
    let left = limit.saturating_sub(*used).saturating_sub(*reserved);
    let shown = |amount: u64| match unit {
        Unit::UsdMicros => Usd::from_micros(amount).to_string(),
        _ => amount.to_string(),
    };
    // What is used of a limit per run is what the largest of today's runs used.
    let per = match window {
        Window::Run => "run (the largest today)".to_owned(),
        window => window.to_string(),
    };
    let unit = if *unit == Unit::UsdMicros { "money".to_owned() } else { unit.to_string() };
    vec![scope.clone(), unit, per, shown(*limit), shown(*used), shown(*reserved), shown(left)]
}

pub(crate) async fn ledger(common: &Common, asked: &LedgerOf) -> Result<ExitCode, Fail> {
    let host = session::open(common, session::config(common)?).await?;
    let mut after = None;
    let read = loop {
        match host.ledger().entries(asked.account.as_deref(), after, PAGE) {
            Ok(entries) => {
                entries.iter().for_each(|entry| show(common, entry));
                match entries.last() {
                    Some(last) if entries.len() == PAGE => after = Some(last.id),
                    _ => break Ok(after.is_some() || !entries.is_empty()),
                }
            }
            Err(error) => break Err(error),
        }
    };
    host.close().await;
    if !read.map_err(Fail::internal)? && !common.json {
        print::note("no entries");
    }
    Ok(ExitCode::SUCCESS)
}

fn show(common: &Common, entry: &LedgerEntry) {
    if common.json {
        return print::json(entry);
    }
    let LedgerEntry { id, at, debit, credit, amount, unit, run, memo } = entry;
    let run = run.map(|run| format!("  {run}")).unwrap_or_default();
    print::line(&format!(
        "{id:>6}  {at}  {amount:>10} {unit:<10}  {debit} <- {credit}  {}{run}",
        print::on_a_line(memo)
    ));
}
