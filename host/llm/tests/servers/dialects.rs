use serde_json::{Value, json};
use skillhost_llm::{Finish, Request, Usage};

use crate::support::*;

async fn one(dialect: Dialect) -> (Server, Host) {
    let server = Server::always(dialect, Act::Say(vec!["Hel", "lo", " 🌍"])).await;
    let host = Host::of(&[("p", dialect.name(), server.url())]);
    (server, host)
}

#[tokio::test]
async fn every_dialect_gives_the_same_answer() {
    for dialect in DIALECTS {
        let (server, host) = one(dialect).await;
        let answer = host.complete().await.unwrap();
        assert_eq!(answer.text, "Hello 🌍", "{dialect:?}");
        assert_eq!((&*answer.provider, answer.model.as_str(), answer.is_fallback), ("p", "m", false));
        assert_eq!(answer.finish, Finish::Stop);
        assert_eq!(answer.usage, Usage { input_tokens: 11, output_tokens: 7 }, "{dialect:?}");
        assert_eq!(answer.attempts.len(), 1);
        assert!(answer.ttft <= answer.total);
        assert_eq!(host.watch.lines(), ["called p/m ok"]);
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn every_dialect_streams_the_pieces_as_they_come() {
    for dialect in DIALECTS {
        let (_server, host) = one(dialect).await;
        let mut stream = host.router.stream(&hello(), &host.ask()).await.unwrap();
        let mut pieces = Vec::new();
        while let Some(piece) = stream.next().await.unwrap() {
            pieces.push(piece);
        }
        assert_eq!(pieces, ["Hel", "lo", " 🌍"], "{dialect:?}");
        assert_eq!(stream.next().await.unwrap(), None);
        let answer = stream.finish().await.unwrap();
        assert_eq!((answer.text.as_str(), answer.usage.output_tokens), ("Hello 🌍", 7));
    }
}

#[tokio::test]
async fn requests_are_what_the_providers_documents_say() {
    let request = Request {
        max_tokens: Some(50),
        temperature: Some(0.7),
        stop: vec!["END".into()],
        output_schema: Some(r#"{"type":"object"}"#.into()),
        ..hello()
    };
    let said = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]);
    for dialect in DIALECTS {
        let server = Server::always(dialect, Act::Say(vec!["{}"])).await;
        let host = Host::of(&[("p", dialect.name(), server.url())]);
        host.router.complete(&request, &host.ask()).await.unwrap();
        let seen = server.seen().remove(0);
        let header = |name: &str| seen.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let bearer = Some(format!("Bearer {KEY}"));
        match dialect {
            Dialect::Ollama => {
                assert_eq!(seen.path, "/api/chat");
                assert_eq!(
                    seen.body,
                    json!({"model": "m", "messages": said, "stream": true, "format": {"type": "object"},
                        "options": {"num_predict": 50, "temperature": 0.7, "stop": ["END"]}})
                );
            }
            Dialect::OpenAi => {
                assert_eq!((seen.path.as_str(), header("authorization")), ("/v1/chat/completions", bearer));
                assert_eq!(
                    seen.body,
                    json!({"model": "m", "messages": said, "stream": true, "stream_options": {"include_usage": true},
                        "max_tokens": 50, "temperature": 0.7, "stop": ["END"], "response_format": {"type": "json_schema",
                        "json_schema": {"name": "output", "strict": false, "schema": {"type": "object"}}}})
                );
            }
            Dialect::Anthropic => {
                assert_eq!((seen.path.as_str(), header("x-api-key")), ("/v1/messages", Some(KEY.to_owned())));
                assert_eq!(header("anthropic-version").as_deref(), Some("2023-06-01"));
                let system = seen.body["system"].as_str().unwrap();
                assert!(system.starts_with("Be brief.") && system.contains(r#"{"type":"object"}"#), "{system}");
                assert_eq!(seen.body["messages"], json!([{"role": "user", "content": "Hello?"}]));
                assert_eq!(seen.body["max_tokens"], 50);
                assert_eq!(seen.body["stop_sequences"], json!(["END"]));
            }
            Dialect::Gemini => {
                assert_eq!(seen.path, "/v1beta/models/m:streamGenerateContent?alt=sse");
                assert_eq!(header("x-goog-api-key").as_deref(), Some(KEY));
                assert_eq!(
                    seen.body,
                    json!({"contents": [{"role": "user", "parts": [{"text": "Hello?"}]}],
                        "systemInstruction": {"parts": [{"text": "Be brief."}]},
                        "generationConfig": {"maxOutputTokens": 50, "temperature": 0.7, "stopSequences": ["END"],
                        "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}}})
                );
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_comes_whole_is_taken_as_well() {
    let whole: [(Dialect, Value); 4] = [
        (
            Dialect::Ollama,
            json!({"message": {"role": "assistant", "content": "Hello"}, "done": true, "done_reason": "length",
            "prompt_eval_count": 11, "eval_count": 7}),
        ),
        (
            Dialect::OpenAi,
            json!({"choices": [{"message": {"role": "assistant", "content": "Hello"}, "finish_reason": "length"}],
            "usage": {"prompt_tokens": 11, "completion_tokens": 7}}),
        ),
        (
            Dialect::Anthropic,
            json!({"type": "message", "content": [{"type": "text", "text": "Hello"}],
            "stop_reason": "max_tokens", "usage": {"input_tokens": 11, "output_tokens": 7}}),
        ),
        (
            Dialect::Gemini,
            json!({"candidates": [{"content": {"parts": [{"text": "Hello"}]}, "finishReason": "MAX_TOKENS"}],
            "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 7}}),
        ),
    ];
    for (dialect, body) in whole {
        let server = Server::always(dialect, Act::Raw("application/json", body.to_string())).await;
        let host = Host::of(&[("p", dialect.name(), server.url())]);
        let answer = host.complete().await.unwrap();
        assert_eq!((answer.text.as_str(), answer.finish), ("Hello", Finish::Length), "{dialect:?}");
        assert_eq!(answer.usage, Usage { input_tokens: 11, output_tokens: 7 }, "{dialect:?}");
    }
}

#[tokio::test]
async fn a_byte_at_a_time_is_still_an_answer() {
    for dialect in DIALECTS {
        let act = Act::Bytewise(vec!["Grüße", " 🌍"], std::time::Duration::from_micros(50));
        let server = Server::always(dialect, act).await;
        let host = Host::new(config(&[("p", dialect.name(), server.url())], |value| {
            value["timeouts"]["first_token"] = "10s".into();
            value["timeouts"]["total"] = "20s".into();
        }));
        assert_eq!(host.complete().await.unwrap().text, "Grüße 🌍", "{dialect:?}");
    }
}

#[tokio::test]
async fn without_counts_the_usage_is_estimated() {
    let frames = [Dialect::OpenAi.piece("123456789"), "data: [DONE]\n\n".to_owned()].concat();
    let server = Server::always(Dialect::OpenAi, Act::Raw("text/event-stream", frames)).await;
    let host = Host::of(&[("p", "openai", server.url())]);
    let usage = host.complete().await.unwrap().usage;
    assert_eq!(usage.output_tokens, 3);
    assert!(usage.input_tokens > 5, "{usage:?}");
}
