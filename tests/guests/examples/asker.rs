//! Asks language models, as well and as badly as a skill can: each answer of the host's as `{"ok"}` or `{"err":{"kind","message"}}`.
//! As an agent it asks what each message on `ask:*` says and keeps the answers, the last of which is under `asker:heard`.

use guests::bindings::skillhost::skill::{blackboard, llm, run, types::HostError};
use guests::board::{completion, outcome};
use guests::manifest::{Input, data, manifest, tool, unknown, want};
use guests::{Answer, Manifest, Message};
use serde_json::{Value, json};

/// Messages of one conversation that are far too many.
const MANY: usize = 10_000;

/// Bytes of a prompt that is far too long.
const LONG: usize = 16 << 20;

/// Bytes of a schema that is far too long.
const LONG_SCHEMA: usize = 1 << 20;

/// Schemas that each stand for the one before them twice.
const DOUBLINGS: usize = 30;

const REQUEST: [(&str, &str); 6] = [
    ("prompt", "string"),
    ("model", "string"),
    ("max_tokens", "integer"),
    ("temperature", "number"),
    ("stop", "strings"),
    ("schema", "any"),
];

fn describe() -> Manifest {
    let asking = |more: &[(&'static str, &'static str)]| [&REQUEST, more].concat();
    let times = ("times", "integer");
    let tools = vec![
        tool("complete", "llm.complete.", &REQUEST),
        tool(
            "stream",
            "llm.complete-stream; finished after `pieces`, else read to its end.",
            &asking(&[("pieces", "integer")]),
        ),
        tool("embed", "llm.embed.", &[("inputs", "strings"), ("model", "string")]),
        tool("remaining", "The tokens that are left before and after each of `times` completions.", &asking(&[times])),
        tool("flood", "Opens `times` streams, reads one piece of each and finishes none.", &asking(&[times])),
        tool("odd", "A request of a `kind` that no host should pass on.", &[("kind", "string")]),
        tool("heard", "What it last heard as an agent.", &[]),
    ];
    let wants =
        [("llm.complete", "*"), ("llm.embed", "*"), ("blackboard.read", "asker:*"), ("blackboard.write", "asker:*")];
    Manifest {
        subscriptions: vec!["ask:*".into()],
        wants: wants.map(|(capability, scope)| want(capability, scope)).into(),
        ..manifest("asker", tools)
    }
}

fn call(tool: &str, input: String) -> Answer {
    let input = Input::read(&input);
    data(match tool {
        "complete" => outcome(complete(&input)),
        "stream" => outcome(stream(&input)),
        "embed" => {
            let model = input.maybe_string("model");
            outcome(llm::embed(&input.strings("inputs"), model.as_deref()).map(|vectors| json!(vectors)))
        }
        "remaining" => remaining(&input),
        "flood" => flood(&input),
        "odd" => outcome(llm::complete(&odd(input.string("kind", ""))).map(|answer| completion(&answer))),
        "heard" => outcome(blackboard::get("asker:heard")),
        _ => return unknown(tool),
    })
}

fn handle(message: Message) -> Result<(), String> {
    let answer = complete(&Input::read(&message.payload)).map_err(|error| format!("{error:?}"))?;
    blackboard::set("asker:heard", &answer.to_string(), None).map_err(|error| format!("{error:?}"))
}

fn request(input: &Input) -> llm::Request {
    let schema = (!input.0["schema"].is_null()).then(|| input.document("schema"));
    llm::Request {
        messages: vec![user(input.string("prompt", "Say yes."))],
        model: input.maybe_string("model"),
        max_tokens: input.maybe_number("max_tokens").and_then(|tokens| u32::try_from(tokens).ok()),
        temperature: input.0["temperature"].as_f64().map(|degree| degree as f32),
        stop: input.strings("stop"),
        output_schema: schema,
    }
}

fn user(content: impl Into<String>) -> llm::Message {
    llm::Message { role: llm::Role::User, content: content.into() }
}

fn complete(input: &Input) -> Result<Value, HostError> {
    llm::complete(&request(input)).map(|answer| completion(&answer))
}

