//! What a skill may not ask, whom it may not ask, and how much of a provider and of its time it gets.

use std::time::Duration;

use serde_json::json;

use crate::kit::{ask, budgets, called, cascade, configure, is_refused, world};
use crate::models::{Models, Reply};

/// How much later than its deadline a run may end.
const SLACK: Duration = Duration::from_millis(50);

#[test]
fn a_model_that_never_answers_does_not_hold_a_run_and_the_skill_still_hears_of_it() {
    let hanging = Models::new(|_| Reply::Hangs);
    let breaking = Models::new(|_| Reply::Refuses(500, "{}".into()));
    let timeout = Duration::from_millis(1_500);
    let provider = [("hanging", hanging.ollama())];
    let both = [("breaking", breaking.ollama()), ("hanging", hanging.openai())];
    for providers in [&provider[..], &both] {
        let budget = json!([{"skill": "asker", "llm_tokens": {"day": 1_000_000}}]);
        let world = world(&json!({"llm": cascade(providers), "budgets": budget}));
        world.list();
        for tool in ["complete", "stream"] {
            let ran = called(&world, tool, &json!({}), &["--timeout", "1500ms"]);
            is_refused(&ran.data(), "unavailable", &["hanging/m"]);
            assert_eq!(budgets(&world)[0]["reserved"], 0, "nothing stays set aside for it");
            let wall = Duration::from_micros(ran.json()["usage"]["wall_us"].as_u64().unwrap());
            assert!(wall <= timeout + SLACK, "it ran {wall:?}: {ran}");
        }
    }
    // The next in the cascade gets its share of the time.
    let healthy = Models::saying("Not too late.");
    let world = world(&json!({"llm": cascade(&[("hanging", hanging.ollama()), ("healthy", healthy.ollama())])}));
    let ran = called(&world, "complete", &json!({}), &["--timeout", "1500ms"]);
    assert_eq!(ran.data()["ok"]["text"], "Not too late.", "{ran}");
}

#[test]
fn a_skill_asks_only_the_models_that_it_was_granted() {
    let (cheap, dear) = (Models::saying("Cheap."), Models::saying("Dear."));
    let llm = json!({
        "default": "dear",
        "models": {"cheap": ["small/m"], "dear": ["large/m"]},
        "providers": {"small": cheap.ollama(), "large": dear.openai()},
    });
    let world = world(
        &json!({"llm": llm, "approval": {"auto": ["blackboard.* *"]}, "grants": {"asker": ["llm.complete cheap"]}}),
    );
    assert_eq!(ask(&world, "complete", &json!({"model": "cheap"}))["ok"]["text"], "Cheap.");
    for tool in ["complete", "stream"] {
        // Without a name the default is meant, which has one.
        is_refused(&ask(&world, tool, &json!({})), "denied", &["llm.complete dear"]);
        for name in ["dear", "large/m", "small/m", "m", "cheap "] {
            is_refused(&ask(&world, tool, &json!({"model": name})), "denied", &[&format!("llm.complete {name}")]);
        }
    }
    is_refused(&ask(&world, "embed", &json!({"inputs": ["a"], "model": "cheap"})), "denied", &["llm.embed cheap"]);

    configure(
        &world,
        &json!({"llm": llm, "approval": {"auto": ["blackboard.* *"]}, "grants": {"asker": ["blackboard.read asker:*"]}}),
    );
    is_refused(&ask(&world, "complete", &json!({"model": "cheap"})), "denied", &["llm.complete cheap"]);
    assert_eq!((cheap.asked().len(), dear.asked().len()), (1, 0), "who may not be asked was not");
}

#[test]
fn a_request_that_no_host_should_pass_on_is_refused_and_nobody_is_asked() {
    let model = Models::saying("Yes.");
    let world = world(&json!({"llm": cascade(&[("ollama", model.ollama())])}));
    let kinds = [
        "no-messages",
        "many-messages",
        "long-prompt",
        "no-tokens",
        "nan",
        "infinite",
        "many-stops",
        "empty-stop",
        "no-schema",
        "long-schema",
        "schema-bomb",
        "remote-schema",
        "empty-model",
        "long-model",
        "control-model",
    ];
    for kind in kinds {
        let ran = called(&world, "odd", &json!({"kind": kind}), &["--timeout", "5s"]);
        let refused = match ran.code {
            // What is over what one call may carry never reaches the interface.
            Some(6) => ran.kind() == "output",
            _ => ["invalid", "limit"].iter().any(|word| ran.data()["err"]["kind"] == *word),
        };
        assert!(refused, "{kind}: {ran}");
        assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran}");
    }
    assert_eq!(model.asked().len(), 0);
    // A strange name is the provider's to judge, but only as a name.
    assert_eq!(ask(&world, "odd", &json!({"kind": "path-model"}))["ok"]["text"], "Yes.");
    let asked = &model.asked()[0];
    assert_eq!((asked.path.as_str(), &asked.body["model"]), ("/api/chat", &json!("../../etc/passwd?x=#y")));
}

#[test]
fn a_flood_of_open_answers_takes_the_places_of_its_provider_and_gives_them_back() {
    let model = Models::saying("One two three");
    let mut provider = model.ollama();
    provider["concurrency"] = json!(4);
    let budget = json!([{"skill": "asker", "llm_tokens": {"day": 1_000_000}}]);
    let world = world(&json!({"llm": cascade(&[("only", provider)]), "budgets": budget}));
    let ran = called(&world, "flood", &json!({"times": 1000}), &["--timeout", "2s"]);
    let data = ran.data();
    assert_eq!(data["opened"], 4, "{ran}");
    is_refused(&data["refused"], "unavailable", &["only"]);
    let standing = &budgets(&world)[0];
    assert_eq!(standing["reserved"], 0, "{standing}");
    assert!(standing["used"].as_u64().unwrap() > 0, "what was heard is paid for: {standing}");
    assert_eq!(ask(&world, "complete", &json!({}))["ok"]["text"], "One two three");
}

#[test]
fn an_answer_without_measure_is_refused_and_the_host_stays_small() {
    // Over what may cross to a skill, over what a text may be, and over what one piece may be.
    let sizes = [(64 << 10, 20), (64 << 10, 100), (12 << 20, 1)];
    for (piece, count) in sizes {
        let model = Models::new(move |_| Reply::Says(vec!["x".repeat(piece); count], 10, 10));
        for provider in [model.ollama(), model.openai()] {
            let world = world(&json!({"llm": cascade(&[("only", provider)])}));
            let ran = called(&world, "complete", &json!({}), &[]);
            let error = &ran.data()["err"];
            assert!(error["kind"] == "limit" || error["kind"] == "unavailable", "{error}");
            assert!(ran.stdout.len() < 64 << 10, "the error does not hold the answer");
            assert!(ran.peak_kib < 512 << 10, "the host took {} KiB", ran.peak_kib);
        }
    }
}
