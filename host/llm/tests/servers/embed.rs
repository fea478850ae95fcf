use serde_json::json;
use skillhost_llm::{ErrorKind, LlmError, Usage};

use crate::support::*;

fn answer(dialect: Dialect) -> String {
    match dialect {
        Dialect::Ollama => json!({"embeddings": [[1.0, 2.0], [3.0, 4.0]], "prompt_eval_count": 5}),
        Dialect::Gemini => json!({"embeddings": [{"values": [1.0, 2.0]}, {"values": [3.0, 4.0]}]}),
        // In the wrong order: the index counts.
        _ => json!({"data": [{"index": 1, "embedding": [3.0, 4.0]}, {"index": 0, "embedding": [1.0, 2.0]}],
            "usage": {"prompt_tokens": 5, "total_tokens": 5}}),
    }
    .to_string()
}

fn inputs() -> Vec<String> {
    vec!["one".into(), "two".into()]
}

#[tokio::test]
async fn every_dialect_that_has_vectors_gives_them_in_order() {
    for (dialect, path) in [
        (Dialect::Ollama, "/api/embed"),
        (Dialect::OpenAi, "/v1/embeddings"),
        (Dialect::Gemini, "/v1beta/models/m:batchEmbedContents"),
    ] {
        let server = Server::always(dialect, Act::Raw("application/json", answer(dialect))).await;
        let host = Host::of(&[("p", dialect.name(), server.url())]);
        let embeddings = host.router.embed(&inputs(), None, &host.ask()).await.unwrap();
        assert_eq!(embeddings.vectors, [[1.0, 2.0], [3.0, 4.0]], "{dialect:?}");
        let expected = if dialect == Dialect::Gemini { 4 } else { 5 };
        assert_eq!(embeddings.usage, Usage { input_tokens: expected, output_tokens: 0 }, "{dialect:?}");
        assert_eq!(server.seen()[0].path, path);
    }
}

#[tokio::test]
async fn vectors_of_different_lengths_or_numbers_are_none() {
    let good = Server::always(Dialect::OpenAi, Act::Raw("application/json", answer(Dialect::OpenAi))).await;
    for vectors in [json!([[1.0, 2.0], [3.0]]), json!([[1.0]]), json!([[], []]), json!("x")] {
        let bad =
            Server::always(Dialect::Ollama, Act::Raw("application/json", json!({"embeddings": vectors}).to_string()));
        let bad = bad.await;
        let host = Host::of(&[("bad", "ollama", bad.url()), ("good", "openai", good.url())]);
        let embeddings = host.router.embed(&inputs(), None, &host.ask()).await.unwrap();
        assert_eq!((&*embeddings.provider, embeddings.is_fallback), ("good", true));
        assert_eq!(embeddings.attempts[0].error.as_ref().unwrap().kind, ErrorKind::Nonsense);
    }
}

#[tokio::test]
async fn the_alias_for_vectors_comes_before_the_default() {
    let chat = Server::always(Dialect::Anthropic, Act::Say(vec!["Hello"])).await;
    let good = Server::always(Dialect::OpenAi, Act::Raw("application/json", answer(Dialect::OpenAi))).await;
    let host = Host::new(config(&[("chat", "anthropic", chat.url()), ("good", "openai", good.url())], |value| {
        value["models"] = json!({"default": ["chat/m"], "embed": ["good/e"]});
    }));
    assert_eq!(host.router.embed(&inputs(), None, &host.ask()).await.unwrap().model, "e");
    let error = host.router.embed(&inputs(), Some("default"), &host.ask()).await.unwrap_err();
    assert!(matches!(&error, LlmError::Invalid(text) if text.contains("no embeddings")), "{error}");
    for wrong in [vec![], vec![String::new(); 257], vec!["x".repeat(5 << 20)]] {
        assert!(matches!(host.router.embed(&wrong, None, &host.ask()).await, Err(LlmError::Invalid(_))));
    }
    assert_eq!((chat.count(), good.count()), (0, 1));
}

#[tokio::test]
async fn an_endless_list_of_vectors_is_cut_off() {
    let server = Server::always(Dialect::OpenAi, Act::Gigantic).await;
    let host = Host::of(&[("p", "openai", server.url())]);
    let error = host.router.embed(&inputs(), None, &host.ask()).await.unwrap_err();
    assert!(error.to_string().contains("16777216"), "{error}");
}
