//! Agents that ask models, in a host whose configuration is edited and in one that dies.

use std::time::{Duration, Instant};

use serde_json::json;
use skillhost_tests::eventually;

use crate::kit::{ask, cascade, configure, events, send, until, world};
use crate::models::{Models, Reply};

#[test]
fn edited_models_and_budgets_take_effect_in_a_running_host() {
    let (before, after) = (Models::saying("Before."), Models::saying("After."));
    let agents = json!({"worker": {"skill": "asker"}});
    let world = world(&json!({"llm": cascade(&[("one", before.ollama())]), "agents": agents}));
    let _up = world.up();
    until(&world, "worker", "the agent lives", |agent| agent["status"] == "healthy");
    let heard = |text: &str| {
        send(&world, "ask:a", &json!({"prompt": "Who is there?"}));
        ask(&world, "heard", &json!({}))["ok"].as_str().is_some_and(|kept| kept.contains(text))
    };
    eventually("the model answers", Duration::from_secs(20), || heard("Before."));
    let edited = Instant::now();
    configure(&world, &json!({"llm": cascade(&[("two", after.openai())]), "agents": agents}));
    eventually("the other model answers", Duration::from_secs(20), || heard("After."));
    let took = edited.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");

    let budgets = json!([{"agent": "worker", "llm_tokens": {"day": 1}}]);
    configure(&world, &json!({"llm": cascade(&[("two", after.openai())]), "agents": agents, "budgets": budgets}));
    let parked = || {
        send(&world, "ask:a", &json!({}));
        world.run(&["agents", "parked", "--json"]).json().as_array().unwrap().first().cloned()
    };
    eventually("the budget holds", Duration::from_secs(20), || parked().is_some());
    let error = parked().unwrap()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("agent:worker"), "{error}");
    let told: Vec<_> =
        events(&world, "system.configured").into_iter().map(|event| event["data"]["changed"].clone()).collect();
    assert!(told.ends_with(&[json!(["llm"]), json!(["budgets"])]), "{told:?}");

    // One with an error changes nothing.
    configure(
        &world,
        &json!({"llm": {"models": {"chat": ["nobody/m"]}, "providers": {"one": before.ollama()}}, "agents": agents}),
    );
    eventually("the error is told", Duration::from_secs(20), || !events(&world, "system.error").is_empty());
    let error = events(&world, "system.error")[0]["data"]["error"].to_string();
    assert!(error.contains("nobody"), "{error}");
    assert_eq!(send(&world, "ask:a", &json!({})), 1, "the agent goes on");
}

#[test]
fn a_message_whose_answer_was_on_its_way_when_the_host_died_is_handled_by_the_next() {
    let (hanging, healthy) = (Models::new(|_| Reply::Hangs), Models::saying("At last."));
    let agents = json!({"worker": {"skill": "asker"}});
    let world = world(&json!({"llm": cascade(&[("one", hanging.ollama())]), "agents": agents}));
    let up = world.up();
    until(&world, "worker", "the agent lives", |agent| agent["status"] == "healthy");
    send(&world, "ask:a", &json!({"prompt": "Is it late?"}));
    eventually("the model is asked", Duration::from_secs(20), || hanging.asked().len() == 1);
    up.kill();
    configure(&world, &json!({"llm": cascade(&[("one", healthy.ollama())]), "agents": agents}));
    let _up = world.up();
    until(&world, "worker", "the next host handled it", |agent| agent["handled"] == 1 && agent["waiting"] == 0);
    let asked = healthy.asked();
    assert_eq!((asked.len(), asked[0].prompt()), (1, "Is it late?"));
    assert!(ask(&world, "heard", &json!({}))["ok"].as_str().unwrap().contains("At last."));
}
