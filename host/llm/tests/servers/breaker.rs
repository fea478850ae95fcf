use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use skillhost_llm::{BreakerState, Config, ErrorKind};
use tokio::time::sleep;

use crate::support::*;

fn guarded(providers: &[(&str, &str, String)], open: &str, open_max: &str) -> Config {
    config(providers, |value| {
        value["breaker"] =
            json!({"window": 20, "min_calls": 5, "failure_rate": 0.5, "open": open, "open_max": open_max});
        value["timeouts"]["first_token"] = "200ms".into();
    })
}

fn state(host: &Host, provider: &str) -> BreakerState {
    host.router.metrics().iter().find(|metrics| metrics.provider == provider).unwrap().breaker
}

#[tokio::test]
async fn a_tripped_provider_is_left_alone_probed_once_and_taken_back() {
    let bad = Server::always(Dialect::OpenAi, Act::Cut("Hel")).await;
    let good = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    let config = guarded(&[("bad", "openai", bad.url()), ("good", "openai", good.url())], "500ms", "5s");
    let host = Arc::new(Host::new(config));
    for _ in 0..5 {
        assert_eq!(&*host.complete().await.unwrap().provider, "good");
    }
    assert_eq!(bad.count(), 5);
    for _ in 0..20 {
        host.complete().await.unwrap();
    }
    assert_eq!(bad.count(), 5, "it is left alone");
    assert_eq!(state(&host, "bad"), BreakerState::Open);

    // It is well again. Of many calls at once one is the probe; the others do not wait for it.
    bad.then(Act::Held(vec!["Hello"]));
    sleep(Duration::from_millis(550)).await;
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let host = Arc::clone(&host);
            tokio::spawn(async move { host.complete().await.unwrap().provider.to_string() })
        })
        .collect();
    bad.until(|count, _| count == 6).await;
    good.until(|count, open| count == 25 + 7 && open == 0).await;
    assert_eq!(state(&host, "bad"), BreakerState::HalfOpen);
    bad.release(1);
    let mut answered = Vec::new();
    for call in calls {
        answered.push(call.await.unwrap());
    }
    assert_eq!(answered.iter().filter(|name| *name == "bad").count(), 1);
    assert_eq!((bad.count(), state(&host, "bad")), (6, BreakerState::Closed));
    bad.then(Act::Say(vec!["Hello"]));
    assert_eq!(&*host.complete().await.unwrap().provider, "bad", "it is taken back");

    // The order of what happened.
    let lines = host.watch.lines();
    let mut expected = Vec::new();
    for index in 0..5 {
        expected.push("called bad/m cut");
        expected.extend((index == 4).then_some("breaker bad closed open"));
        expected.extend(["fallback bad/m good/m", "called good/m ok"]);
    }
    assert_eq!(lines[..expected.len()], expected);
    let rest: Vec<_> = lines[expected.len()..]
        .iter()
        .filter(|line| line.contains("bad closed") || line.starts_with("breaker") || line.starts_with("called bad"))
        .collect();
    assert_eq!(
        rest,
        ["breaker bad open half-open", "breaker bad half-open closed", "called bad/m ok", "called bad/m ok"]
    );
}

#[tokio::test]
async fn a_provider_that_stays_bad_is_asked_less_and_less() {
    let bad = Server::always(Dialect::OpenAi, Act::Status(401, vec![], String::new())).await;
    let good = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    let host = Host::new(guarded(&[("bad", "openai", bad.url()), ("good", "openai", good.url())], "100ms", "400ms"));
    let end = tokio::time::Instant::now() + Duration::from_millis(1_600);
    while tokio::time::Instant::now() < end {
        host.complete().await.unwrap();
        sleep(Duration::from_millis(5)).await;
    }
    // Five to trip it, then probes after 100, 300, 700, 1100 and 1500 ms.
    assert!((8..=10).contains(&bad.count()), "{}", bad.count());
}

#[tokio::test]
async fn hung_probes_do_not_keep_it_half_open() {
    let bad = Server::always(Dialect::OpenAi, Act::HangBefore).await;
    let good = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    let host = Host::new(guarded(&[("bad", "openai", bad.url()), ("good", "openai", good.url())], "100ms", "200ms"));
    for _ in 0..5 {
        host.complete().await.unwrap();
    }
    assert_eq!(state(&host, "bad"), BreakerState::Open);
    // A probe that hangs, and one whose caller leaves.
    sleep(Duration::from_millis(120)).await;
    assert_eq!(&*host.complete().await.unwrap().provider, "good");
    assert_eq!(state(&host, "bad"), BreakerState::Open);
    sleep(Duration::from_millis(220)).await;
    let _ = tokio::time::timeout(Duration::from_millis(50), host.complete()).await.unwrap_err();
    assert_eq!((bad.count(), state(&host, "bad")), (7, BreakerState::HalfOpen));
    bad.then(Act::Say(vec!["Hello"]));
    assert_eq!(&*host.complete().await.unwrap().provider, "bad");
    assert_eq!(state(&host, "bad"), BreakerState::Closed);
}

#[tokio::test]
async fn another_configuration_keeps_the_breakers_of_providers_that_did_not_change() {
    let bad = Server::always(Dialect::OpenAi, Act::Status(500, vec![], String::new())).await;
    let good = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    let providers = [("bad", "openai", bad.url()), ("good", "openai", good.url())];
    let host = Host::new(guarded(&providers, "60s", "60s"));
    for _ in 0..3 {
        host.complete().await.unwrap();
    }
    assert_eq!(state(&host, "bad"), BreakerState::Open);
    let mut changed = guarded(&providers, "60s", "60s");
    changed.models.insert("new".into(), vec!["bad/m".into(), "good/m".into()]);
    host.router.reconfigure(changed).unwrap();
    assert_eq!(state(&host, "bad"), BreakerState::Open);
    let wrong = config(&providers, |value| value["default"] = "nobody/m".into());
    assert!(host.router.reconfigure(wrong).is_err());
    let request = skillhost_llm::Request { model: Some("new".into()), ..hello() };
    host.router.complete(&request, &host.ask()).await.unwrap();

    bad.then(Act::Say(vec!["Hello"]));
    let moved = config(&[("bad", "openai", format!("{}/", bad.url())), ("good", "openai", good.url())], |_| {});
    host.router.reconfigure(moved).unwrap();
    assert_eq!(state(&host, "bad"), BreakerState::Closed);
    assert_eq!(&*host.complete().await.unwrap().provider, "bad");
}

#[tokio::test]
async fn callers_in_a_hurry_do_not_trip_a_slow_provider() {
    let slow = Server::always(Dialect::OpenAi, Act::HangBefore).await;
    let providers = [("a", "openai", slow.url()), ("b", "openai", slow.url())];
    let host = Host::new(guarded(&providers, "60s", "60s"));
    for _ in 0..10 {
        host.router.complete(&hello(), &host.ask_within(Duration::from_millis(40))).await.unwrap_err();
    }
    assert_eq!(slow.count(), 20);
    assert_eq!((state(&host, "a"), state(&host, "b")), (BreakerState::Closed, BreakerState::Closed));
    let kinds: Vec<_> = host.router.metrics().into_iter().map(|metrics| metrics.errors).collect();
    assert_eq!((kinds[0][&ErrorKind::Hurried], kinds[1][&ErrorKind::Deadline]), (10, 10));
}
