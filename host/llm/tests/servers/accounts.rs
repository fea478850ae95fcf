use serde_json::json;
use skillhost_llm::{Charge, LlmError, Request, Spent};

use crate::support::*;

fn priced(providers: &[(&str, &str, String)]) -> skillhost_llm::Config {
    config(providers, |value| {
        value["prices"] = json!({"a/m": {"input": 10, "output": 100}, "b/m": {"input": 1, "output": 2}});
    })
}

#[tokio::test]
async fn every_attempt_is_reserved_and_settled_with_what_it_cost() {
    let bad = Server::always(Dialect::OpenAi, Act::Cut("123456")).await;
    let good = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    let host = Host::new(priced(&[("a", "openai", bad.url()), ("b", "openai", good.url())]));
    let request = Request { max_tokens: Some(1_000), ..hello() };
    host.router.complete(&request, &host.ask()).await.unwrap();
    host.book.read(|pages| {
        // 15 bytes in two messages.
        let charge = |provider: &str, micros| Charge {
            provider: provider.into(),
            model: "m".into(),
            input_tokens: 5 + 16,
            output_tokens: 1_000,
            micros,
            priced: true,
        };
        assert_eq!(pages.reserved, [charge("a", 210 + 100_000), charge("b", 21 + 2_000)]);
        // The cut answer as far as it was seen, the good one as its provider counts.
        let cut = Spent { input_tokens: 21, output_tokens: 2, micros: 210 + 200 };
        let good = Spent { input_tokens: 11, output_tokens: 7, micros: 11 + 14 };
        assert_eq!(pages.settled, [("a".to_owned(), cut), ("b".to_owned(), good)]);
    });
}

#[tokio::test]
async fn what_certainly_cost_nothing_is_settled_with_nothing() {
    for act in [
        Act::Status(429, vec![("retry-after", "9".into())], String::new()),
        Act::Status(400, vec![], String::new()),
        Act::Status(401, vec![], String::new()),
        Act::Status(500, vec![], String::new()),
    ] {
        let server = Server::always(Dialect::OpenAi, act).await;
        let host = Host::new(priced(&[("a", "openai", server.url()), ("b", "openai", nobody().await)]));
        host.complete().await.unwrap_err();
        host.book.read(|pages| {
            assert!(!pages.settled.is_empty() && pages.settled.len() == pages.reserved.len());
            assert!(pages.settled.iter().all(|(_, spent)| *spent == Spent::default()), "{:?}", pages.settled);
        });
    }
}

#[tokio::test]
async fn silence_is_settled_with_what_was_sent() {
    let server = Server::always(Dialect::OpenAi, Act::HangBefore).await;
    let host = Host::new(priced(&[("a", "openai", server.url()), ("b", "openai", nobody().await)]));
    host.complete().await.unwrap_err();
    host.book.read(|pages| {
        assert_eq!(pages.settled[0], ("a".to_owned(), Spent { input_tokens: 21, output_tokens: 0, micros: 210 }));
    });
}

#[tokio::test]
async fn a_spent_budget_sends_nothing_and_is_named() {
    let server = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    let providers = [("a", "openai", server.url()), ("b", "openai", server.url())];
    let host = Host::paid_by(priced(&providers), Book::refusing(&["a", "b"]));
    assert_eq!(host.complete().await.unwrap_err(), LlmError::Limit("the budget of a is spent".into()));
    assert_eq!(server.count(), 0);
    // What one budget does not allow another may.
    let host = Host::paid_by(priced(&providers), Book::refusing(&["a"]));
    let answer = host.complete().await.unwrap();
    assert_eq!((&*answer.provider, answer.is_fallback), ("b", true));
}

