use std::sync::Arc;

use serde_json::json;
use skillhost_llm::{Config, LlmError, Router};

use crate::support::*;

fn ollama(installed: serde_json::Value) -> impl FnMut(&Seen) -> Act + Send + 'static {
    move |seen| {
        let names: Vec<&str> =
            installed.as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap()).collect();
        match (seen.path.as_str(), seen.body["model"].as_str()) {
            ("/api/tags", _) => Act::Raw("application/json", json!({"models": installed}).to_string()),
            (_, Some(model)) if names.contains(&model) => Act::Say(vec!["Hello"]),
            (_, model) => {
                let error = json!({"error": format!("model '{}' not found", model.unwrap_or_default())});
                Act::Status(404, vec![], error.to_string())
            }
        }
    }
}

#[tokio::test]
async fn an_installed_model_stands_in_for_one_that_is_not() {
    let installed = json!([
        {"name": "nomic-embed-text:latest", "details": {"family": "nomic-bert"}},
        {"name": "qwen3:8b", "details": {"family": "qwen3"}},
    ]);
    let server = Server::new(Dialect::Ollama, ollama(installed)).await;
    let host = Host::of(&[("p", "ollama", server.url())]);
    for round in 0..3 {
        let answer = host.complete().await.unwrap();
        assert_eq!((answer.model.as_str(), answer.is_fallback), ("qwen3:8b", true), "{round}");
    }
    let asked: Vec<_> = server.seen().into_iter().map(|seen| seen.path).collect();
    // Refused once, looked up once, and remembered.
    assert_eq!(asked, ["/api/chat", "/api/tags", "/api/chat", "/api/chat", "/api/chat"]);
    let named = skillhost_llm::Request { model: Some("qwen3:8b".into()), ..hello() };
    assert!(!host.router.complete(&named, &host.ask()).await.unwrap().is_fallback);
}

#[tokio::test]
async fn without_any_model_the_error_says_how_to_install_one() {
    let server = Server::new(Dialect::Ollama, ollama(json!([]))).await;
    let host = Host::of(&[("p", "ollama", server.url())]);
    let Err(LlmError::Invalid(text)) = host.complete().await else { panic!() };
    assert!(text.contains("ollama pull m"), "{text}");
}

#[tokio::test]
async fn no_other_model_makes_the_vectors() {
    let server = Server::new(Dialect::Ollama, ollama(json!([{"name": "other-embed"}]))).await;
    let host = Host::of(&[("p", "ollama", server.url())]);
    let error = host.router.embed(&["x".into()], None, &host.ask()).await.unwrap_err();
    assert!(matches!(&error, LlmError::Invalid(text) if text.contains("'m' not found")), "{error}");
}

fn newcomer(variables: Vec<(&'static str, String)>) -> Host {
    let watch = Arc::new(Watch::default());
    let variables: Vec<(&'static str, &'static str)> =
        variables.into_iter().map(|(name, value)| (name, &*value.leak())).collect();
    let router = Router::new(Config::default(), options(&watch, variables.leak())).unwrap();
    Host { router, watch, book: Book::default(), tenant: Default::default() }
}

#[tokio::test]
async fn a_newcomer_with_ollama_needs_no_configuration() {
    let server = Server::new(Dialect::Ollama, ollama(json!([{"name": "llama3.2"}]))).await;
    let host = newcomer(vec![("OLLAMA_HOST", server.address.to_string())]);
    let answer = host.complete().await.unwrap();
    assert_eq!((answer.text.as_str(), answer.model.as_str(), answer.is_fallback), ("Hello", "llama3.2", false));
}

#[tokio::test]
async fn a_newcomer_with_a_key_of_openai_needs_none_either() {
    let server = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    let host = newcomer(vec![
        ("OLLAMA_HOST", nobody().await),
        ("OPENAI_API_KEY", KEY.into()),
        ("OPENAI_BASE_URL", server.url()),
    ]);
    assert_eq!(host.complete().await.unwrap().model, "gpt-4o-mini");
}

#[tokio::test]
async fn a_newcomer_with_nothing_is_told_the_two_ways() {
    let address = nobody().await;
    let host = newcomer(vec![("OLLAMA_HOST", address.clone())]);
    let Err(LlmError::Unavailable(text)) = host.complete().await else { panic!() };
    let ways = format!(". Start Ollama at {address}, or set OPENAI_API_KEY (or ANTHROPIC_API_KEY, GEMINI_API_KEY)");
    assert!(text.starts_with("ollama/llama3.2: no connection") && text.ends_with(&ways), "{text}");
}

#[tokio::test]
async fn only_a_way_that_would_have_helped_is_told() {
    let said = async |host: Host| match host.complete().await {
        Err(LlmError::Unavailable(text)) => text,
        other => panic!("{other:?}"),
    };
    let broken = Server::always(Dialect::Ollama, Act::Status(500, vec![], String::new())).await;
    let failing = Server::always(Dialect::OpenAi, Act::Status(500, vec![], String::new())).await;
    let (up, down) = (("OLLAMA_HOST", broken.url()), ("OLLAMA_HOST", nobody().await));
    let key = [("OPENAI_API_KEY", KEY.to_owned()), ("OPENAI_BASE_URL", failing.url())];

    let text = said(newcomer(vec![up.clone()])).await;
    assert!(!text.contains("Start Ollama") && text.contains(". Set OPENAI_API_KEY"), "{text}");
    let text = said(newcomer([vec![down.clone()], key.to_vec()].concat())).await;
    assert!(text.ends_with(&format!(". Start Ollama at {}", down.1)) && !text.contains("OPENAI_API_KEY"), "{text}");
    let text = said(newcomer([vec![up], key.to_vec()].concat())).await;
    assert!(!text.contains("Start Ollama") && !text.contains("OPENAI_API_KEY"), "{text}");
    // A refused connection of somebody else, and keys that the configuration gives.
    let text = said(Host::of(&[("a", "openai", nobody().await), ("b", "ollama", broken.url())])).await;
    assert!(!text.contains("Start Ollama") && !text.contains("OPENAI_API_KEY"), "{text}");
    assert!(!text.contains("no model answered"), "{text}");
}
