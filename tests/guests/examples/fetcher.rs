//! Fetches an address by `wasi:http`, if the host lets it.

use guests::manifest::{Input, data, manifest, tool, want};
use guests::{Answer, Manifest};
use serde_json::{Value, json};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode, Fields, Method, OutgoingRequest, Scheme};

fn describe() -> Manifest {
    let parameters = [("method", "string"), ("scheme", "string"), ("authority", "string"), ("path", "string")];
    Manifest {
        wants: vec![want("http.request", "GET https://example.com/*")],
        ..manifest("fetcher", vec![tool("fetch", "Sends one request without a body.", &parameters)])
    }
}

fn call(_tool: &str, input: String) -> Answer {
    match fetch(&Input::read(&input)) {
        Ok(answer) => data(json!({ "ok": answer })),
        Err(why) => data(json!({ "err": why })),
    }
}

fn fetch(input: &Input) -> Result<Value, String> {
    let request = OutgoingRequest::new(Fields::new());
    let method = match input.string("method", "GET") {
        "GET" => Method::Get,
        other => Method::Other(other.into()),
    };
    let scheme = match input.string("scheme", "https") {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        other => Scheme::Other(other.into()),
    };
    request.set_method(&method).map_err(|()| "the method was refused")?;
    request.set_scheme(Some(&scheme)).map_err(|()| "the scheme was refused")?;
    request.set_authority(Some(input.string("authority", "example.com"))).map_err(|()| "the authority was refused")?;
    request.set_path_with_query(Some(input.string("path", "/"))).map_err(|()| "the path was refused")?;
    let pending = outgoing_handler::handle(request, None).map_err(|error| code(&error))?;
    pending.subscribe().block();
    let response = pending
        .get()
        .ok_or("ready, and no answer")?
        .map_err(|()| "the answer was taken")?
        .map_err(|error| code(&error))?;
    let headers: Vec<Value> = (response.headers().entries().into_iter())
        .map(|(name, value)| json!([name, String::from_utf8_lossy(&value)]))
        .collect();
    let body = response.consume().map_err(|()| "no body")?;
    let stream = body.stream().map_err(|()| "no stream")?;
    let mut bytes = vec![];
    while let Ok(more) = stream.blocking_read(64 << 10) {
        bytes.extend(more);
    }
    Ok(json!({ "status": response.status(), "headers": headers, "body": String::from_utf8_lossy(&bytes) }))
}

fn code(error: &ErrorCode) -> String {
    format!("{error:?}")
}

guests::skill!(describe, call);
