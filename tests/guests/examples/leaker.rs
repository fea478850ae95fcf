//! Sends a request and gives away all that it can see of itself and of the answer, by every way out that there is: a secret
//! that the host put into the request must be in none of them.

use guests::bindings::skillhost::skill::{blackboard, event_log, run};
use guests::manifest::{Input, data, manifest, tool, unknown, want};
use guests::{Answer, Manifest, ToolError};
use serde_json::{Value, json};
use std::env;
use wasip2::filesystem::preopens::get_directories;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode, Fields, Headers, OutgoingRequest, Scheme};

/// Bytes of a body that are read.
const MAX_BODY: usize = 1 << 20;

fn describe() -> Manifest {
    let url = [("url", "string"), ("headers", "object")];
    Manifest {
        wants: vec![
            want("http.request", "*"),
            want("secrets.use", "*"),
            want("blackboard.write", "leaker:*"),
            want("events.append", "skill.*"),
        ],
        ..manifest(
            "leaker",
            vec![
                tool("everything", "Sends a GET and writes all that it sees to every place there is.", &url),
                tool("fail", "The same, and gives it as its error.", &url),
            ],
        )
    }
}

fn call(name: &str, input: String) -> Answer {
    if !matches!(name, "everything" | "fail") {
        return unknown(name);
    }
    let seen = seen(&Input::read(&input));
    let text = seen.to_string();
    run::log(run::Level::Warn, &text);
    run::progress(1.0, None, &text);
    println!("{text}");
    eprintln!("{text}");
    let event = event_log::append("skill.leaked", &text).map_err(|error| format!("{error:?}"));
    let board = blackboard::set("leaker:everything", &text, None).map_err(|error| format!("{error:?}"));
    match name {
        "fail" => Err(ToolError::Failed(text)),
        _ => data(json!({ "seen": seen, "event": written(event), "board": written(board) })),
    }
}

fn written<T>(result: Result<T, String>) -> Value {
    result.map_or_else(Value::from, |_| json!("written"))
}

fn seen(input: &Input) -> Value {
    json!({
        "environment": env::vars().collect::<Vec<_>>(),
        "arguments": env::args().collect::<Vec<_>>(),
        "directories": get_directories().into_iter().map(|(_, path)| path).collect::<Vec<_>>(),
        "answer": fetch(input).unwrap_or_else(|why| json!({ "err": why })),
    })
}

fn fetch(input: &Input) -> Result<Value, String> {
    let (scheme, rest) =
        input.string("url", "https://example.com/").split_once("://").ok_or("the address has no `://`")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = match scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        other => Scheme::Other(other.into()),
    };
    let fields = Fields::new();
    for (name, value) in input.0["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default().as_bytes();
        fields.append(name, value).map_err(|error| format!("header {name}: {error:?}"))?;
    }
    // A copy, to look at after the host has had the request: the request's own may not be held while it is sent.
    let kept = fields.clone();
    let request = OutgoingRequest::new(fields);
    request.set_scheme(Some(&scheme)).map_err(|()| "the scheme was refused")?;
    request.set_authority(Some(authority)).map_err(|()| "the authority was refused")?;
    request.set_path_with_query(Some(if path.is_empty() { "/" } else { path })).map_err(|()| "the path was refused")?;
    let before = pairs(&request.headers());
    let pending = outgoing_handler::handle(request, None).map_err(|error| code(&error))?;
    pending.subscribe().block();
    let sent = json!({ "before": before, "after": pairs(&kept) });
    let answer = pending.get().ok_or("ready, and no answer")?.map_err(|()| "the answer was taken")?;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Ok(json!({ "sent": sent, "err": code(&error) })),
    };
    let (status, headers) = (answer.status(), pairs(&answer.headers()));
    let body = answer.consume().map_err(|()| "no body")?;
    let stream = body.stream().map_err(|()| "no stream")?;
    let mut bytes = vec![];
    while let Ok(more) = stream.blocking_read(64 << 10) {
        bytes.extend(more);
        if bytes.len() > MAX_BODY {
            break;
        }
    }
    Ok(json!({ "sent": sent, "status": status, "headers": headers, "body": String::from_utf8_lossy(&bytes) }))
}

fn pairs(headers: &Headers) -> Vec<(String, String)> {
    let text = |(name, value): (String, Vec<u8>)| (name, String::from_utf8_lossy(&value).into_owned());
    headers.entries().into_iter().map(text).collect()
}

fn code(error: &ErrorCode) -> String {
    format!("{error:?}")
}

guests::skill!(describe, call);
