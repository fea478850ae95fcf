//! Language models: who answers, who answers in whose place, and what a skill hears where nobody does.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::kit::{ask, called, cascade, configure, events, is_refused, world};
use crate::models::{Models, Reply, TOKENS, nobody, says};

#[test]
fn what_the_first_cannot_answer_the_second_does_and_the_events_tell_it_in_order() {
    let failing = Models::new(|_| Reply::Refuses(500, json!({"error": "out of order"}).to_string()));
    let healthy = Models::saying("I can.");
    for (first, tries, error) in [(failing.ollama(), 2, "server"), (nobody(), 1, "connect")] {
        let world = world(&json!({"llm": cascade(&[("first", first), ("second", healthy.openai())])}));
        let ran = called(&world, "complete", &json!({}), &[]);
        let answer = &ran.data()["ok"];
        assert_eq!((&answer["text"], &answer["provider"]), (&json!("I can."), &json!("second")), "{ran}");
        assert_eq!(answer["is_fallback"], true);
        let usage = &ran.json()["usage"];
        assert_eq!(usage["llm_input_tokens"], json!(TOKENS.0), "{ran}");
        assert_eq!(usage["llm_output_tokens"], json!(TOKENS.1), "{ran}");

        let told = events(&world, "llm.*");
        let kinds: Vec<_> = told.iter().map(|event| event["kind"].as_str().unwrap()).collect();
        let expected = [vec!["llm.called"; tries], vec!["llm.fallback", "llm.called"]].concat();
        assert_eq!(kinds, expected, "{told:#?}");
        assert!(told.iter().all(|event| event["run"] == ran.json()["run"]), "{told:#?}");
        let data = |place: usize| &told[place]["data"];
        assert_eq!(
            (&data(0)["provider"], &data(0)["ok"], &data(0)["error"]),
            (&json!("first"), &json!(false), &json!(error))
        );
        assert_eq!((&data(tries)["from"], &data(tries)["to"]), (&json!("first/m"), &json!("second/m")));
        let last = data(tries + 1);
        assert_eq!((&last["provider"], &last["ok"], &last["error"]), (&json!("second"), &json!(true), &Value::Null));
        assert_eq!((&last["input_tokens"], &last["output_tokens"]), (&json!(TOKENS.0), &json!(TOKENS.1)));
    }
}

#[test]
fn where_nobody_answers_the_skill_hears_of_every_attempt_and_an_event_tells_it() {
    let failing = Models::new(|_| Reply::Refuses(503, json!({"error": "no room"}).to_string()));
    let sections = json!({"llm": cascade(&[("first", failing.ollama()), ("second", nobody())])});
    let world = world(&sections);
    let ran = called(&world, "complete", &json!({}), &["--tenant", "acme"]);
    is_refused(&ran.data(), "unavailable", &["first/m", "no room", "second/m"]);
    let told = events(&world, "llm.*");
    let last = told.last().unwrap();
    assert_eq!((&last["kind"], &last["run"]), (&json!("llm.failed"), &ran.json()["run"]), "{told:#?}");
    assert_eq!(last["data"]["attempts"].as_array().unwrap().len(), 3, "{last}");
    let run = events(&world, "tool.called").into_iter().find(|event| event["run"] == last["run"]).unwrap();
    assert_eq!(run["data"]["tenant"], "acme");
    assert_eq!(ran.json()["usage"]["llm_output_tokens"], 0);
}

#[test]
fn a_request_that_is_its_own_fault_goes_to_nobody_else() {
    let refusing = Models::new(|_| {
        let error = json!({"error": {"message": "too long", "type": "invalid_request_error", "code": "context_length_exceeded"}});
        Reply::Refuses(400, error.to_string())
    });
    let second = Models::saying("Never asked.");
    let world = world(&json!({"llm": cascade(&[("first", refusing.openai()), ("second", second.ollama())])}));
    is_refused(&ask(&world, "complete", &json!({})), "invalid", &["too long"]);
    assert_eq!((refusing.asked().len(), second.asked().len()), (1, 0));
}

