//! The one way out: check, secrets, exchange, scrub.
//!
//! Contract and price: see the crate's. The order is part of the contract: nothing is resolved, connected or added before a
//! grant covers the target.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use http::{Method, Request, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use skillhost_types::{Grants, HttpScope};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::connect::Connector;
use crate::limits::{IDLE_TIMEOUT, MAX_IDLE_PER_HOST, MIN_RESPONSE_HEAD, STREAM_WINDOW};
use crate::request::RequestBody;
use crate::resolve::Checked;
use crate::secrets::Secrets;
use crate::{
    Body, NetworkLimits, Part, Phase, Refusal, Resolve, Secret, SecretError, SystemResolver, Target, headers,
    not_public,
};

/// What stands around a header's name and value on the wire of HTTP/1: colon, blank, line break.
const HEADER_OVERHEAD: usize = 4;

/// What a network is made of.
pub struct NetworkOptions {
    /// Who finds the addresses of names.
    pub resolver: Arc<dyn Resolve>,
    /// What is added to requests, the first of two for one header.
    pub secrets: Vec<Secret>,
    /// What one request may take.
    pub limits: NetworkLimits,
    /// Certificate authorities that are trusted besides the public ones.
    pub roots: Vec<CertificateDer<'static>>,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            resolver: Arc::new(SystemResolver::default()),
            secrets: Vec::new(),
            limits: NetworkLimits::default(),
            roots: Vec::new(),
        }
    }
}

/// Why there is no network.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// A secret that cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A certificate authority that is none.
    #[error("the certificate authorities cannot be used: {0}; check that the file holds CA certificates")]
    Roots(#[from] rustls::Error),
}

/// A request as a guest gives it.
pub struct Outgoing<'a, B> {
    /// The method.
    pub method: Method,
    /// The scheme.
    pub scheme: &'a str,
    /// Host and perhaps port.
    pub authority: &'a str,
    /// Path and perhaps query.
    pub path_and_query: &'a str,
    /// The guest's headers.
    pub headers: HeaderMap,
    /// The body; its size hint is trusted for nothing.
    pub body: B,
    /// When the caller's own time is over.
    pub deadline: Instant,
    /// What the guest asks for, where that is less than the host's.
    pub timeouts: Timeouts,
}

/// What a guest may narrow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection.
    pub connect: Option<Duration>,
    /// From the connection to the answer's head.
    pub first_byte: Option<Duration>,
    /// Between two pieces of the answer's body.
    pub between_bytes: Option<Duration>,
}

/// The end of a request, and how long it had.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) deadline: Instant,
    pub(crate) total: Duration,
}

impl Clock {
    fn new(deadline: Instant, most: Duration) -> Self {
        let now = Instant::now();
        let deadline = now.checked_add(most).map_or(deadline, |end| end.min(deadline));
        Self { deadline, total: deadline - now }
    }

    /// Waits for `done` at most so long, and never beyond the end.
    async fn within<T>(&self, phase: Phase, limit: Duration, done: impl Future<Output = T>) -> Result<T, Refusal> {
        let now = Instant::now();
        let (phase, limit, end) = match now.checked_add(limit) {
            Some(end) if end < self.deadline => (phase, limit, end),
            // A timeout would begin what it is to wait for even if it is over.
            _ if self.deadline <= now => return Err(Refusal::Timeout { phase: Phase::Total, limit: self.total }),
            _ => (Phase::Total, self.total, self.deadline),
        };
        timeout_at(end, done).await.map_err(|_| Refusal::Timeout { phase, limit })
    }
}

/// Sends the requests of all skills. Made once; shared by reference.
pub struct Network {
    client: Client<Connector, RequestBody>,
    secrets: Secrets,
    limits: NetworkLimits,
    places: Arc<Semaphore>,
}

impl Network {
    /// A network without connections yet.
    pub fn new(options: NetworkOptions) -> Result<Self, NetworkError> {
        let checked = Checked::new(options.resolver, options.limits.connect);
        Self::with(checked, options.secrets, options.limits, options.roots)
    }

    pub(crate) fn with(
        checked: Checked,
        secrets: Vec<Secret>,
        limits: NetworkLimits,
        roots: Vec<CertificateDer<'static>>,
    ) -> Result<Self, NetworkError> {
        let connector = Connector::new(checked, roots, limits.connect)?;
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
            .http1_max_buf_size(limits.response_head.max(MIN_RESPONSE_HEAD))
            .http2_max_header_list_size(u32::try_from(limits.response_head).unwrap_or(u32::MAX))
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .build(connector);
        let places = Arc::new(Semaphore::new(limits.at_once.min(Semaphore::MAX_PERMITS)));
        Ok(Self { client, secrets: Secrets::new(secrets)?, limits, places })
    }

