//! What budgets allow and say.

use super::*;

#[test]
fn a_budget_is_spent_to_its_last_token_and_no_further() {
    let desk = Desk::new();
    let (timmy, day) =
        (spender("default", "triage", None), [budget(r#"{"tenant":"default","llm_tokens":{"day":100}}"#)]);
    desk.spend(&timmy, tokens(60), &day).unwrap();
    let held = desk.reserve(&timmy, tokens(40), &day).unwrap();
    let refusal = exhausted(desk.reserve(&timmy, tokens(1), &day));
    assert_eq!((refusal.limit, refusal.used, refusal.reserved, refusal.asked), (100, 60, 40, 1));
    assert_eq!(
        refusal.to_string(),
        "the budget tenant:default of 100 llm_tokens per day has no room for 1 llm_tokens: 60 llm_tokens used, \
         40 llm_tokens reserved; raise it under `budgets` in the configuration, or wait until 2026-11-22T00:00:00.000Z"
    );
    desk.runtime.block_on(desk.ledger.release(&held)).unwrap();
    assert_eq!(desk.taken(&day[0]), (60, 0));
    desk.spend(&timmy, tokens(40), &day).unwrap();
}

#[test]
fn every_budget_that_applies_must_have_room_and_no_other() {
    let desk = Desk::new();
    let budgets = [
        budget(r#"{"tenant":"a","llm_tokens":{"day":100}}"#),
        budget(r#"{"skill":"s","usd":{"day":1.50,"month":2}}"#),
        budget(r#"{"tenant":"a","skill":"s","llm_tokens":{"day":30}}"#),
        budget(r#"{"agent":"timmy","llm_tokens":{"run":20}}"#),
    ];
    let refused = |spender: &Spender, cost| exhausted(desk.reserve(spender, cost, &budgets)).scope;
    let (a_s, b_s, a_t) = (spender("a", "s", None), spender("b", "s", None), spender("a", "t", None));
    desk.spend(&a_s, tokens(30), &budgets).unwrap();
    assert_eq!(refused(&a_s, tokens(1)), "tenant:a,skill:s");
    desk.spend(&a_t, tokens(70), &budgets).unwrap();
    assert_eq!(refused(&a_t, tokens(1)), "tenant:a");
    desk.spend(&b_s, tokens(1_000), &budgets).unwrap();
    desk.spend(&a_s, usd(1_000_000), &budgets).unwrap();
    assert_eq!(refused(&b_s, usd(500_001)), "skill:s");
    desk.spend(&b_s, usd(500_000), &budgets).unwrap();
    let timmy = spender("b", "t", Some("timmy"));
    desk.spend(&timmy, tokens(20), &budgets).unwrap();
    assert_eq!(refused(&timmy, tokens(1)), "agent:timmy");
    desk.spend(&Spender { run: RunId::new(&System), ..timmy.clone() }, tokens(20), &budgets).unwrap();
    // Others than timmy have no limit there, also in the same run.
    desk.spend(&Spender { agent: None, ..timmy }, tokens(5_000), &budgets).unwrap();
}

#[test]
fn a_day_begins_anew_at_midnight_in_utc_and_a_month_at_its_first() {
    let desk = Desk::new();
    let who = spender("default", "s", None);
    let budgets = [budget(r#"{"skill":"s","llm_tokens":{"day":10,"month":15}}"#)];
    desk.clock.set("2026-11-29T23:59:59.999Z");
    desk.spend(&who, tokens(10), &budgets).unwrap();
    let refusal = exhausted(desk.reserve(&who, tokens(1), &budgets));
    assert_eq!((refusal.window.as_str(), refusal.until), ("day", Some(time("2026-11-30T00:00:00Z"))));
    desk.clock.set("2026-11-30T00:00:00Z");
    let refusal = exhausted(desk.reserve(&who, tokens(6), &budgets));
    assert_eq!((refusal.window.as_str(), refusal.until), ("month", Some(time("2026-12-01T00:00:00Z"))));
    desk.spend(&who, tokens(5), &budgets).unwrap();
    desk.clock.set("2026-12-01T00:00:00Z");
    desk.spend(&who, tokens(10), &budgets).unwrap();
}

#[test]
fn what_is_held_over_midnight_counts_in_the_new_day() {
    let desk = Desk::new();
    let (who, day) = (spender("default", "s", None), [budget(r#"{"skill":"s","llm_tokens":{"day":10}}"#)]);
    desk.clock.set("2026-11-21T23:59:59Z");
    let hold = desk.reserve(&who, tokens(8), &day).unwrap();
    desk.clock.set("2026-11-22T00:00:01Z");
    assert_eq!(exhausted(desk.reserve(&who, tokens(3), &day)).reserved, 8);
    desk.runtime.block_on(desk.ledger.settle(&hold, tokens(8), "ollama", "")).unwrap();
    assert_eq!(desk.taken(&day[0]), (8, 0));
}

#[test]
fn a_reservation_that_nobody_settles_expires() {
    let desk = Desk::new();
    let (who, day) = (spender("default", "s", None), [budget(r#"{"skill":"s","llm_tokens":{"day":10}}"#)]);
    let hold = desk.reserve(&who, tokens(10), &day).unwrap();
    desk.clock.pass(LONG - Duration::from_millis(1));
    exhausted(desk.reserve(&who, tokens(1), &day));
    desk.clock.pass(Duration::from_millis(1));
    assert_eq!(desk.taken(&day[0]), (0, 0));
    desk.spend(&who, tokens(10), &day).unwrap();
    assert_eq!(reservations(desk.folder.path()), 0, "what expired is swept");
    // It came late, but it happened.
    desk.runtime.block_on(desk.ledger.settle(&hold, tokens(7), "ollama", "")).unwrap();
    assert_eq!(desk.taken(&day[0]), (17, 0));
}

#[test]
fn more_than_was_reserved_is_posted_as_it_is() {
    let desk = Desk::new();
    let (who, day) = (spender("default", "s", None), [budget(r#"{"skill":"s","llm_tokens":{"day":10}}"#)]);
    let hold = desk.reserve(&who, tokens(10), &day).unwrap();
    desk.runtime.block_on(desk.ledger.settle(&hold, tokens(25), "ollama", "")).unwrap();
    assert_eq!(desk.taken(&day[0]), (25, 0));
    exhausted(desk.reserve(&who, tokens(1), &day));
    assert_eq!(desk.ledger.remaining(&who, &day).unwrap(), Some(0));
}

#[test]
fn what_costs_nothing_fits_into_a_budget_of_money_that_is_used_up() {
    let desk = Desk::new();
    let (who, day) = (spender("default", "s", None), [budget(r#"{"skill":"s","usd":{"day":0}}"#)]);
    exhausted(desk.reserve(&who, usd(1), &day));
    desk.spend(&who, tokens(100), &day).unwrap();
}

#[test]
fn what_remains_is_the_least_of_what_the_budgets_leave() {
    let desk = Desk::new();
    let who = spender("default", "s", Some("timmy"));
    let mut budgets =
        vec![budget(r#"{"tenant":"other","llm_tokens":{"day":1}}"#), budget(r#"{"skill":"s","usd":{"day":1}}"#)];
    assert_eq!(desk.ledger.remaining(&who, &budgets).unwrap(), None, "none of them limits its tokens");
    budgets.push(budget(r#"{"skill":"s","llm_tokens":{"day":100}}"#));
    budgets.push(budget(r#"{"agent":"timmy","llm_tokens":{"run":40}}"#));
    desk.spend(&who, tokens(10), &budgets).unwrap();
    assert_eq!(desk.ledger.remaining(&who, &budgets).unwrap(), Some(30));
    let next = Spender { run: RunId::new(&System), ..who };
    let _hold = desk.reserve(&next, tokens(35), &budgets).unwrap();
    assert_eq!(desk.ledger.remaining(&next, &budgets).unwrap(), Some(5));
}

#[test]
fn standings_have_the_form_of_the_contract() {
    let desk = Desk::new();
    let budgets = [
        budget(r#"{"tenant":"default","skill":"s","llm_tokens":{"run":50,"day":200}}"#),
        budget(r#"{"tenant":"default","usd":{"month":1.50}}"#),
    ];
    let run = |at: &str| {
        desk.clock.set(at);
        Spender { run: RunId::new(&*desk.clock), ..spender("default", "s", None) }
    };
    let spend = |who: &Spender, llm_tokens| desk.spend(who, Cost { llm_tokens, usd_micros: 2_000 }, &budgets).unwrap();
    spend(&run("2026-11-20T23:00:00Z"), 50);
    spend(&run("2026-11-21T01:00:00Z"), 10);
    let largest = run("2026-11-21T02:00:00Z");
    spend(&largest, 20);
    spend(&run("2026-11-21T03:00:00Z"), 22);
    let _hold = desk.reserve(&largest, tokens(5), &budgets).unwrap();
    assert_eq!(
        serde_json::to_value(desk.ledger.status(&budgets).unwrap()).unwrap(),
        serde_json::json!([
            {"scope":"tenant:default,skill:s","unit":"llm_tokens","window":"run","limit":50,"used":20,"reserved":5},
            {"scope":"tenant:default,skill:s","unit":"llm_tokens","window":"day","limit":200,"used":52,"reserved":5},
            {"scope":"tenant:default","unit":"usd_micros","window":"month","limit":1_500_000,"used":8_000,"reserved":0},
        ])
    );
    desk.clock.set("2026-12-01T00:00:00Z");
    let used: Vec<_> = desk.ledger.status(&budgets).unwrap().into_iter().map(|standing| standing.used).collect();
    assert_eq!(used, [0, 0, 0]);
}