#[test]
fn an_answer_comes_piece_by_piece_and_finishing_it_reads_the_rest() {
    let model = Models::saying("One two three four");
    for provider in [model.ollama(), model.openai()] {
        let world = world(&json!({"llm": cascade(&[("only", provider)])}));
        for (pieces, seen) in
            [(None, &["One ", "two ", "three ", "four"][..]), (Some(2), &["One ", "two "]), (Some(0), &[])]
        {
            let ran = called(&world, "stream", &json!({"pieces": pieces.unwrap_or(u64::MAX)}), &[]);
            let answer = &ran.data()["ok"];
            assert_eq!(answer["pieces"], json!(seen), "{ran}");
            assert_eq!(
                (&answer["whole"]["text"], &answer["whole"]["finish"]),
                (&json!("One two three four"), &json!("stop"))
            );
            assert_eq!(answer["whole"]["output_tokens"], json!(TOKENS.1));
            assert_eq!(answer["after"][0], json!({"ok": null}), "{ran}");
            is_refused(&answer["after"][1], "invalid", &["finished"]);
            assert_eq!(ran.json()["usage"]["llm_output_tokens"], json!(TOKENS.1), "{ran}");
        }
    }
}

#[test]
fn an_answer_that_breaks_off_is_not_gone_on_with_by_another() {
    let breaking = Models::new(|_| Reply::BreaksOff(vec!["It be".into(), "gins".into()]));
    let second = Models::saying("I answer in one piece.");
    let world = world(&json!({"llm": cascade(&[("first", breaking.openai()), ("second", second.ollama())])}));
    is_refused(&ask(&world, "stream", &json!({})), "unavailable", &["first"]);
    assert_eq!(second.asked().len(), 0);
    // Of a whole answer the skill has seen nothing yet.
    let answer = &ask(&world, "complete", &json!({}))["ok"];
    assert_eq!((&answer["text"], &answer["is_fallback"]), (&json!("I answer in one piece."), &json!(true)));
}

#[test]
fn vectors_come_one_per_input_or_not_at_all() {
    let model = Models::new(|asked| match asked.body["input"].as_array().unwrap().len() {
        3 => Reply::Vectors(vec![vec![1.0]; 2], 3),
        count => Reply::Vectors(vec![vec![0.25, -1.0]; count], 3),
    });
    for provider in [model.ollama(), model.openai()] {
        let world = world(&json!({"llm": cascade(&[("only", provider)])}));
        let ran = called(&world, "embed", &json!({"inputs": ["a", "b"]}), &[]);
        assert_eq!(ran.data(), json!({"ok": [[0.25, -1.0], [0.25, -1.0]]}));
        assert_eq!(ran.json()["usage"]["llm_input_tokens"], 3);
        is_refused(&ask(&world, "embed", &json!({"inputs": ["a", "b", "c"]})), "unavailable", &["vectors"]);
        is_refused(&ask(&world, "embed", &json!({"inputs": []})), "invalid", &["256"]);
        let many: Vec<_> = (0..10_000).map(|number| number.to_string()).collect();
        is_refused(&ask(&world, "embed", &json!({"inputs": many})), "invalid", &["256"]);
    }
}

#[test]
fn an_answer_that_breaks_the_output_schema_is_asked_for_again_and_then_of_the_next() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false});
    let stubborn = Models::saying("Sure! Here is your JSON: {\"n\": \"seven\"}");
    let slow_learner = {
        let times = AtomicUsize::new(0);
        Models::new(move |_| match times.fetch_add(1, Ordering::Relaxed) {
            0 => says("{\"n\": \"seven\"}"),
            _ => says("```json\n{\"n\": 7}\n```"),
        })
    };
    let input = json!({"schema": schema, "prompt": "Seven, please."});
    let world = world(&json!({"llm": cascade(&[("first", stubborn.ollama()), ("second", slow_learner.openai())])}));
    let answer = &ask(&world, "complete", &input)["ok"];
    assert_eq!((&answer["text"], &answer["provider"]), (&json!("{\"n\": 7}"), &json!("second")), "{answer}");
    assert_eq!((stubborn.asked().len(), slow_learner.asked().len()), (2, 2));
    assert_eq!(stubborn.asked()[0].body["format"], schema);
    assert_eq!(slow_learner.asked()[0].body["response_format"]["json_schema"]["schema"], schema);
    // What was asked in vain was said all the same, and is paid for.
    let used: Vec<_> =
        events(&world, "llm.called").iter().map(|event| event["data"]["output_tokens"].clone()).collect();
    assert_eq!(used, vec![json!(TOKENS.1); 4]);

    configure(&world, &json!({"llm": cascade(&[("first", stubborn.ollama())])}));
    is_refused(&ask(&world, "complete", &input), "unavailable", &["first/m", "no JSON"]);
}
