//! The host in memory, behind the same functions that reach the real one.

use std::time::Duration;

use serde_json::{Value, json};
use skillhost_sdk::blackboard::Ttl;
use skillhost_sdk::events::Query;
use skillhost_sdk::llm::{Completion, FinishReason, Request};
use skillhost_sdk::mock;
use skillhost_sdk::prelude::*;

#[test]
fn the_blackboard_keeps_what_is_written() {
    mock::reset();
    blackboard::set_with("a:1", "one", Ttl::For(Duration::from_secs(5))).unwrap();
    blackboard::set_json("a:2", &json!({"n": 2})).unwrap();
    assert_eq!(blackboard::get("a:1").unwrap().as_deref(), Some("one"));
    assert_eq!(blackboard::get_json::<Value>("a:2").unwrap(), Some(json!({"n": 2})));
    assert_eq!(blackboard::get("a:3").unwrap(), None);
    assert_eq!(blackboard::keys("a:*", 1).unwrap(), ["a:1"]);
    assert!(blackboard::exists("a:1").unwrap());
    assert!(blackboard::delete("a:1").unwrap());
    assert!(!blackboard::delete("a:1").unwrap());
    assert_eq!(blackboard::clear("a:[0-9]").unwrap(), 1);
    assert_eq!(blackboard::keys("*", 10).unwrap(), Vec::<String>::new());
}

#[test]
fn a_swap_needs_the_value_that_is_there() {
    mock::reset();
    assert!(blackboard::compare_and_swap("k", None, "1", Ttl::Default).unwrap());
    assert!(!blackboard::compare_and_swap("k", None, "2", Ttl::Default).unwrap());
    assert!(blackboard::compare_and_swap("k", Some("1"), "2", Ttl::Forever).unwrap());
    let list = blackboard::update_json("list", |old: Option<Vec<u8>>| [old.unwrap_or_default(), vec![1]].concat());
    assert_eq!(list.unwrap(), [1]);
}

#[test]
fn adding_counts_from_nothing_and_refuses_text_and_overflow() {
    mock::reset();
    assert_eq!(blackboard::add("n", 5), Ok(5));
    assert_eq!(blackboard::add("n", -7), Ok(-2));
    blackboard::set("text", "five").unwrap();
    blackboard::set("full", &i64::MAX.to_string()).unwrap();
    assert!(matches!(blackboard::add("text", 1), Err(HostError::Invalid(_))));
    assert!(matches!(blackboard::add("full", 1), Err(HostError::Invalid(_))));
}

