//! Budgets and the ledger: what is spent is counted to the token, and nothing is spent that is not there.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use skillhost_tests::World;

use crate::accounts::{EACH, PROMPT, adds_up, balances, standing};
use crate::kit::{ask, budgets, called, cascade, is_refused, ledger, send, until, world};
use crate::models::{Models, Reply, costs, nobody};

#[test]
fn what_a_run_spends_is_counted_to_the_token_and_to_the_millionth_of_a_dollar() {
    let model = Models::new(|_| costs("Said and done.", 1_000, 200));
    let mut llm = cascade(&[("shop", model.openai())]);
    llm["prices"] = json!({"shop/m": {"input": 0.15, "output": 0.60}});
    let world = world(&json!({"llm": llm, "budgets": [
        {"tenant": "default", "llm_tokens": {"day": 100_000, "month": 1_000_000}},
        {"skill": "asker", "usd": {"run": 1.5, "day": 2, "month": 20}},
        {"tenant": "acme", "skill": "asker", "llm_tokens": {"day": 5_000}},
        {"agent": "nobody", "llm_tokens": {"run": 4_000}},
    ]}));
    let runs: Vec<_> =
        [1, 2].map(|times| called(&world, "remaining", &json!({"times": times, "max_tokens": 300}), &[])).into();
    let other = called(&world, "complete", &json!({"max_tokens": 300}), &["--tenant", "acme"]);
    assert_eq!(other.data()["ok"]["output_tokens"], 200, "{other}");
    // 1,000 tokens at 0.15 and 200 at 0.60 dollars per million are 150 and 120 millionths.
    assert_eq!(
        budgets(&world),
        [
            standing("tenant:default", "llm_tokens", "day", 100_000, 3 * 1_200),
            standing("tenant:default", "llm_tokens", "month", 1_000_000, 3 * 1_200),
            standing("skill:asker", "usd_micros", "run", 1_500_000, 2 * 270),
            standing("skill:asker", "usd_micros", "day", 2_000_000, 4 * 270),
            standing("skill:asker", "usd_micros", "month", 20_000_000, 4 * 270),
            standing("tenant:acme,skill:asker", "llm_tokens", "day", 5_000, 1_200),
            standing("agent:nobody", "llm_tokens", "run", 4_000, 0),
        ]
    );
    let entries = ledger(&world);
    adds_up(&entries);
    let tokens = BTreeMap::from([
        ("provider:shop".to_owned(), -4_800),
        ("skill:asker".to_owned(), 4_800),
        ("skills".to_owned(), -4_800),
        ("tenant:acme".to_owned(), 1_200),
        ("tenant:default".to_owned(), 3_600),
    ]);
    assert_eq!(balances(&entries, "llm_tokens"), tokens);
    assert_eq!(balances(&entries, "usd_micros")["tenant:default"], 3 * 270);
    let of_run =
        |run: &str| entries.iter().filter(|entry| entry["run"] == run && entry["unit"] == "llm_tokens").count();
    let run = runs[1].json()["run"].as_str().unwrap().to_owned();
    assert_eq!(of_run(&run), 4, "two calls, each put down to the tenant and to the skill");
    assert!(
        entries.iter().filter(|entry| entry["run"] == run.as_str()).all(|entry| entry["memo"] == "m"),
        "{entries:#?}"
    );
    let of_account = world.run(&["ledger", "--json", "--account", "tenant:acme"]).lines();
    assert!(of_account.len() >= 2 && of_account.iter().all(|entry| entry["debit"] == "tenant:acme"), "{of_account:#?}");
    assert_eq!(world.run(&["ledger", "--json", "--account", "tenant:nobody"]).lines(), Vec::<Value>::new());
}

