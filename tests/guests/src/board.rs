//! The blackboard, the event log and other skills as tools: thin pass-throughs that answer `{"ok": …}` or
//! `{"err": {"kind", "message"}}`, so that a test sees exactly what the host said.

use crate::bindings::skillhost::skill::{blackboard, event_log, llm, skills, types::HostError};
use crate::manifest::{Input, data, tool};
use crate::{Answer, Tool};
use serde_json::{Value, json};

/// A refusal as JSON.
pub fn refusal(error: &HostError) -> Value {
    let (kind, message) = match error {
        HostError::Denied(message) => ("denied", message),
        HostError::Limit(message) => ("limit", message),
        HostError::Invalid(message) => ("invalid", message),
        HostError::Unavailable(message) => ("unavailable", message),
    };
    json!({ "kind": kind, "message": message })
}

/// A result of the host as JSON.
pub fn outcome<T: Into<Value>>(result: Result<T, HostError>) -> Value {
    match result {
        Ok(value) => json!({ "ok": value.into() }),
        Err(error) => json!({ "err": refusal(&error) }),
    }
}

/// The tools of this module.
pub fn tools() -> Vec<Tool> {
    vec![
        tool("get", "blackboard.get", &[("key", "string")]),
        tool("set", "blackboard.set", &[("key", "string"), ("value", "string"), ("ttl_ms", "integer")]),
        tool(
            "cas",
            "blackboard.compare-and-swap",
            &[("key", "string"), ("expected", "string"), ("value", "string"), ("ttl_ms", "integer")],
        ),
        tool("add", "blackboard.add", &[("key", "string"), ("delta", "integer")]),
        tool("delete", "blackboard.delete", &[("key", "string")]),
        tool("exists", "blackboard.exists", &[("key", "string")]),
        tool("keys", "blackboard.keys", &[("pattern", "string"), ("limit", "integer")]),
        tool("clear", "blackboard.clear", &[("pattern", "string")]),
        tool("publish", "blackboard.publish", &[("channel", "string"), ("message", "any")]),
        tool("events-append", "event-log.append", &[("kind", "string"), ("data", "any")]),
        tool(
            "events-read",
            "event-log.read",
            &[
                ("kinds", "strings"),
                ("source", "string"),
                ("run", "string"),
                ("after", "integer"),
                ("limit", "integer"),
            ],
        ),
        tool("call-skill", "skills.call", &[("skill", "string"), ("tool", "string"), ("input", "any")]),
        tool("llm", "llm.complete", &[("prompt", "string"), ("model", "string"), ("max_tokens", "integer")]),
        tool("llm-stream", "llm.complete-stream, read to its end", &[("prompt", "string"), ("model", "string")]),
        tool("embed", "llm.embed", &[("inputs", "strings"), ("model", "string")]),
        tool("steps", "Several of these calls in one run, each an object with `call`.", &[("steps", "objects")]),
    ]
}

/// The answer, where the tool is one of this module's.
pub fn call(tool: &str, input: &Input) -> Option<Answer> {
    let key = input.string("key", "");
    let answer = match tool {
        "get" => outcome(blackboard::get(key)),
        "set" => {
            outcome(blackboard::set(key, input.string("value", ""), input.maybe_number("ttl_ms")).map(|()| Value::Null))
        }
        "cas" => {
            let expected = input.maybe_string("expected");
            let ttl = input.maybe_number("ttl_ms");
            outcome(blackboard::compare_and_swap(key, expected.as_deref(), input.string("value", ""), ttl))
        }
        "add" => outcome(blackboard::add(key, input.signed("delta", 1))),
        "delete" => outcome(blackboard::delete(key)),
        "exists" => outcome(blackboard::exists(key)),
        "keys" => outcome(blackboard::keys(
            input.string("pattern", "*"),
            u32::try_from(input.number("limit", 100)).unwrap_or(u32::MAX),
        )),
        "clear" => outcome(blackboard::clear(input.string("pattern", ""))),
        "publish" => outcome(blackboard::publish(input.string("channel", ""), &input.document("message"))),
        "events-append" => outcome(event_log::append(input.string("kind", "skill.test"), &input.document("data"))),
        "events-read" => events(input),
        "call-skill" => call_skill(input.string("skill", ""), input.string("tool", ""), &input.document("input")),
        "llm" => outcome(llm::complete(&request(input)).map(|answer| completion(&answer))),
        "llm-stream" => outcome(stream(input)),
        "embed" => {
            let model = input.maybe_string("model");
            outcome(llm::embed(&input.strings("inputs"), model.as_deref()).map(|vectors| json!(vectors)))
        }
        "steps" => steps(input),
        _ => return None,
    };
    Some(data(answer))
}

/// The answers, in order; none for what is no tool of this module.
fn steps(input: &Input) -> Value {
    let step = |step: &Value| {
        let answer = call(step["call"].as_str().unwrap_or_default(), &Input(step.clone()));
        let data = answer.and_then(Result::ok).and_then(|output| output.data);
        data.and_then(|data| serde_json::from_str(&data).ok()).unwrap_or(Value::Null)
    };
    input.0["steps"].as_array().into_iter().flatten().map(step).collect()
}

fn events(input: &Input) -> Value {
    let query = event_log::Query {
        kinds: input.strings("kinds"),
        source: input.maybe_string("source"),
        run: input.maybe_string("run"),
        after: input.maybe_number("after"),
        limit: u32::try_from(input.number("limit", 100)).unwrap_or(u32::MAX),
    };
    let row = |event: event_log::Event| {
        json!({
            "seq": event.seq, "at": event.at, "kind": event.kind, "source": event.source, "run": event.run,
            "data": event.data,
        })
    };
    outcome(event_log::read(&query).map(|found| found.into_iter().map(row).collect::<Vec<_>>()))
}

/// A call of another skill. Its answer is under `ok` as JSON, a tool's refusal has the kind `tool`.
pub fn call_skill(skill: &str, tool: &str, input: &str) -> Value {
    match skills::call(skill, tool, input) {
        Ok(output) => json!({ "ok": serde_json::from_str::<Value>(&output).unwrap_or(Value::String(output)) }),
        Err(skills::CallError::Host(error)) => json!({ "err": refusal(&error) }),
        Err(skills::CallError::Tool(message)) => json!({ "err": { "kind": "tool", "message": message } }),
    }
}

fn request(input: &Input) -> llm::Request {
    llm::Request {
        messages: vec![llm::Message { role: llm::Role::User, content: input.string("prompt", "Say yes.").into() }],
        model: input.maybe_string("model"),
        max_tokens: input.maybe_number("max_tokens").and_then(|tokens| u32::try_from(tokens).ok()),
        temperature: None,
        stop: vec![],
        output_schema: None,
    }
}

/// An answer of a model.
pub fn completion(answer: &llm::Completion) -> Value {
    let finish = match answer.finish {
        llm::FinishReason::Stop => "stop",
        llm::FinishReason::Length => "length",
        llm::FinishReason::Filtered => "filtered",
        llm::FinishReason::Other => "other",
    };
    json!({
        "text": answer.text, "provider": answer.provider, "model": answer.model, "is_fallback": answer.is_fallback, "finish": finish,
        "input_tokens": answer.usage.input_tokens, "output_tokens": answer.usage.output_tokens,
    })
}

fn stream(input: &Input) -> Result<Value, HostError> {
    let stream = llm::complete_stream(&request(input))?;
    let mut pieces = vec![];
    while let Some(piece) = stream.next()? {
        pieces.push(piece);
    }
    Ok(json!({ "pieces": pieces, "whole": completion(&stream.finish()?) }))
}
