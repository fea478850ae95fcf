//! Hosts of whom nobody said which models there are, and hosts of whom it was said wrongly.

use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;

use crate::kit::{ask, cascade, configure, is_refused, world};
use crate::models::{Models, Reply, TOKENS, nobody, says};

/// Ollama's own address.
const OLLAMA: &str = "127.0.0.1:11434";

/// Tests in which somebody, or nobody, listens on Ollama's port take turns.
fn ollamas_port() -> MutexGuard<'static, ()> {
    static PORT: Mutex<()> = Mutex::new(());
    let turn = PORT.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(
        TcpStream::connect(OLLAMA).is_err(),
        "somebody listens on {OLLAMA}; stop that Ollama, this test needs its port"
    );
    turn
}

#[test]
fn a_newcomer_with_nothing_hears_of_two_ways_and_with_an_ollama_on_its_port_needs_no_configuration() {
    let _turn = ollamas_port();
    let world = world(&json!({}));
    let nothing = ask(&world, "complete", &json!({}));
    is_refused(&nothing, "unavailable", &["Ollama", "11434", "OPENAI_API_KEY"]);

    let listener = TcpListener::bind(OLLAMA).unwrap_or_else(|error| panic!("{OLLAMA}: {error}"));
    let ollama = Models::on(listener, |asked| match asked.path.as_str() {
        "/api/tags" => Reply::Installed(vec!["nomic-embed-text:latest", "qwen3:8b"]),
        _ if asked.body["model"] == "qwen3:8b" => says("Yes, here I am."),
        "/api/embed" if asked.body["model"] == "nomic-embed-text" => Reply::Vectors(vec![vec![1.0, 2.0]], 3),
        _ => Reply::Refuses(404, json!({"error": "model not found, try pulling it first"}).to_string()),
    });
    let answer = ask(&world, "complete", &json!({"prompt": "Are you there?"}));
    assert_eq!(
        answer["ok"],
        json!({"text": "Yes, here I am.", "provider": "ollama", "model": "qwen3:8b", "is_fallback": true,
            "finish": "stop", "input_tokens": TOKENS.0, "output_tokens": TOKENS.1}),
        "an installed model stands in for the one that is not: {answer}"
    );
    assert_eq!(ollama.asked().last().unwrap().prompt(), "Are you there?");
    assert_eq!(ask(&world, "embed", &json!({"inputs": ["a"]})), json!({"ok": [[1.0, 2.0]]}));
    // An installed model can be asked for by its bare name, one that is not there is named.
    assert_eq!(ask(&world, "complete", &json!({"model": "qwen3:8b"}))["ok"]["is_fallback"], false);
    is_refused(&ask(&world, "complete", &json!({"model": "mistral"})), "invalid", &["mistral"]);
}

#[test]
fn an_ollama_elsewhere_is_found_by_its_own_variable() {
    let ollama = Models::saying("From elsewhere.");
    for address in [ollama.address(), format!("http://{}", ollama.address())] {
        let world = world(&json!({})).with_variable("OLLAMA_HOST", &address);
        let answer = &ask(&world, "complete", &json!({}))["ok"];
        assert_eq!((&answer["text"], &answer["provider"]), (&json!("From elsewhere."), &json!("ollama")), "{address}");
        assert_eq!(answer["is_fallback"], false);
    }
    assert_eq!(ollama.asked()[0].authorization, None);
    let wrong = world(&json!({})).with_variable("OLLAMA_HOST", "ftp://nowhere").run(&["list"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("OLLAMA_HOST"), "{wrong}");
}

#[test]
fn with_only_a_key_for_openai_set_openai_answers() {
    let _turn = ollamas_port();
    let openai = Models::new(|asked| match asked.path.as_str() {
        "/v1/chat/completions" => says("It is me."),
        "/v1/embeddings" => Reply::Vectors(vec![vec![0.5, -0.5], vec![1.5, 0.25]], 4),
        other => panic!("OpenAI has no {other}"),
    });
    let base = format!("http://{}/v1", openai.address());
    let world =
        world(&json!({})).with_variable("OPENAI_API_KEY", "sk-of-a-newcomer").with_variable("OPENAI_BASE_URL", &base);
    let answer = &ask(&world, "complete", &json!({}))["ok"];
    assert_eq!((&answer["text"], &answer["provider"]), (&json!("It is me."), &json!("openai")), "{answer}");
    assert_eq!(ask(&world, "embed", &json!({"inputs": ["a", "b"]})), json!({"ok": [[0.5, -0.5], [1.5, 0.25]]}));
    let asked = openai.asked();
    assert!(
        asked.len() == 2 && asked.iter().all(|asked| asked.authorization.as_deref() == Some("Bearer sk-of-a-newcomer"))
    );
    assert_eq!(asked[1].body["input"], json!(["a", "b"]));
}

#[test]
fn a_section_that_names_nobody_is_a_wrong_configuration_and_says_where() {
    let world = world(&json!({"llm": {"models": {"chat": ["nobody/m"]}, "providers": {"one": nobody()}}}));
    let ran = world.run(&["list"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("llm.models.chat") && !ran.stderr.contains("data directory"), "{ran}");
}

#[test]
fn a_key_in_clear_is_refused_without_being_shown_and_one_that_is_not_set_leaves_its_provider_out() {
    let model = Models::saying("Without a key.");
    let with_key = |key: &str| {
        let mut provider = model.openai();
        provider["key"] = json!(key);
        provider
    };
    let clear = world(&json!({"llm": cascade(&[("one", with_key("sk-in-clear-1234567890"))])}));
    let ran = clear.run(&["list", "-vv"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("${") && !ran.stderr.contains("sk-in-clear"), "{ran}");

    let unset = world(&json!({"llm": cascade(&[("one", with_key("${TEST_UNSET_KEY}")), ("two", model.ollama())])}));
    let answer = &ask(&unset, "complete", &json!({}))["ok"];
    assert_eq!((&answer["provider"], &answer["is_fallback"]), (&json!("two"), &json!(true)), "{answer}");
    configure(&unset, &json!({"llm": cascade(&[("one", with_key("${TEST_UNSET_KEY}"))])}));
    is_refused(&ask(&unset, "complete", &json!({})), "unavailable", &["one/m", "TEST_UNSET_KEY"]);
    assert_eq!(model.asked().len(), 1);
}
