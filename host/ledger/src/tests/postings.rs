//! What is posted, and that it stays.

use super::*;
use crate::{Meter, Metered, Posted, Unit};

const BOTH: Cost = Cost { llm_tokens: 120, usd_micros: 90 };

#[test]
fn a_settlement_debits_every_name_of_the_spender_in_the_form_of_the_contract() {
    let desk = Desk::new();
    let who = spender("default", "summarize", Some("timmy"));
    desk.spend(&who, BOTH, &[]).unwrap();
    let entries = desk.ledger.entries(None, None, 100).unwrap();
    let rows: Vec<_> = entries.iter().map(|entry| (&*entry.debit, &*entry.credit, entry.amount, entry.unit)).collect();
    assert_eq!(
        rows,
        [
            ("tenant:default", "provider:ollama", 120, Unit::LlmTokens),
            ("skill:summarize", "skills", 120, Unit::LlmTokens),
            ("agent:timmy", "agents", 120, Unit::LlmTokens),
            ("tenant:default", "provider:ollama", 90, Unit::UsdMicros),
            ("skill:summarize", "skills", 90, Unit::UsdMicros),
            ("agent:timmy", "agents", 90, Unit::UsdMicros),
        ]
    );
    assert_eq!(
        serde_json::to_value(&entries[0]).unwrap(),
        serde_json::json!({
            "id": 1, "at": "2026-11-21T12:00:00.000Z", "debit": "tenant:default", "credit": "provider:ollama",
            "amount": 120, "unit": "llm_tokens", "run": who.run, "memo": "llama3.2",
        })
    );
}

#[test]
fn a_hold_is_settled_once() {
    let desk = Desk::new();
    let hold = desk.reserve(&spender("default", "s", None), BOTH, &[]).unwrap();
    let settle = |cost, provider, memo| desk.runtime.block_on(desk.ledger.settle(&hold, cost, provider, memo));
    assert_eq!(settle(BOTH, "ollama", "m").unwrap(), Posted::Now);
    let before = desk.ledger.entries(None, None, 100).unwrap();
    desk.clock.pass(LONG);
    assert_eq!(settle(BOTH, "ollama", "m").unwrap(), Posted::Before);
    for (cost, provider, memo) in
        [(tokens(120), "ollama", "m"), (usd(90), "ollama", "m"), (BOTH, "openai", "m"), (BOTH, "ollama", "n")]
    {
        let error = settle(cost, provider, memo).unwrap_err();
        assert!(matches!(&error, LedgerError::Conflict { key } if *key == hold.id), "{error}");
    }
    assert_eq!(desk.ledger.entries(None, None, 100).unwrap(), before);
}

