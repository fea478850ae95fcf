//! Keys of providers, and what providers say: what of both must not come out.

use std::path::Path;

use serde_json::{Value, json};

use crate::kit::{called, cascade, events, send, until, world};
use crate::models::{Models, Reply};

#[test]
fn a_key_is_in_no_output_no_log_no_event_no_ledger_and_no_file() {
    const KEY: &str = "sk-test-5fQz81LwXb0pRm3TnVyK";
    // It says what it was sent, as proxies do that explain themselves.
    let tells = Models::new(|asked| {
        let said = asked.authorization.clone().unwrap_or_default();
        Reply::Refuses(
            500,
            json!({"error": {"message": format!("upstream refused {said}"), "headers": said}}).to_string(),
        )
    });
    let refuses = Models::new(|asked| {
        Reply::Refuses(401, format!("bad key: {}", asked.authorization.clone().unwrap_or_default()))
    });
    let healthy = Models::saying("Done.");
    let with_key = |mut provider: Value| {
        provider["key"] = json!("${TEST_MODEL_KEY}");
        provider
    };
    let providers = [
        ("tells", with_key(tells.openai())),
        ("refuses", with_key(refuses.ollama())),
        ("healthy", with_key(healthy.openai())),
    ];
    let alone = json!({"alone": ["tells/m", "refuses/m"]});
    let mut llm = cascade(&providers);
    llm["models"].as_object_mut().unwrap().extend(alone.as_object().unwrap().clone());
    let world = world(&json!({"llm": llm, "budgets": [{"tenant": "default", "llm_tokens": {"day": 100_000}}]}))
        .with_variable("TEST_MODEL_KEY", KEY);

    let mut said = Vec::new();
    for input in [json!({}), json!({"model": "alone"})] {
        for tool in ["complete", "stream"] {
            let ran = called(&world, tool, &input, &["-vv"]);
            let answer = ran.data();
            let as_expected =
                if input == json!({}) { answer.get("ok").is_some() } else { answer["err"]["kind"] == "unavailable" };
            assert!(as_expected, "{ran}");
            let run = ran.json()["run"].as_str().unwrap().to_owned();
            said.extend([ran, world.run(&["show", &run, "--json"]), world.run(&["show", &run])]);
        }
    }
    said.push(world.run(&["events", "--json", "--after", "0", "--limit", "10000"]));
    said.push(world.run(&["ledger", "--json"]));
    said.push(world.run(&["inspect", "asker", "-vv"]));
    for ran in &said {
        assert!(!ran.stdout.contains(KEY) && !ran.stderr.contains(KEY), "{ran}");
    }
    let mut files = 0;
    search(&world.data(), KEY.as_bytes(), &mut files);
    assert!(files > 3, "only {files} files were looked through");
    let expected = Some(format!("Bearer {KEY}"));
    for server in [&tells, &refuses, &healthy] {
        let asked = server.asked();
        assert!(
            !asked.is_empty() && asked.iter().all(|asked| asked.authorization == expected),
            "the control: {asked:?}"
        );
    }
    assert!(
        said[0].stderr.contains("upstream refused") || said.iter().any(|ran| ran.stdout.contains("upstream refused"))
    );
}

/// Fails the test if a file under `folder` has the text in it.
fn search(folder: &Path, text: &[u8], files: &mut u32) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            search(&entry.path(), text, files);
        } else if let Ok(bytes) = std::fs::read(entry.path()) {
            *files += 1;
            assert!(!bytes.windows(text.len()).any(|window| window == text), "it is in {}", entry.path().display());
        }
    }
}

/// Asks a provider that says its key in its answer, and gives what was printed of it.
fn repeated(prompt: &str, tool: &str) -> (String, &'static str) {
    const KEY: &str = "sk-test-9aJw72MdYc4qLx8ShBeU";
    let model = Models::new(|asked| {
        let said = asked.authorization.clone().unwrap_or_default();
        let size = if asked.prompt() == "Whole." { said.len() } else { 5 };
        Reply::Says(
            said.as_bytes().chunks(size).map(|piece| String::from_utf8_lossy(piece).into_owned()).collect(),
            7,
            5,
        )
    });
    let mut provider = model.openai();
    provider["key"] = json!("${TEST_MODEL_KEY}");
    let world = world(&json!({"llm": cascade(&[("one", provider)])})).with_variable("TEST_MODEL_KEY", KEY);
    let ran = called(&world, tool, &json!({"prompt": prompt}), &[]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(model.asked()[0].authorization.as_deref(), Some(format!("Bearer {KEY}").as_str()), "the control");
    (ran.stdout, KEY)
}

#[test]
fn a_provider_that_says_its_key_in_an_answer_is_not_repeated() {
    for (prompt, tool) in [("Whole.", "complete"), ("Whole.", "stream"), ("In pieces.", "complete")] {
        let (printed, key) = repeated(prompt, tool);
        assert!(!printed.contains(key), "{prompt}: {printed}");
    }
}

#[test]
fn what_a_provider_says_of_its_failure_is_told_without_control_characters() {
    let evil = "no\u{1b}[2J\u{1b}]0;title\u{7}\r\nforged: line";
    let model = Models::new(move |_| Reply::Refuses(500, json!({"error": {"message": evil}}).to_string()));
    let world = world(&json!({
        "llm": cascade(&[("only", model.ollama())]),
        "agents": {"worker": {"skill": "asker", "attempts": 1}},
    }));
    let _up = world.up();
    until(&world, "worker", "the agent lives", |agent| agent["status"] == "healthy");
    send(&world, "ask:a", &json!({}));
    until(&world, "worker", "the message is parked", |agent| agent["parked"] == 1);
    let ran = world.run(&["run", "asker.complete"]);
    let run = events(&world, "llm.failed").last().unwrap()["run"].as_str().unwrap().to_owned();
    let parked = world.run(&["agents", "parked"]);
    assert!(parked.stdout.contains("title") && parked.stdout.contains("forged"), "the control: {parked}");
    let shown = [&["agents"][..], &["agents", "parked"], &["show", &run], &["events"], &["runs"], &["ledger"]];
    for ran in shown.map(|line| world.run(line)).iter().chain([&ran]) {
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!all.contains(['\u{1b}', '\u{7}', '\r']), "{ran}");
        assert!(!all.lines().any(|line| line.trim_start().starts_with("forged:")), "{ran}");
    }
}
