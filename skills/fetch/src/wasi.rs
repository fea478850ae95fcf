//! The transport of a component: `wasi:http`, one request at a time.
//!
//! Promises that nothing waits longer than the timeouts below. The host decides whether a request is sent at all.

use url::Url;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode, Fields, IncomingBody, OutgoingRequest, RequestOptions, Scheme, http_error_code};
use wasip2::io::streams::StreamError;

use crate::MAX_BODY;
use crate::follow::{Refusal, Response, Transport};

/// Nanoseconds, as `wasi:http` counts. All together fit into the default time limit of a run, 30 s.
const CONNECT_TIMEOUT: u64 = 5_000_000_000;
/// Slow sites think before they answer.
const FIRST_BYTE_TIMEOUT: u64 = 15_000_000_000;
/// A connection that is silent for so long is dead.
const BETWEEN_BYTES_TIMEOUT: u64 = 5_000_000_000;
/// Bytes of one read: what hosts give at once.
const READ: u64 = 64 * 1024;

/// What it says about itself. Some sites answer nobody who says nothing.
const HEADERS: [(&str, &str); 3] = [
    ("user-agent", concat!("skillhost-fetch/", env!("CARGO_PKG_VERSION"))),
    ("accept", "text/html, application/xhtml+xml, text/markdown, text/*;q=0.9, */*;q=0.1"),
    // Nothing here unpacks.
    ("accept-encoding", "identity"),
];

/// The host's HTTP client.
pub(crate) struct Host;

impl Transport for Host {
    fn get(&self, url: &Url) -> Result<Response, Refusal> {
        let pending = outgoing_handler::handle(request(url)?, Some(options()?)).map_err(refusal)?;
        pending.subscribe().block();
        let broken = || Refusal::Failed("the host gave no answer".to_owned());
        let answer = pending.get().ok_or_else(broken)?.map_err(|()| broken())?.map_err(refusal)?;
        let headers = answer.headers();
        let header = |name: &str| headers.get(name).first().map(|value| String::from_utf8_lossy(value).into_owned());
        let mut response = Response {
            status: answer.status(),
            location: header("location"),
            content_type: header("content-type"),
            ..Response::default()
        };
        if (200..300).contains(&response.status) {
            (response.body, response.cut) = read(&answer.consume().map_err(|()| broken())?)?;
        }
        Ok(response)
    }
}

fn request(url: &Url) -> Result<OutgoingRequest, Refusal> {
    let invalid = || Refusal::Failed("the address makes no valid request".to_owned());
    let headers = HEADERS.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let request = OutgoingRequest::new(Fields::from_list(&headers).map_err(|_| invalid())?);
    let scheme = if url.scheme() == "https" { Scheme::Https } else { Scheme::Http };
    request.set_scheme(Some(&scheme)).map_err(|()| invalid())?;
    request.set_authority(Some(url.authority())).map_err(|()| invalid())?;
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    request.set_path_with_query(Some(&path)).map_err(|()| invalid())?;
    Ok(request)
}

fn options() -> Result<RequestOptions, Refusal> {
    let options = RequestOptions::new();
    (options.set_connect_timeout(Some(CONNECT_TIMEOUT)))
        .and_then(|()| options.set_first_byte_timeout(Some(FIRST_BYTE_TIMEOUT)))
        .and_then(|()| options.set_between_bytes_timeout(Some(BETWEEN_BYTES_TIMEOUT)))
        .map_err(|()| Refusal::Failed("the host takes no timeouts".to_owned()))?;
    Ok(options)
}

/// The body up to [`MAX_BODY`], and whether there is more.
fn read(body: &IncomingBody) -> Result<(Vec<u8>, bool), Refusal> {
    let stream = body.stream().map_err(|()| Refusal::Failed("the answer has no body".to_owned()))?;
    let mut bytes = vec![];
    while bytes.len() <= MAX_BODY {
        match stream.blocking_read(READ) {
            Ok(more) => bytes.extend(more),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                let unknown = || Refusal::Unreachable("the connection broke".to_owned());
                return Err(http_error_code(&error).map_or_else(unknown, refusal));
            }
        }
    }
    let cut = bytes.len() > MAX_BODY;
    bytes.truncate(MAX_BODY);
    Ok((bytes, cut))
}

fn refusal(error: ErrorCode) -> Refusal {
    match error {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => Refusal::Denied,
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => Refusal::Dns,
        ErrorCode::DnsTimeout => Refusal::Unreachable("its name was not found in time".to_owned()),
        ErrorCode::ConnectionRefused => Refusal::Unreachable("it refuses connections".to_owned()),
        ErrorCode::ConnectionTimeout | ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => {
            Refusal::Unreachable("it did not answer in time".to_owned())
        }
        ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionTerminated
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::ConnectionLimitReached
        | ErrorCode::HttpResponseIncomplete => Refusal::Unreachable(error.to_string()),
        ErrorCode::TlsCertificateError => Refusal::Failed("its certificate is not valid".to_owned()),
        other => Refusal::Failed(other.to_string()),
    }
}
