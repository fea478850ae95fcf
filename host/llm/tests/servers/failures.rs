use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use skillhost_llm::{ErrorKind, LlmError};
use tokio::time::Instant;

use crate::support::*;

/// Every way of failing that has the next provider answer, and what it is held to be.
fn ways() -> Vec<(&'static str, Act, ErrorKind)> {
    let status = |code, headers: &[(&'static str, &str)], body: &str| {
        Act::Status(code, headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), body.to_owned())
    };
    let raw = |kind, body: &str| Act::Raw(kind, body.to_owned());
    vec![
        ("rate limited", status(429, &[("retry-after", "30")], "{}"), ErrorKind::RateLimited),
        ("server error", status(500, &[], "oops"), ErrorKind::Server),
        ("overloaded", status(529, &[], "{}"), ErrorKind::Overloaded),
        ("key refused", status(401, &[], "{}"), ErrorKind::Unauthorized),
        ("no such model", status(404, &[], "{}"), ErrorKind::UnknownModel),
        ("redirect", status(302, &[("location", "http://127.0.0.1:1/")], ""), ErrorKind::Redirect),
        ("hang before", Act::HangBefore, ErrorKind::FirstToken),
        ("hang after", Act::HangAfter("Hel"), ErrorKind::Stalled),
        ("cut", Act::Cut("Hel"), ErrorKind::Cut),
        ("web page", raw("text/html", "<html>Welcome</html>"), ErrorKind::Nonsense),
        ("web page in disguise", raw("text/plain", "<html>\n\nWelcome</html>\n\n"), ErrorKind::Nonsense),
        ("broken JSON", raw("text/event-stream", "data: {\"choices\":[\n\n"), ErrorKind::Nonsense),
        ("wrong fields", raw("text/event-stream", "data: {\"hello\":1}\n\n"), ErrorKind::Nonsense),
        ("nothing", raw("text/event-stream", ""), ErrorKind::Nonsense),
        ("no UTF-8", raw("text/event-stream", "data: \u{fffd}\n\n"), ErrorKind::Nonsense),
        ("gigantic", Act::Gigantic, ErrorKind::TooLarge),
        (
            "an error inside the stream",
            raw("text/event-stream", "data: {\"error\":{\"message\":\"m\",\"type\":\"server_error\"}}\n\n"),
            ErrorKind::Server,
        ),
    ]
}

#[tokio::test]
async fn whatever_a_provider_does_the_next_healthy_one_answers() {
    let good = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    for (name, act, kind) in ways() {
        let bad = Server::always(Dialect::OpenAi, act).await;
        let host = Host::of(&[("bad", "openai", bad.url()), ("good", "openai", good.url())]);
        let answer = host.complete().await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((answer.text.as_str(), &*answer.provider, answer.is_fallback), ("Hello", "good", true), "{name}");
        let errors: Vec<_> =
            answer.attempts.iter().map(|attempt| attempt.error.as_ref().map(|error| error.kind)).collect();
        let retried = matches!(kind, ErrorKind::Server | ErrorKind::Overloaded);
        let expected = if retried { vec![Some(kind), Some(kind), None] } else { vec![Some(kind), None] };
        assert_eq!(errors, expected, "{name}");
        let word = serde_json::to_value(kind).unwrap();
        let mut lines = vec![format!("called bad/m {}", word.as_str().unwrap()); expected.len() - 1];
        lines.extend(["fallback bad/m good/m".to_owned(), "called good/m ok".to_owned()]);
        assert_eq!(host.watch.lines(), lines, "{name}");
        host.book.settled().await;
    }
}

