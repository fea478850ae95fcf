use std::sync::Arc;

use serde_json::json;
use skillhost_llm::{Config, LlmError, Router};

use crate::support::*;

#[tokio::test]
async fn a_key_is_in_no_error_and_no_debug() {
    let echo = format!(r#"{{"error":{{"message":"Incorrect API key provided: {KEY}","code":"invalid_api_key"}}}}"#);
    for dialect in DIALECTS {
        for act in [
            Act::Status(401, vec![], echo.clone()),
            Act::Status(500, vec![], format!(r#"{{"error":{{"message":"debug: authorization: Bearer {KEY}"}}}}"#)),
            Act::Status(500, vec![], r#"{"error":{"message":"who is sk-very-secret-01***?"}}"#.into()),
            Act::Raw("text/event-stream", format!("data: {KEY}\n\n{KEY}\n")),
            Act::Status(302, vec![("location", format!("http://x/{KEY}"))], KEY.into()),
        ] {
            let server = Server::always(dialect, act.clone()).await;
            let host = Host::of(&[("p", dialect.name(), server.url())]);
            let error = host.complete().await.unwrap_err();
            let seen = format!("{error} {error:?} {:?} {:?}", host.router, host.watch);
            assert!(!seen.contains("very-secret"), "{dialect:?} {act:?}: {seen}");
            assert!(format!("{:?}", server.seen()[0].headers).contains(KEY), "it was sent");
        }
    }
}

#[test]
fn a_key_in_clear_is_refused_without_saying_it() {
    let value = json!({"providers": {"openai": {"key": KEY}}});
    let error = serde_json::from_value::<Config>(value).unwrap_err().to_string();
    assert!(error.contains("${ENV_NAME}") && !error.contains("secret-0"), "{error}");
    let value = json!({"providers": {"openai": {"url": format!("https://user:{KEY}@example.com")}}});
    let error = serde_json::from_value::<Config>(value).unwrap_err().to_string();
    assert!(error.contains("`key`") && !error.contains("very-secret"), "{error}");
}

#[tokio::test]
async fn a_provider_without_its_key_is_left_out_and_the_error_says_why() {
    let good = Server::always(Dialect::Ollama, Act::Say(vec!["Hello"])).await;
    let config: Config = serde_json::from_value(json!({
        "models": {"both": ["openai/gpt", "ollama/m"], "one": ["openai/gpt"]},
        "default": "both",
        "providers": {"openai": {"key": "${MISSING}"}, "ollama": {"url": good.url()}},
    }))
    .unwrap();
    let watch = Arc::new(Watch::default());
    let router = Router::new(config, options(&watch, &[])).unwrap();
    let host = Host { router, watch, book: Book::default(), tenant: Default::default() };
    let answer = host.complete().await.unwrap();
    assert_eq!((&*answer.provider, answer.is_fallback), ("ollama", true));
    let request = skillhost_llm::Request { model: Some("one".into()), ..hello() };
    let Err(LlmError::Unavailable(text)) = host.router.complete(&request, &host.ask()).await else { panic!() };
    assert!(text.contains("${MISSING} is not set"), "{text}");
}

#[test]
fn a_wrong_configuration_is_refused_with_the_key_and_the_way_out() {
    let refused = |value| match serde_json::from_value::<Config>(value) {
        Err(error) => error.to_string(),
        Ok(config) => {
            let made = Router::new(config, options(&Arc::default(), &[("KEY", KEY)]));
            made.expect_err("it was taken").to_string()
        }
    };
    for (value, part) in [
        (json!({"modles": {}}), "modles"),
        (json!({"providers": {"mine": {}}}), "llm.providers.mine"),
        (json!({"providers": {"ollama": {}}, "models": {"a": []}}), "llm.models.a"),
        (json!({"providers": {"ollama": {}}, "models": {"a": ["llama3.2"]}}), "provider/model"),
        (json!({"providers": {"ollama": {}}, "models": {"a": ["openai/x"]}}), "`openai`"),
        (json!({"providers": {"ollama": {}}, "default": "x"}), "llm.default"),
        (json!({"providers": {"ollama": {}}, "prices": {"openai/x": {}}}), "llm.prices"),
        (json!({"breaker": {"failure_rate": 0}}), "failure_rate"),
        (json!({"timeouts": {"chunk": "0s"}}), "longer than nothing"),
        (json!({"timeouts": {"total": "99999999d"}}), "24h"),
        (json!({"breaker": {"open": "25h"}}), "24h"),
        (json!({"providers": {"ollama": {"url": "localhost:11434"}}}), "http://HOST"),
        (json!({"providers": {"ollama": {"concurrency": 0}}}), "nonzero"),
    ] {
        let error = refused(value.clone());
        assert!(error.contains(part), "{value}: {error}");
    }
}
