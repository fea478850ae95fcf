//! `wasi:http/outgoing-handler`: requests through the network's guard.
//!
//! A request is a host call like others: counted by the engine, within the run's deadline, and on record with its outcome.

use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::BodyExt as _;
use skillhost_network::{Network, Outgoing, Part, Phase, Refusal, Timeouts};
use skillhost_types::{Capability, HostCallRecord};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument as _, info_span};
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks};

use crate::call::{mark, record, shown};
use crate::context::SkillInfo;

/// What sends a run's requests.
pub(crate) struct Sender {
    /// None where the run holds no grant of any: nothing is behind the interface then.
    reach: Option<(Arc<Network>, Arc<SkillInfo>)>,
    started: Instant,
    deadline: Instant,
    /// Requests that may still be sent.
    pub(crate) left: u64,
    /// Requests that were sent and are not counted yet.
    pub(crate) sent: u64,
    calls: Arc<Mutex<Vec<HostCallRecord>>>,
}

impl Sender {
    pub(crate) fn new(network: &Arc<Network>, skill: &Arc<SkillInfo>, deadline: Instant) -> Self {
        let holds = skill.grants.of(Capability::HttpRequest).next().is_some();
        Self {
            reach: holds.then(|| (network.clone(), skill.clone())),
            started: Instant::now(),
            deadline,
            left: 0,
            sent: 0,
            calls: Arc::default(),
        }
    }

    /// The requests that were made, as far as they came to an outcome.
    pub(crate) fn into_calls(self) -> Vec<HostCallRecord> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

type Io = Box<dyn Future<Output = Result<()>> + Send>;

impl WasiHttpHooks for Sender {
    fn set_host_header(&mut self) -> bool {
        // The network's client writes it, from the target that was checked.
        false
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Io,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Io)>> + Send> {
        if self.left == 0 {
            return Box::new(async { Err(Error::ConnectionLimitReached) });
        }
        self.left -= 1;
        self.sent += 1;
        let reach = self.reach.clone();
        let (started, deadline, calls) = (self.started, self.deadline, self.calls.clone());
        Box::new(async move {
            let at = Instant::now();
            let (parts, body) = request.into_parts();
            // Without the query, which may hold what is nobody's business.
            let uri = &parts.uri;
            let authority = uri.authority().map_or("", |authority| authority.as_str());
            let scheme = uri.scheme_str().unwrap_or("https");
            let what = format!("{} {scheme}://{authority}{}", parts.method, uri.path());
            let span = info_span!(
                "http_request",
                otel.name = %parts.method,
                otel.kind = "client",
                otel.status_code = Empty,
                http.request.method = %parts.method,
                server.address = uri.host(),
                http.response.status_code = Empty,
                outcome = Empty,
                error.type = Empty,
            );
            let sent = match reach {
                Some((network, skill)) => {
                    let outgoing = Outgoing {
                        method: parts.method,
                        scheme,
                        authority,
                        path_and_query: uri.path_and_query().map_or("/", |path| path.as_str()),
                        headers: parts.headers,
                        body,
                        deadline,
                        timeouts: timeouts(options),
                    };
                    network.send(outgoing, &skill.grants).instrument(span.clone()).await
                }
                None => Err(Refusal::Denied { request: what.clone(), needed: format!("http.request {what}") }),
            };
            if !span.is_disabled() {
                mark(&span, sent.as_ref().err().map(|refusal| word(refusal)));
                if let Ok(response) = &sent {
                    span.record("http.response.status_code", response.status().as_u16());
                }
            }
            let call =
                record("http.request", &what, started, at, sent.as_ref().err().map(|refusal| refusal.to_string()));
            let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
            if calls.len() < shown::CALLS {
                calls.push(call);
            }
            let response = sent.map_err(|refusal| error(&refusal))?;
            let response = response.map(|body| body.map_err(|refusal| error(&refusal)).boxed_unsync());
            Ok((response, Box::new(async { Ok(()) }) as Io))
        })
    }
}

fn timeouts(options: Option<RequestOptions>) -> Timeouts {
    let RequestOptions { connect_timeout, first_byte_timeout, between_bytes_timeout } = options.unwrap_or_default();
    Timeouts { connect: connect_timeout, first_byte: first_byte_timeout, between_bytes: between_bytes_timeout }
}

/// The contract's word for a refusal, in a span.
fn word(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Target(_) => "invalid",
        Refusal::Denied { .. } | Refusal::Address { .. } => "denied",
        Refusal::TooLarge { .. } | Refusal::Length { .. } | Refusal::RequestBody(_) | Refusal::Busy { .. } => "limit",
        _ => "unavailable",
    }
}

/// The standard's word for a refusal.
fn error(refusal: &Refusal) -> Error {
    match refusal {
        Refusal::Target(_) => Error::HttpRequestUriInvalid,
        Refusal::Denied { .. } => Error::HttpRequestDenied,
        Refusal::Address { .. } => Error::DestinationIpProhibited,
        Refusal::Dns { .. } | Refusal::NoAddress { .. } => Error::DnsError { rcode: None, info_code: None },
        Refusal::Connect { .. } => Error::ConnectionRefused,
        Refusal::Tls { .. } => Error::TlsProtocolError,
        Refusal::Timeout { phase, .. } => match phase {
            Phase::Lookup => Error::DnsTimeout,
            Phase::Connect => Error::ConnectionTimeout,
            Phase::FirstByte | Phase::Total => Error::HttpResponseTimeout,
            Phase::BetweenBytes => Error::ConnectionReadTimeout,
        },
        Refusal::TooLarge { part, limit } => match part {
            Part::RequestBody => Error::HttpRequestBodySize(Some(*limit)),
            Part::ResponseHead => Error::HttpResponseHeaderSectionSize(u32::try_from(*limit).ok()),
            Part::ResponseBody => Error::HttpResponseBodySize(Some(*limit)),
        },
        Refusal::Length { .. } | Refusal::RequestBody(_) => Error::HttpRequestBodySize(None),
        Refusal::Encoded { found } => Error::HttpResponseContentCoding(Some(found.clone())),
        Refusal::Busy { .. } => Error::ConnectionLimitReached,
        Refusal::Answer(_) | Refusal::Protocol { .. } => Error::HttpProtocolError,
    }
}