#[tokio::test]
async fn the_same_holds_for_every_dialect() {
    let good = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    for dialect in DIALECTS {
        for (act, kind) in [
            (Act::HangBefore, ErrorKind::FirstToken),
            (Act::HangAfter("Hel"), ErrorKind::Stalled),
            (Act::Cut("Hel"), ErrorKind::Cut),
            (Act::Gigantic, ErrorKind::TooLarge),
            (Act::Raw("application/json", "{\"a\":".into()), ErrorKind::Nonsense),
            (Act::Status(401, vec![], "{\"error\":\"no\"}".into()), ErrorKind::Unauthorized),
        ] {
            let bad = Server::always(dialect, act.clone()).await;
            let host = Host::of(&[("bad", dialect.name(), bad.url()), ("good", "openai", good.url())]);
            let answer = host.complete().await.unwrap();
            assert_eq!(&*answer.provider, "good");
            assert_eq!(answer.attempts[0].error.as_ref().map(|error| error.kind), Some(kind), "{dialect:?} {act:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_connection_costs_no_time() {
    let good = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    let host = Host::of(&[("bad", "openai", nobody().await), ("good", "openai", good.url())]);
    let started = Instant::now();
    let answer = host.complete().await.unwrap();
    assert!(started.elapsed() < Duration::from_millis(300), "{:?}", started.elapsed());
    assert_eq!(answer.attempts[0].error.as_ref().unwrap().kind, ErrorKind::Connect);
}

#[tokio::test]
async fn a_refusal_is_one_before_its_body_comes() {
    let good = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    let bad = Server::always(Dialect::OpenAi, Act::Mute(401)).await;
    let host = Host::new(config(&[("bad", "openai", bad.url()), ("good", "openai", good.url())], |value| {
        value["timeouts"]["first_token"] = "9s".into();
        value["timeouts"]["total"] = "9s".into();
    }));
    let started = Instant::now();
    let answer = host.complete().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert_eq!(answer.attempts[0].error.as_ref().unwrap().kind, ErrorKind::Unauthorized);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    let location = vec![("location", format!("{}/chat/completions", target.url()))];
    let bad = Server::always(Dialect::OpenAi, Act::Status(307, location, String::new())).await;
    let host = Host::of(&[("bad", "openai", bad.url())]);
    assert!(matches!(host.complete().await, Err(LlmError::Unavailable(_))));
    assert_eq!((bad.count(), target.count()), (1, 0));
}

#[tokio::test]
async fn a_request_that_is_at_fault_goes_to_nobody_else_and_breaks_nothing() {
    let good = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    for (code, kind) in [
        ("context_length_exceeded", ErrorKind::ContextTooLong),
        ("content_policy_violation", ErrorKind::ContentPolicy),
        ("unsupported_value", ErrorKind::BadRequest),
    ] {
        let body = format!(r#"{{"error":{{"message":"too bad","type":"invalid_request_error","code":"{code}"}}}}"#);
        let strict = Server::always(Dialect::OpenAi, Act::Status(400, vec![], body)).await;
        let host = Host::of(&[("strict", "openai", strict.url()), ("good", "openai", good.url())]);
        for _ in 0..10 {
            let Err(LlmError::Invalid(text)) = host.complete().await else {
                panic!("{code} is the request's own fault")
            };
            assert!(text.contains("strict/m") && text.contains("too bad"), "{text}");
        }
        assert_eq!((strict.count(), good.count()), (10, 0));
        let metrics = host.router.metrics();
        let strict = metrics.iter().find(|metrics| metrics.provider == "strict").unwrap();
        assert_eq!((strict.errors[&kind], strict.breaker_changes), (10, 0));
        assert!(!host.watch.lines().iter().any(|line| line.starts_with("breaker")));
    }
}

#[tokio::test]
async fn a_short_retry_after_is_waited_for_and_a_long_one_sends_everybody_elsewhere_until_then() {
    let limited = |after: &str| Act::Status(429, vec![("retry-after", after.to_owned())], "{}".into());
    let mut first = true;
    let short =
        Server::new(
            Dialect::OpenAi,
            move |_| {
                if std::mem::take(&mut first) { limited("0.2") } else { Act::Say(vec!["Hello"]) }
            },
        );
    let short = short.await;
    let good = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    let host = Host::of(&[("short", "openai", short.url()), ("good", "openai", good.url())]);
    let started = Instant::now();
    let answer = host.complete().await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!((&*answer.provider, answer.is_fallback, answer.attempts.len()), ("short", false, 2));

    let long = Server::always(Dialect::OpenAi, limited("3")).await;
    let host = Host::of(&[("long", "openai", long.url()), ("good", "openai", good.url())]);
    let started = Instant::now();
    for _ in 0..5 {
        assert_eq!(&*host.complete().await.unwrap().provider, "good");
    }
    assert_eq!(long.count(), 1, "it said when to come back");
    assert_eq!(host.router.metrics().iter().map(|metrics| metrics.breaker_changes).sum::<u64>(), 0);
    long.then(Act::Say(vec!["Hello"]));
    while &*host.complete().await.unwrap().provider != "long" {
        assert!(started.elapsed() < Duration::from_secs(8), "it was never asked again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(started.elapsed() >= Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(long.count(), 2);
}

#[tokio::test]
async fn nobody_waits_beyond_the_deadline() {
    let slow = Server::always(Dialect::OpenAi, Act::HangBefore).await;
    let host = Host::new(config(&[("a", "openai", slow.url()), ("b", "openai", slow.url())], |value| {
        value["timeouts"]["first_token"] = "60s".into();
    }));
    let started = Instant::now();
    let error = host.router.complete(&hello(), &host.ask_within(Duration::from_millis(400))).await.unwrap_err();
    let took = started.elapsed();
    assert!((Duration::from_millis(390)..Duration::from_millis(700)).contains(&took), "{took:?}");
    assert!(matches!(&error, LlmError::Unavailable(text) if text.contains("a/m") && text.contains("b/m")), "{error}");
    assert_eq!(slow.count(), 2, "the first one leaves the second its half of the time");

    let error = host.router.complete(&hello(), &host.ask_within(Duration::ZERO)).await.unwrap_err();
    assert!(error.to_string().contains("time was up"), "{error}");
    assert_eq!(slow.count(), 2);
}

#[tokio::test]
async fn when_nobody_answers_the_error_names_every_attempt() {
    let broken =
        Server::always(Dialect::OpenAi, Act::Status(500, vec![], r#"{"error":{"message":"disk full"}}"#.into())).await;
    let host = Host::of(&[("gone", "ollama", nobody().await), ("broken", "openai", broken.url())]);
    let Err(LlmError::Unavailable(text)) = host.complete().await else { panic!() };
    assert!(text.contains("gone/m: no connection") && text.contains("broken/m: HTTP 500: disk full"), "{text}");
    assert_eq!(host.watch.lines().last().unwrap(), "failed after 3");
}

#[tokio::test]
async fn names_that_nobody_knows_are_the_requests_own_fault() {
    let server = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    let host = Host::of(&[("a", "openai", server.url()), ("b", "openai", server.url())]);
    let named = |model: &str| skillhost_llm::Request { model: Some(model.to_owned()), ..hello() };
    for (model, provider) in [("default", "a"), ("b/m", "b"), ("b/other", "b"), ("m", "a")] {
        let answer = host.router.complete(&named(model), &host.ask()).await.unwrap();
        assert_eq!((&*answer.provider, answer.is_fallback), (provider, false), "{model}");
    }
    for model in ["nobody/m", "other", "b/"] {
        let error = host.router.complete(&named(model), &host.ask()).await.unwrap_err();
        assert!(
            matches!(&error, LlmError::Invalid(text) if text.contains("default") && text.contains("a, b")),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_tenth_failing_at_random_almost_every_call_is_answered() {
    const CALLS: usize = 1_000;
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut servers = Vec::new();
    for index in 0..3 {
        let mut random = StdRng::seed_from_u64(seed.wrapping_add(index));
        let server = Server::new(Dialect::OpenAi, move |_| match random.random_range(0..100) {
            0..3 => Act::Status(500, vec![], String::new()),
            3..5 => Act::Status(429, vec![], String::new()),
            5..7 => Act::Cut("Hel"),
            7..9 => Act::Raw("text/event-stream", "data: what?\n\n".into()),
            9 => Act::HangBefore,
            _ => Act::Say(vec!["Hel", "lo"]),
        });
        servers.push(server.await);
    }
    let names = ["a", "b", "c"];
    let providers: Vec<_> =
        names.into_iter().zip(&servers).map(|(name, server)| (name, "openai", server.url())).collect();
    let host = Arc::new(Host::new(config(&providers, |value| {
        value["breaker"] = serde_json::json!({"open": "200ms", "open_max": "1s"});
    })));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let host = Arc::clone(&host);
        workers.spawn(async move {
            let mut answered = 0;
            for _ in 0..CALLS / 16 + 1 {
                answered += usize::from(host.complete().await.is_ok_and(|answer| answer.text == "Hello"));
            }
            answered
        });
    }
    let answered: usize = workers.join_all().await.iter().sum();
    let calls = (CALLS / 16 + 1) * 16;
    println!("{answered} of {calls}");
    assert!(answered * 100 >= calls * 98, "{answered} of {calls}, seed {seed}");
    host.book.settled().await;
}
