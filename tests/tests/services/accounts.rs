//! What the tests of budgets share: amounts that can be told beforehand, and the ledger added up.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::kit::has_fields;
use crate::models::TOKENS;

/// What a completion of [`Models::saying`] takes.
pub(crate) const EACH: u64 = TOKENS.0 + TOKENS.1;

/// What the host sets aside for the prompt `Say yes.` beside the tokens of the answer: a token per three bytes, and eight for the
/// message.
pub(crate) const PROMPT: u64 = 3 + 8;

pub(crate) fn standing(scope: &str, unit: &str, window: &str, limit: u64, used: u64) -> Value {
    json!({"scope": scope, "unit": unit, "window": window, "limit": limit, "used": used, "reserved": 0})
}

/// Adds up the entries of a unit by account: debits less credits.
pub(crate) fn balances(entries: &[Value], unit: &str) -> BTreeMap<String, i64> {
    let mut balances = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry["unit"] == unit) {
        let amount = entry["amount"].as_i64().unwrap();
        *balances.entry(entry["debit"].as_str().unwrap().to_owned()).or_default() += amount;
        *balances.entry(entry["credit"].as_str().unwrap().to_owned()).or_default() -= amount;
    }
    balances
}

/// What holds for every ledger: the form of its entries, and that the same was put down to tenants, skills and those who gave it.
#[track_caller]
pub(crate) fn adds_up(entries: &[Value]) {
    let mut before = 0;
    for entry in entries {
        has_fields(entry, &["id", "at", "debit", "credit", "amount", "unit", "run", "memo"]);
        let id = entry["id"].as_u64().unwrap();
        assert!(id > before && entry["amount"].as_u64().unwrap() > 0, "{entry}");
        before = id;
    }
    for unit in ["llm_tokens", "usd_micros", "fuel", "wall_us", "bytes"] {
        let balances = balances(entries, unit);
        let of =
            |kind: &str| balances.iter().filter(|(name, _)| name.starts_with(kind)).map(|(_, sum)| sum).sum::<i64>();
        assert_eq!(balances.values().sum::<i64>(), 0, "{balances:?}");
        assert_eq!(of("tenant:"), -(of("provider:") + of("host")), "{balances:?}");
        assert_eq!(of("tenant:"), of("skill:"), "{balances:?}");
        assert_eq!(of("skill:"), -of("skills"), "{balances:?}");
        assert_eq!(of("agent:"), -of("agents"), "{balances:?}");
    }
}