#[test]
fn a_budget_that_is_used_up_is_a_limit_that_names_it_and_nobody_is_asked() {
    let model = Models::saying("Yes.");
    let room = EACH + PROMPT + 50;
    for (budget, words) in [
        (json!({"tenant": "default", "llm_tokens": {"day": room}}), ["tenant:default", "day"]),
        (json!({"skill": "asker", "llm_tokens": {"month": room}}), ["skill:asker", "month"]),
        (json!({"skill": "asker", "llm_tokens": {"run": room}}), ["skill:asker", "run"]),
    ] {
        let world =
            world(&json!({"llm": cascade(&[("one", model.ollama()), ("two", model.openai())]), "budgets": [budget]}));
        let asked = model.asked().len();
        let data = ask(&world, "remaining", &json!({"times": 3, "max_tokens": 50}));
        assert_eq!(data["answers"][0]["ok"]["text"], "Yes.", "{data}");
        // After two of them there is room for less than a third.
        assert_eq!(data["left"], json!([room, room - EACH, room - 2 * EACH, room - 2 * EACH]), "{data}");
        is_refused(&data["answers"][2], "limit", &[words[0], words[1], &room.to_string()]);
        assert_eq!(model.asked().len() - asked, 2);
        assert_eq!(budgets(&world)[0]["used"], json!(2 * EACH));
        // A limit per run begins anew with the next.
        let next = ask(&world, "complete", &json!({"max_tokens": 50}));
        match words[1] {
            "run" => assert_eq!(next["ok"]["text"], "Yes.", "{next}"),
            _ => is_refused(&next, "limit", &words),
        }
        // What fits still goes.
        assert_eq!(ask(&world, "complete", &json!({"max_tokens": 5}))["ok"]["text"], "Yes.");
    }
}

#[test]
fn the_tokens_that_remain_are_the_least_of_all_budgets_and_without_one_there_is_no_end() {
    let model = Models::saying("Yes.");
    let free = world(&json!({"llm": cascade(&[("one", model.ollama())])}));
    let data = ask(&free, "remaining", &json!({"times": 1}));
    assert_eq!(data["left"], json!([u64::MAX, u64::MAX]), "{data}");
    assert_eq!(budgets(&free), Vec::<Value>::new());
    let bound = world(&json!({"llm": cascade(&[("one", model.ollama())]), "budgets": [
        {"tenant": "default", "llm_tokens": {"day": 9_000, "month": 8_990}},
        {"skill": "asker", "llm_tokens": {"run": 8_995}},
        {"skill": "other", "llm_tokens": {"run": 1}},
    ]}));
    let left = |times| ask(&bound, "remaining", &json!({"times": times}))["left"].clone();
    assert_eq!(left(2), json!([8_990, 8_990 - EACH, 8_990 - 2 * EACH]));
    assert_eq!(left(0), json!([8_990 - 2 * EACH]));
}

#[test]
fn every_provider_that_may_charge_is_paid_and_one_that_did_nothing_is_not() {
    let breaking = Models::new(|_| Reply::BreaksOff(vec!["Half an".into()]));
    let failing = Models::new(|_| Reply::Refuses(503, "{}".into()));
    let model = Models::saying("Whole.");
    let providers =
        [("breaking", breaking.openai()), ("failing", failing.openai()), ("gone", nobody()), ("whole", model.ollama())];
    let world =
        world(&json!({"llm": cascade(&providers), "budgets": [{"skill": "asker", "llm_tokens": {"day": 100_000}}]}));
    let ran = called(&world, "complete", &json!({}), &[]);
    assert_eq!(ran.data()["ok"]["provider"], "whole", "{ran}");
    let entries = ledger(&world);
    adds_up(&entries);
    let balances = balances(&entries, "llm_tokens");
    let paid: Vec<_> = balances.iter().filter(|(name, _)| name.starts_with("provider:")).collect();
    // What was cut off is estimated: the prompt, and the seven bytes that came.
    let half = PROMPT.cast_signed() + 3;
    assert_eq!(paid, [(&"provider:breaking".to_owned(), &-half), (&"provider:whole".to_owned(), &-EACH.cast_signed())]);
    let usage = &ran.json()["usage"];
    let total = usage["llm_input_tokens"].as_i64().unwrap() + usage["llm_output_tokens"].as_i64().unwrap();
    assert_eq!(total, half + EACH.cast_signed(), "{ran}");
    assert_eq!(budgets(&world)[0], standing("skill:asker", "llm_tokens", "day", 100_000, total.cast_unsigned()));
}

