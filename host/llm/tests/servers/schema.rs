use skillhost_llm::{ErrorKind, LlmError, Request};

use crate::support::*;

fn asking() -> Request {
    let schema =
        r#"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}"#;
    Request { output_schema: Some(schema.into()), ..hello() }
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_for_again_and_then_elsewhere() {
    let bad = Server::always(Dialect::Anthropic, Act::Say(vec!["{\"n\":", "\"one\"}"])).await;
    let good = Server::always(Dialect::OpenAi, Act::Say(vec!["```json\n{\"n\":1}\n```"])).await;
    let host = Host::of(&[("bad", "anthropic", bad.url()), ("good", "openai", good.url())]);
    let answer = host.router.complete(&asking(), &host.ask()).await.unwrap();
    assert_eq!((answer.text.as_str(), &*answer.provider), ("{\"n\":1}", "good"));
    assert_eq!(bad.count(), 2);
    assert!(answer.attempts[..2].iter().all(|attempt| attempt.error.as_ref().unwrap().kind == ErrorKind::Unfit));
    assert!(good.seen()[0].body["response_format"]["json_schema"]["strict"].as_bool().unwrap());
    // It answered, so it is paid for, and healthy.
    host.book.read(|pages| assert!(pages.settled.iter().all(|(_, spent)| spent.output_tokens == 7)));
    assert!(!host.watch.lines().iter().any(|line| line.starts_with("breaker")));
}

#[tokio::test]
async fn if_none_fits_the_error_says_what_does_not() {
    let bad = Server::always(Dialect::Ollama, Act::Say(vec!["I cannot do that."])).await;
    let host = Host::of(&[("bad", "ollama", bad.url())]);
    let Err(LlmError::Unavailable(text)) = host.router.complete(&asking(), &host.ask()).await else { panic!() };
    assert!(text.contains("no JSON"), "{text}");
    let mut stream = host.router.stream(&asking(), &host.ask()).await.unwrap();
    assert!(stream.next().await.unwrap().is_some());
    assert!(stream.next().await.unwrap_err().to_string().contains("no JSON"));
}

#[tokio::test]
async fn a_schema_that_is_none_reaches_nobody() {
    let server = Server::always(Dialect::OpenAi, Act::Say(vec!["{}"])).await;
    let host = Host::of(&[("p", "openai", server.url())]);
    let request = Request { output_schema: Some(r#"{"type":"no such type"}"#.into()), ..hello() };
    assert!(matches!(host.router.complete(&request, &host.ask()).await, Err(LlmError::Invalid(_))));
    assert_eq!(server.count(), 0);
}
