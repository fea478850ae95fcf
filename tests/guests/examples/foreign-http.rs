//! As another project builds it: fetches an address by `wasi:http`, from WIT alone, and gives all of the answer.

#[allow(missing_docs, reason = "generated; the words are in the WIT")]
mod bindings {
    wit_bindgen::generate!({
        path: ["wit/deps/io", "wit/deps/clocks", "wit/deps/http"],
        inline: "
            package courier:client@2.0.0;

            interface client {
              record response-record {
                status: u16,
                headers: list<tuple<string, string>>,
                body: string,
              }

              /// Sends a GET with these headers.
              fetch: func(url: string, headers: list<tuple<string, string>>) -> result<response-record, string>;
            }

            world courier {
              import wasi:http/outgoing-handler@0.2.12;
              export client;
            }
        ",
        world: "courier:client/courier",
        generate_all,
    });
}

use bindings::exports::courier::client::client::{Guest, ResponseRecord};
use bindings::wasi::http::outgoing_handler::handle;
use bindings::wasi::http::types::{Fields, IncomingBody, OutgoingRequest, Scheme, http_error_code};
use bindings::wasi::io::streams::StreamError;

/// Bytes of a body that are read.
const MAX_BODY: usize = 8 << 20;

struct Courier;

impl Guest for Courier {
    fn fetch(url: String, headers: Vec<(String, String)>) -> Result<ResponseRecord, String> {
        let (scheme, rest) = url.split_once("://").ok_or("an address has `://`")?;
        let at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let scheme = match scheme {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            other => Scheme::Other(other.into()),
        };
        let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        let fields = Fields::from_list(&headers).map_err(|error| format!("headers: {error:?}"))?;
        let request = OutgoingRequest::new(fields);
        request.set_scheme(Some(&scheme)).map_err(|()| "scheme")?;
        request.set_authority(Some(authority)).map_err(|()| "authority")?;
        request.set_path_with_query(Some(if path.is_empty() { "/" } else { path })).map_err(|()| "path")?;

        let pending = handle(request, None).map_err(|error| format!("{error:?}"))?;
        pending.subscribe().block();
        let answer = pending.get().ok_or("not ready")?.map_err(|()| "taken")?.map_err(|error| format!("{error:?}"))?;
        let headers = answer.headers().entries();
        let body = read(&answer.consume().map_err(|()| "no body")?)?;
        Ok(ResponseRecord {
            status: answer.status(),
            headers: headers.into_iter().map(|(name, value)| (name, text(&value))).collect(),
            body: text(&body),
        })
    }
}

fn read(body: &IncomingBody) -> Result<Vec<u8>, String> {
    let stream = body.stream().map_err(|()| "no stream")?;
    let mut bytes = vec![];
    while bytes.len() < MAX_BODY {
        match stream.blocking_read(64 << 10) {
            Ok(more) => bytes.extend(more),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(format!("body: {:?}", http_error_code(&error)));
            }
        }
    }
    Ok(bytes)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

bindings::export!(Courier with_types_in bindings);