#[test]
fn an_agent_without_budget_parks_a_message_at_once_and_is_not_woken_for_it_again() {
    let model = Models::saying("Yes.");
    let world = world(&json!({
        "llm": cascade(&[("one", model.ollama())]),
        "agents": {"worker": {"skill": "asker", "attempts": 5, "backoff": "1ms"}},
        "budgets": [{"agent": "worker", "llm_tokens": {"day": 100}}],
    }));
    let up = world.up();
    until(&world, "worker", "the agent lives", |agent| agent["status"] == "healthy");
    assert_eq!(send(&world, "ask:a", &json!({"max_tokens": 80})), 1);
    until(&world, "worker", "the first message is handled", |agent| agent["handled"] == 1);
    for number in 1..=3 {
        send(&world, "ask:a", &json!({"number": number, "max_tokens": 80}));
        until(&world, "worker", "the message is parked", |agent| agent["parked"] == number);
    }
    // As many failures as messages: whatever was to be tried again would have come before the ones behind it.
    until(&world, "worker", "each failed once", |agent| agent["failed"] == 3 && agent["waiting"] == 0);
    let parked = world.run(&["agents", "parked", "--json"]).json();
    for message in parked.as_array().unwrap() {
        assert_eq!((&message["agent"], &message["attempts"]), (&json!("worker"), &json!(1)), "{message}");
        let error = message["error"].as_str().unwrap();
        assert!(error.contains("agent:worker") && error.contains("100"), "{error}");
    }
    assert_eq!(model.asked().len(), 1);
    assert_eq!(budgets(&world), [standing("agent:worker", "llm_tokens", "day", 100, EACH)]);
    // The same skill outside of the agent has no such budget.
    assert_eq!(ask(&world, "complete", &json!({}))["ok"]["text"], "Yes.");
    assert_eq!(up.stop().code, Some(0));
    let entries = ledger(&world);
    adds_up(&entries);
    assert_eq!(balances(&entries, "llm_tokens")["agent:worker"], EACH.cast_signed());
    assert!(balances(&entries, "fuel")["agent:worker"] > 0, "{entries:#?}");
}

#[test]
fn the_fuel_the_time_and_the_bytes_of_runs_are_in_the_ledger() {
    let world = World::with(&["healthy"]).allowing_all();
    let mut used = [0, 0];
    for _ in 0..3 {
        let ran = world.call("healthy.echo", &["--input", r#"{"a":"some bytes"}"#]);
        let usage = &ran.json()["usage"];
        used[0] += usage["fuel"].as_i64().unwrap();
        used[1] += usage["wall_us"].as_i64().unwrap();
    }
    let entries = ledger(&world);
    adds_up(&entries);
    let of = |unit: &str| balances(&entries, unit);
    assert_eq!([of("fuel")["tenant:default"], of("wall_us")["skill:healthy"]], used);
    // In and out.
    let bytes = 2 * r#"{"a":"some bytes"}"#.len() as i64;
    assert_eq!((of("bytes")["tenant:default"], of("bytes")["host"]), (3 * bytes, -3 * bytes));
    assert!(of("llm_tokens").is_empty() && of("usd_micros").is_empty());
    assert!(entries.iter().all(|entry| entry["run"].is_null()), "they are sums over runs: {entries:#?}");
}

#[test]
fn what_a_call_did_not_use_is_there_for_the_next_call_of_the_same_run() {
    const TIMES: u64 = 50;
    let model = Models::saying("Yes.");
    // The last of them has just the room that it sets aside.
    let limit = (TIMES - 1) * EACH + PROMPT + 50;
    let world = world(&json!({
        "llm": cascade(&[("one", model.ollama())]),
        "budgets": [{"skill": "asker", "llm_tokens": {"run": limit}}],
    }));
    let data = ask(&world, "remaining", &json!({"times": TIMES, "max_tokens": 50}));
    let answers = data["answers"].as_array().unwrap();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.get("ok").is_none()).collect();
    assert!(refused.is_empty(), "{} of {TIMES} were refused, such as {}", refused.len(), refused[0]);
    let left: Vec<_> = (0..=TIMES).map(|number| limit - number * EACH).collect();
    assert_eq!(data["left"], json!(left));
}