#[test]
fn a_call_that_cost_nothing_is_settled_without_entries() {
    let desk = Desk::new();
    let (who, day) = (spender("default", "s", None), [budget(r#"{"skill":"s","llm_tokens":{"day":10}}"#)]);
    let hold = desk.reserve(&who, tokens(10), &day).unwrap();
    let settle = || desk.runtime.block_on(desk.ledger.settle(&hold, Cost::default(), "ollama", "")).unwrap();
    assert_eq!((settle(), settle()), (Posted::Now, Posted::Before));
    assert_eq!(desk.taken(&day[0]), (0, 0));
    assert_eq!(desk.ledger.entries(None, None, 100).unwrap(), []);
}

#[test]
fn entries_are_listed_in_order_from_any_place_and_for_any_account() {
    let desk = Desk::new();
    for skill in ["a", "b", "a"] {
        desk.spend(&spender("default", skill, None), tokens(1), &[]).unwrap();
    }
    let ids = |account, after, limit| -> Vec<_> {
        desk.ledger.entries(account, after, limit).unwrap().into_iter().map(|entry| entry.id).collect()
    };
    assert_eq!(ids(None, None, 100), [1, 2, 3, 4, 5, 6]);
    assert_eq!(ids(None, Some(2), 2), [3, 4]);
    assert_eq!(ids(Some("skill:a"), None, 100), [2, 6]);
    assert_eq!(ids(Some("skills"), Some(2), 1), [4]);
    assert_eq!(ids(Some("provider:ollama"), Some(1), 100), [3, 5]);
    assert_eq!(ids(Some("skill:c"), None, 100), Vec::<u64>::new());
    let latest = |account, before, limit| -> Vec<_> {
        desk.ledger.latest(account, before, limit).unwrap().into_iter().map(|entry| entry.id).collect()
    };
    assert_eq!(latest(None, None, 4), [6, 5, 4, 3]);
    assert_eq!(latest(None, Some(3), 100), [2, 1]);
    assert_eq!(latest(Some("skill:a"), None, 100), [6, 2]);
    assert_eq!(latest(Some("skills"), Some(6), 1), [4]);
}

#[test]
fn what_is_posted_can_be_neither_changed_nor_taken_away_nor_replaced() {
    let desk = Desk::new();
    desk.spend(&spender("default", "s", None), tokens(1), &[]).unwrap();
    let file = desk.file();
    for (change, reason) in [
        ("UPDATE entries SET amount = 2", "not changed"),
        ("DELETE FROM entries", "not taken away"),
        ("INSERT OR REPLACE INTO entries SELECT id, posting, debit, credit, 2, unit FROM entries", "not replaced"),
        ("UPDATE postings SET memo = ''", "not changed"),
        ("DELETE FROM postings", "not taken away"),
        (
            "INSERT OR REPLACE INTO postings SELECT number, 'k', at, tenant, skill, agent, run, source, memo FROM postings",
            "not replaced",
        ),
        (
            "INSERT OR REPLACE INTO postings SELECT 9, key, at, tenant, skill, agent, run, source, memo FROM postings",
            "not replaced",
        ),
        ("INSERT INTO entries SELECT 9, posting, debit, credit, 0, unit FROM entries", "CHECK"),
        ("INSERT INTO entries SELECT 9, posting, debit, debit, 1, unit FROM entries", "CHECK"),
        ("INSERT INTO entries SELECT 9, posting, debit, credit, 1, 'cents' FROM entries", "CHECK"),
        ("INSERT INTO entries SELECT 9, posting, debit, credit, 1.5, unit FROM entries", "REAL"),
    ] {
        let error = file.execute(change, ()).unwrap_err().to_string();
        assert!(error.contains(reason), "{change}: {error}");
    }
}

#[test]
fn a_recount_finds_a_balance_and_a_posting_that_were_tampered_with() {
    let desk = Desk::new();
    desk.spend(&spender("default", "s", None), tokens(5), &[]).unwrap();
    desk.file().execute("UPDATE balances SET amount = 4 WHERE window = 'day'", ()).unwrap();
    let recount = desk.ledger.recount().unwrap();
    assert_eq!((recount.entries, recount.sum, recount.differences.len(), &recount.uneven), (2, 0, 1, &vec![]));
    let found = &recount.differences[0];
    assert_eq!((&*found.window, &*found.period, &*found.of), ("day", "2026-11-21", "default/s/"));
    assert_eq!((found.balance, found.counted, recount.is_even()), (4, 5, false));
    desk.file().execute("DELETE FROM balances WHERE window = 'day'", ()).unwrap();
    assert_eq!(desk.ledger.recount().unwrap().differences[0].balance, 0);
    desk.file().execute_batch("DROP TRIGGER entries_delete; DELETE FROM entries WHERE debit = 'skill:s'").unwrap();
    assert_eq!(desk.ledger.recount().unwrap().uneven, [1]);
    // Put in order again, for the check at the end of every test.
    desk.file()
        .execute_batch(
            "INSERT INTO entries SELECT NULL, posting, 'skill:s', 'skills', amount, unit FROM entries;
             INSERT INTO balances SELECT 'day', unit, '2026-11-21', tenant, skill, agent, amount FROM balances WHERE window = 'month'",
        )
        .unwrap();
}

#[test]
fn what_runs_use_is_posted_by_the_next_flush_and_once() {
    let desk = Desk::new();
    let meter = Meter::new(desk.ledger.clone());
    let (a, b) = (spender("default", "a", None), spender("default", "b", Some("timmy")));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    meter.add(&a.tenant, &a.skill, None, Metered { fuel: 3, wall_us: 2, bytes: 0 });
                    meter.add(&b.tenant, &b.skill, b.agent.as_deref(), Metered { fuel: 1, wall_us: 1, bytes: 1 });
                }
            });
        }
    });
    for _ in 0..2 {
        desk.runtime.block_on(meter.flush()).unwrap();
    }
    let entries = desk.ledger.entries(None, None, 100).unwrap();
    assert_eq!(entries.len(), 2 * 2 + 3 * 3, "no bytes of `a`, and no flush of nothing");
    let amount = |account: &str, unit| {
        let of = entries.iter().filter(|entry| entry.debit == account && entry.unit == unit);
        of.map(|entry| entry.amount).sum::<u64>()
    };
    assert_eq!(amount("skill:a", Unit::Fuel), 12_000);
    assert_eq!(amount("agent:timmy", Unit::Bytes), 4_000);
    assert_eq!(amount("tenant:default", Unit::WallUs), 12_000);
    assert!(entries.iter().all(|entry| entry.run.is_none() && entry.memo == "4000 runs"));
}

#[test]
fn what_a_failed_flush_left_is_posted_by_the_next_one() {
    let desk = Desk::new();
    let meter = Meter::new(desk.ledger.clone());
    let who = spender("default", "a", None);
    let add = || meter.add(&who.tenant, &who.skill, None, Metered { fuel: 3, wall_us: 0, bytes: 0 });
    add();
    desk.file().execute_batch("ALTER TABLE balances RENAME TO away").unwrap();
    assert!(matches!(desk.runtime.block_on(meter.flush()), Err(LedgerError::Write(_))));
    add();
    desk.file().execute_batch("ALTER TABLE away RENAME TO balances").unwrap();
    desk.runtime.block_on(meter.flush()).unwrap();
    let fuel = desk.ledger.entries(Some("skill:a"), None, 100).unwrap();
    assert_eq!(fuel.iter().map(|entry| entry.amount).collect::<Vec<_>>(), [3, 3]);
}
