use std::time::Duration;

use skillhost_llm::{ErrorKind, LlmError, Spent};

use crate::support::*;

#[tokio::test]
async fn before_the_first_piece_the_next_provider_answers() {
    let good = Server::always(Dialect::OpenAi, Act::Say(vec!["Hel", "lo"])).await;
    for act in [Act::HangBefore, Act::Status(503, vec![], String::new()), Act::Raw("text/html", "<html>".into())] {
        let bad = Server::always(Dialect::OpenAi, act).await;
        let host = Host::of(&[("bad", "openai", bad.url()), ("good", "openai", good.url())]);
        let stream = host.router.stream(&hello(), &host.ask()).await.unwrap();
        let answer = stream.finish().await.unwrap();
        assert_eq!((answer.text.as_str(), &*answer.provider, answer.is_fallback), ("Hello", "good", true));
        assert!(answer.attempts.len() >= 2 && answer.attempts.last().unwrap().error.is_none());
    }
}

#[tokio::test]
async fn after_the_first_piece_a_failure_is_an_error_and_nobody_else_is_asked() {
    let good = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    for dialect in DIALECTS {
        for (act, kind) in [(Act::Cut("Hel"), ErrorKind::Cut), (Act::HangAfter("Hel"), ErrorKind::Stalled)] {
            let bad = Server::always(dialect, act).await;
            let host = Host::of(&[("bad", dialect.name(), bad.url()), ("good", "openai", good.url())]);
            let mut stream = host.router.stream(&hello(), &host.ask()).await.unwrap();
            assert_eq!(stream.next().await.unwrap().as_deref(), Some("Hel"));
            let Err(LlmError::Unavailable(text)) = stream.next().await else { panic!("{dialect:?} {kind:?}") };
            assert!(text.contains("bad/m") && text.contains("after it had begun"), "{text}");
            assert_eq!(stream.next().await.unwrap_err(), stream.finish().await.unwrap_err());
            let word = serde_json::to_value(kind).unwrap();
            let called = format!("called bad/m {}", word.as_str().unwrap());
            assert_eq!(host.watch.lines(), [called.as_str(), "failed after 1"]);
            // The piece was paid for.
            host.book.read(|pages| {
                let (provider, Spent { input_tokens, output_tokens, .. }) = &pages.settled[0];
                assert_eq!(provider, "bad");
                assert!(*input_tokens > 0 && *output_tokens > 0, "{:?}", pages.settled);
            });
        }
    }
    assert_eq!(good.count(), 0);
}

#[tokio::test]
async fn a_dropped_stream_ends_its_request_and_settles_what_was_seen() {
    let server = Server::always(Dialect::OpenAi, Act::HangAfter("Hel")).await;
    let host = Host::new(config(&[("p", "openai", server.url())], |value| {
        value["timeouts"]["chunk"] = "60s".into();
        value["timeouts"]["total"] = "60s".into();
    }));
    let mut stream = host.router.stream(&hello(), &host.ask()).await.unwrap();
    assert_eq!(stream.next().await.unwrap().as_deref(), Some("Hel"));
    assert!(format!("{stream:?}").contains("attempts"));
    drop(stream);
    server.until(|_, open| open == 0).await;
    host.book.settled().await;
    host.book.read(|pages| assert!(pages.settled[0].1.output_tokens >= 1, "{:?}", pages.settled));
}

#[tokio::test]
async fn the_deadline_holds_within_a_stream() {
    let server = Server::always(Dialect::OpenAi, Act::HangAfter("Hel")).await;
    let host = Host::new(config(&[("p", "openai", server.url())], |value| {
        value["timeouts"]["chunk"] = "60s".into();
        value["timeouts"]["total"] = "60s".into();
    }));
    let started = tokio::time::Instant::now();
    let mut stream = host.router.stream(&hello(), &host.ask_within(Duration::from_millis(300))).await.unwrap();
    assert_eq!(stream.next().await.unwrap().as_deref(), Some("Hel"));
    assert!(stream.next().await.is_err());
    assert!(started.elapsed() < Duration::from_millis(600), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_caller_that_takes_its_time_is_not_held_against_the_provider() {
    let server = Server::always(Dialect::OpenAi, Act::HeldAfter("Hello")).await;
    let host = Host::new(config(&[("p", "openai", server.url())], |value| {
        value["timeouts"] = serde_json::json!({"first_token": "1s", "chunk": "1s", "total": "1s"});
    }));
    let mut stream = host.router.stream(&hello(), &host.ask()).await.unwrap();
    assert_eq!(stream.next().await.unwrap().as_deref(), Some("Hello"));
    // Longer than the provider may take for everything.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let rest = tokio::spawn(stream.finish());
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.release(1);
    assert_eq!(rest.await.unwrap().unwrap().text, "Hello");
}