    /// Sends a request if `grants` cover it, and gives the answer's head as soon as it is there.
    pub async fn send<B>(&self, outgoing: Outgoing<'_, B>, grants: &Grants) -> Result<Response<Body>, Refusal>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let target = Target::new(outgoing.method, outgoing.scheme, outgoing.authority, outgoing.path_and_query)?;
        let scope = permitted(&target, grants)?;
        let place =
            Arc::clone(&self.places).try_acquire_owned().map_err(|_| Refusal::Busy { limit: self.limits.at_once })?;

        let clock = Clock::new(outgoing.deadline, self.limits.total);
        let mut headers = outgoing.headers;
        let declared = headers::outgoing(&mut headers)?;
        let secret = self.secrets.inject(&target, scope, grants, &mut headers);
        let host = target.authority();

        let body = RequestBody::new(outgoing.body, declared, self.limits.request_body, clock)?;
        let mut request = Request::new(body);
        *request.method_mut() = target.method().clone();
        *request.uri_mut() = target.uri().map_err(|source| self.refusal(source, &host))?;
        *request.headers_mut() = headers;

        let response = self.exchange(request, &host, outgoing.timeouts, clock).await?;
        let response = self.admit(response, secret)?;
        let between = narrower(outgoing.timeouts.between_bytes, self.limits.between_bytes);
        Ok(response.map(|body| Body::new(body, place, &self.secrets, &self.limits, (between, clock), host)))
    }

    /// Connection and head, each within its time.
    async fn exchange(
        &self,
        mut request: Request<RequestBody>,
        host: &str,
        timeouts: Timeouts,
        clock: Clock,
    ) -> Result<Response<Incoming>, Refusal> {
        let mut captured = capture_connection(&mut request);
        let mut answer = pin!(self.client.request(request));
        let connected = async {
            tokio::select! {
                biased;
                answer = &mut answer => Some(answer),
                () = async { drop(captured.wait_for_connection_metadata().await) } => None,
            }
        };
        let connect = narrower(timeouts.connect, self.limits.connect);
        let answer = match clock.within(Phase::Connect, connect, connected).await? {
            Some(answer) => answer,
            None => {
                let first_byte = narrower(timeouts.first_byte, self.limits.first_byte);
                clock.within(Phase::FirstByte, first_byte, answer).await?
            }
        };
        answer.map_err(|error| {
            if error.is_connect() { Refusal::from_connecting(error, host) } else { self.refusal(error, host) }
        })
    }

    /// Checks an answer's head, and leaves in it what the guest may see.
    fn admit(&self, mut response: Response<Incoming>, secret: bool) -> Result<Response<Incoming>, Refusal> {
        let has_body = !response.body().is_end_stream();
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Refusal::Answer("the server wants another protocol, which was not asked for"));
        }
        let headers = response.headers();
        // The library notices only when its buffer is full, which may be a second one.
        let head: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + HEADER_OVERHEAD).sum();
        if head > self.limits.response_head {
            return Err(Refusal::TooLarge { part: Part::ResponseHead, limit: self.limits.response_head as u64 });
        }
        if headers.get_all(TRANSFER_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"chunked")) {
            return Err(Refusal::Answer("its transfer-encoding is other than chunked, which was not asked for"));
        }
        let packed =
            headers.get_all(CONTENT_ENCODING).iter().find(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
        if let Some(packed) = packed.filter(|_| secret && has_body) {
            let found = self.secrets.redactor().known_bytes(packed.as_bytes());
            return Err(Refusal::Encoded { found: String::from_utf8_lossy(&found).into_owned() });
        }
        let size = self.limits.response_body;
        if has_body && response.body().size_hint().lower() > size {
            return Err(Refusal::TooLarge { part: Part::ResponseBody, limit: size });
        }
        // The client's notes, such as the server's own words for the status.
        response.extensions_mut().clear();
        let headers = response.headers_mut();
        headers::incoming(headers, self.secrets.redactor());
        if has_body && !self.secrets.is_empty() {
            // Redaction may change it.
            headers.remove(CONTENT_LENGTH);
        }
        Ok(response)
    }

    fn refusal(&self, error: impl Error + Send + Sync + 'static, host: &str) -> Refusal {
        Refusal::from_exchange(&error, host, self.limits.response_head as u64, self.secrets.redactor())
    }
}

/// The scope that lets the target through.
fn permitted<'a>(target: &Target, grants: &'a Grants) -> Result<&'a HttpScope, Refusal> {
    let scope = grants
        .allows_http(&target.as_granted())
        .ok_or_else(|| Refusal::Denied { request: target.to_string(), needed: target.needed() })?;
    // No wildcard matches an address or localhost. Should one ever do, it still leads to no private address.
    let private = target.address().and_then(|address| Some((address, not_public(address)?)));
    match private {
        Some((address, kind)) if !scope.names_address() => {
            Err(Refusal::Address { host: target.authority(), address, kind })
        }
        _ => Ok(scope),
    }
}

fn narrower(asked: Option<Duration>, limit: Duration) -> Duration {
    asked.map_or(limit, |asked| asked.min(limit))
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("secrets", &self.secrets).field("limits", &self.limits).finish_non_exhaustive()
    }
}