fn stream(input: &Input) -> Result<Value, HostError> {
    let stream = llm::complete_stream(&request(input))?;
    let most = input.number("pieces", u64::MAX);
    let mut pieces = vec![];
    while (pieces.len() as u64) < most
        && let Some(piece) = stream.next()?
    {
        pieces.push(piece);
    }
    let whole = completion(&stream.finish()?);
    // A stream that was finished has no more to say, and says so.
    let after = json!([outcome(stream.next()), outcome(stream.finish().map(|answer| completion(&answer)))]);
    Ok(json!({ "pieces": pieces, "whole": whole, "after": after }))
}

fn remaining(input: &Input) -> Value {
    let mut left = vec![run::remaining().llm_tokens];
    let answers: Vec<Value> = (0..input.number("times", 0))
        .map(|_| {
            let answer = outcome(complete(input));
            left.push(run::remaining().llm_tokens);
            answer
        })
        .collect();
    json!({ "left": left, "answers": answers })
}

fn flood(input: &Input) -> Value {
    let mut open = vec![];
    let mut opened = 0;
    let mut refused = Value::Null;
    for _ in 0..input.number("times", 100) {
        match llm::complete_stream(&request(input)).and_then(|stream| stream.next().map(|_| stream)) {
            Ok(stream) => {
                opened += 1;
                open.push(stream);
            }
            Err(error) => {
                refused = outcome(Err::<Value, _>(error));
                break;
            }
        }
    }
    json!({ "opened": opened, "refused": refused })
}

fn odd(kind: &str) -> llm::Request {
    let plain = request(&Input(json!({})));
    let messages = |messages| llm::Request { messages, ..request(&Input(json!({}))) };
    match kind {
        "no-messages" => messages(vec![]),
        "many-messages" => messages((0..MANY).map(|_| user("x")).collect()),
        "long-prompt" => messages(vec![user("x".repeat(LONG))]),
        "no-tokens" => llm::Request { max_tokens: Some(0), ..plain },
        "nan" => llm::Request { temperature: Some(f32::NAN), ..plain },
        "infinite" => llm::Request { temperature: Some(f32::INFINITY), ..plain },
        "many-stops" => llm::Request { stop: vec!["x".into(); MANY], ..plain },
        "empty-stop" => llm::Request { stop: vec![String::new()], ..plain },
        "no-schema" => llm::Request { output_schema: Some("{".into()), ..plain },
        "long-schema" => {
            llm::Request { output_schema: Some(json!({ "$comment": "x".repeat(LONG_SCHEMA) }).to_string()), ..plain }
        }
        "schema-bomb" => llm::Request { output_schema: Some(bomb()), ..plain },
        "remote-schema" => {
            llm::Request { output_schema: Some(json!({ "$ref": "http://127.0.0.1:9/schema" }).to_string()), ..plain }
        }
        "empty-model" => llm::Request { model: Some(String::new()), ..plain },
        "long-model" => llm::Request { model: Some("x".repeat(LONG)), ..plain },
        "control-model" => llm::Request { model: Some("ollama/a\r\nAuthorization: none\0\u{1b}[2J".into()), ..plain },
        "path-model" => llm::Request { model: Some("ollama/../../etc/passwd?x=#y".into()), ..plain },
        _ => plain,
    }
}

/// A schema of a few hundred bytes that unfolds into a thousand million checks.
fn bomb() -> String {
    let doubled = |number: usize| {
        let before = json!({ "$ref": format!("#/$defs/s{}", number - 1) });
        (format!("s{number}"), json!({ "allOf": [before, before] }))
    };
    let schemas = (1..=DOUBLINGS).map(doubled).chain([("s0".to_owned(), json!({ "type": "object" }))]);
    let schemas: serde_json::Map<String, Value> = schemas.collect();
    json!({ "$ref": format!("#/$defs/s{DOUBLINGS}"), "$defs": schemas }).to_string()
}

guests::skill!(describe, call);
guests::handler!(handle);