#[test]
fn a_value_that_does_not_decode_names_its_key_and_path() {
    mock::reset();
    blackboard::set("plan", r#"[{"n": "one"}]"#).unwrap();
    #[derive(Debug, serde::Deserialize)]
    struct Step {
        #[allow(dead_code, reason = "decoding it is the point")]
        n: u8,
    }
    let error = blackboard::get_json::<Vec<Step>>("plan").unwrap_err();
    assert!(matches!(&error, HostError::Invalid(why) if why.starts_with("the value of `plan`: `[0].n`")), "{error:?}");
}

#[test]
fn malformed_keys_are_invalid_as_with_the_real_host() {
    for key in ["", "a b", "a\nb", &"k".repeat(513)] {
        assert!(matches!(blackboard::get(key), Err(HostError::Invalid(_))), "{key:?}");
    }
}

#[test]
fn what_is_denied_is_denied_for_its_scope_only() {
    mock::reset();
    blackboard::set("secret:1", "x").unwrap();
    blackboard::set("open:1", "x").unwrap();
    mock::deny("blackboard.read secret:*");
    assert_eq!(blackboard::get("secret:1"), Err(HostError::Denied("blackboard.read secret:1".to_owned())));
    assert_eq!(blackboard::keys("*", 10).unwrap(), ["open:1"]);
    assert!(blackboard::set("secret:1", "y").is_ok());
    mock::deny("llm.complete");
    assert!(matches!(llm::complete(&Request::new().user("hi")), Err(HostError::Denied(_))));
}

#[test]
fn threads_share_nothing() {
    mock::reset();
    blackboard::set("mine", "x").unwrap();
    let seen = std::thread::spawn(|| blackboard::exists("mine")).join().unwrap();
    assert_eq!(seen, Ok(false));
}

#[test]
fn a_model_says_what_it_is_told_and_nothing_else() {
    mock::reset();
    mock::answer("one two");
    mock::answer_with_error(HostError::Limit("llm_tokens 0".to_owned()));
    mock::answer("three four five");
    let request = Request::new().system("Count.").user("Go on.").model("small").stop("six");
    let answer = llm::complete(&request).unwrap();
    assert_eq!((&*answer.text, &*answer.model, answer.usage.output_tokens), ("one two", "small", 2));
    assert_eq!(llm::complete(&request), Err(HostError::Limit("llm_tokens 0".to_owned())));
    let pieces: Vec<String> = llm::stream(&request).unwrap().map(Result::unwrap).collect();
    assert_eq!(pieces, ["three ", "four ", "five"]);
    assert!(matches!(llm::complete(&request), Err(HostError::Unavailable(_))));
    assert_eq!(mock::llm_requests().len(), 4);
    assert_eq!(mock::llm_requests()[0], request);
}

#[test]
fn a_scripted_model_may_do_what_others_do_meanwhile() {
    mock::reset();
    mock::answer_with(|request| {
        blackboard::set("told", &request.messages[0].content)?;
        Ok(Completion { is_fallback: true, finish: FinishReason::Length, ..mock::completion(request, "one two") })
    });
    let answer = llm::complete(&Request::new().user("hi")).unwrap();
    assert_eq!((&*answer.text, answer.is_fallback, answer.finish), ("one two", true, FinishReason::Length));
    assert_eq!((&*answer.model, answer.usage.input_tokens, answer.usage.output_tokens), ("default", 1, 2));
    assert_eq!(blackboard::get("told"), Ok(Some("hi".to_owned())));
}

#[test]
fn a_stream_can_be_left_early_for_the_whole_answer() {
    mock::reset();
    mock::answer("a b c");
    let mut stream = llm::stream(&Request::new().user("letters")).unwrap();
    assert_eq!(stream.next(), Some(Ok("a ".to_owned())));
    assert_eq!(stream.finish().unwrap().text, "a b c");
}

#[test]
fn a_typed_answer_asks_for_its_schema_and_is_checked() {
    mock::reset();
    mock::answer("[1, 2]");
    mock::answer("sorry");
    assert_eq!(llm::complete_as::<Vec<u8>>(Request::new().user("numbers")), Ok(vec![1, 2]));
    assert!(mock::llm_requests()[0].output_schema.as_deref().unwrap().contains("array"));
    assert!(matches!(llm::complete_as::<Vec<u8>>(Request::new()), Err(HostError::Invalid(_))));
}

#[test]
fn vectors_are_alike_for_like_texts_only() {
    let vectors = llm::embed(&["a cat", "a cat", "a dog"], None).unwrap();
    assert_eq!(vectors[0], vectors[1]);
    assert_ne!(vectors[0], vectors[2]);
}

#[test]
fn other_skills_do_what_the_test_says() {
    mock::reset();
    mock::on_skill_call("math.double", |input| match input["n"].as_i64() {
        // A behaviour may use the host itself.
        Some(n) => Ok(json!(n * blackboard::add("factor", 2)?)),
        None => Err(CallError::Tool("`n` is missing".to_owned())),
    });
    assert_eq!(skills::call("math", "double", &json!({"n": 4})), Ok(8));
    assert_eq!(skills::call::<i64>("math", "double", &json!({})), Err(CallError::Tool("`n` is missing".to_owned())));
    assert!(matches!(skills::call::<i64>("math", "halve", &1), Err(CallError::Host(HostError::Invalid(_)))));
    assert!(matches!(skills::call::<String>("math", "double", &json!({"n": 4})), Err(CallError::Tool(_))));
    assert_eq!(mock::skill_calls().len(), 4);
}

#[test]
fn events_are_appended_and_found_by_kind_and_position() {
    mock::reset();
    mock::record_event("task.created", "host", &json!({"task": 1}));
    assert_eq!(events::append("skill.note", &json!({"text": "hi"})), Ok(2));
    assert!(matches!(events::append("task.done", &1), Err(HostError::Invalid(_))));
    let notes = events::read(&Query::all().kind("skill.*").kind("none")).unwrap();
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0].decode::<Value>().unwrap(), json!({"text": "hi"}));
    assert_eq!(events::read(&Query::all().after(1)).unwrap(), notes);
    assert_eq!(events::read(&Query::all().source("host")).unwrap()[0].seq, 1);
    assert!(matches!(events::read(&Query::all().limit(0)), Err(HostError::Invalid(_))));
}

#[test]
fn a_run_reports_and_knows_itself() {
    mock::reset();
    mock::change_context(|context| context.caller = "mcp:desk".to_owned());
    mock::change_budget(|budget| budget.host_calls = 3);
    assert_eq!(run::current().caller, "mcp:desk");
    assert_eq!(run::remaining().host_calls, 3);
    let step = 2;
    debug!("step {step}");
    run::progress(1.0, Some(4.0), "a quarter");
    assert_eq!(mock::logs()[0].message, "step 2");
    assert_eq!(mock::progress()[0].total, Some(4.0));
}