#[tokio::test]
async fn only_the_very_name_that_has_a_price_is_priced() {
    let refused = || Book::refusing(&["far", "near"]);
    let far = |address: &str| {
        config(&[("far", "openai", address.to_owned())], |value| value["prices"] = json!({"far/gpt": {"input": 1}}))
    };
    for (model, priced) in [
        ("far/gpt", true),
        ("far/gpt-5-pro", false),
        ("far/GPT", false),
        ("far/gpt ", false),
        ("far/ gpt", false),
        ("far/gpt?", false),
        ("far/gpt/", false),
        ("far/./gpt", false),
    ] {
        let host = Host::paid_by(far("https://models.example/v1"), refused());
        let request = Request { model: Some(model.into()), ..hello() };
        host.router.complete(&request, &host.ask()).await.unwrap_err();
        host.book.read(|pages| assert_eq!(pages.asked[0].priced, priced, "{model}"));
    }
    for (kind, address, priced) in [
        ("openai", "http://localhost:1", true),
        ("openai", "http://127.9.9.9:1", true),
        ("openai", "http://[::1]:1", true),
        ("openai", "http://[::ffff:127.0.0.1]:1", true),
        ("ollama", "http://models.example", true),
        ("openai", "http://localhost.example", false),
        ("anthropic", "https://192.0.2.1", false),
    ] {
        let host = Host::paid_by(config(&[("near", kind, address.into())], |_| {}), refused());
        host.complete().await.unwrap_err();
        host.book.read(|pages| assert_eq!(pages.asked[0].priced, priced, "{kind} {address}"));
    }
}

#[tokio::test]
async fn a_count_that_cannot_be_true_is_believed_as_far_as_it_can_be() {
    let counts = r#"{"prompt_tokens": 1000000000000, "completion_tokens": 18446744073709551615}"#;
    let request = |max_tokens| Request { max_tokens: Some(max_tokens), ..hello() };
    let settled = |host: &Host| host.book.read(|pages| pages.settled[0].1);
    for (text, most) in [("x".to_owned(), 10), ("x".repeat(300), 400)] {
        let said = format!(
            "data: {{\"choices\": [{{\"delta\": {{\"content\": \"{text}\"}}, \"finish_reason\": \"stop\"}}]}}\n\n\
             data: {{\"choices\": [], \"usage\": {counts}}}\n\ndata: [DONE]\n\n"
        );
        let server = Server::always(Dialect::OpenAi, Act::Raw("text/event-stream", said)).await;
        let host = Host::new(priced(&[("a", "openai", server.url()), ("b", "openai", nobody().await)]));
        let answer = host.router.complete(&request(10), &host.ask()).await.unwrap();
        let sent = u64::try_from(server.seen()[0].body.to_string().len()).unwrap();
        let Spent { input_tokens, output_tokens, micros } = settled(&host);
        assert_eq!((input_tokens, output_tokens), (4_096 + 4 * sent.div_ceil(3), most));
        assert_eq!(micros, 10 * input_tokens + 100 * output_tokens);
        assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (input_tokens, output_tokens));
    }
    let vectors = format!(r#"{{"data": [{{"index": 0, "embedding": [1.0]}}], "usage": {counts}}}"#);
    let server = Server::always(Dialect::OpenAi, Act::Raw("application/json", vectors)).await;
    let host = Host::new(priced(&[("a", "openai", server.url()), ("b", "openai", nobody().await)]));
    host.router.embed(&["x".into()], None, &host.ask()).await.unwrap();
    let sent = u64::try_from(server.seen()[0].body.to_string().len()).unwrap();
    assert_eq!(settled(&host).input_tokens, 4_096 + 4 * sent.div_ceil(3));
}

#[tokio::test]
async fn an_answer_far_beyond_its_most_tokens_is_ended() {
    const MOST: usize = 10 * 16 + 1_024;
    let piece = "x".repeat(64).leak();
    let endless = Server::always(Dialect::OpenAi, Act::Say(vec![piece; 10_000])).await;
    let host = Host::new(priced(&[("a", "openai", endless.url()), ("b", "openai", nobody().await)]));
    let request = Request { max_tokens: Some(10), ..hello() };
    let mut stream = host.router.stream(&request, &host.ask()).await.unwrap();
    let mut length = 0;
    let error = loop {
        match stream.next().await {
            Ok(Some(piece)) => length += piece.len(),
            Ok(None) => panic!("it ended by itself"),
            Err(error) => break error,
        }
    };
    assert!(length <= MOST && error.to_string().contains("max-tokens"), "{length} {error}");
    host.book.read(|pages| assert!(pages.settled[0].1.output_tokens <= MOST as u64));
    let long = Server::always(Dialect::OpenAi, Act::Say(vec![piece; 18])).await;
    let host = Host::of(&[("a", "openai", long.url())]);
    assert_eq!(host.router.complete(&request, &host.ask()).await.unwrap().text.len(), 18 * 64);
}
