//! `/mcp`: streamable HTTP.
//!
//! Contract: nothing is looked at of a request without a good token. A body that is no message is answered as JSON-RPC says; a
//! stream of the older era ends when the host stops, and calls are waited for. Price: the body once in memory, decoded twice.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::StreamExt as _;
use http::header::HOST;
use http::request::Parts;
use http::{Method, StatusCode};
use http_body_util::{BodyDataStream, BodyExt as _, Full};
use rmcp::model::JsonRpcError;
use rmcp::transport::streamable_http_server::session::SessionManager as _;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use skillhost_access::Tokens;
use skillhost_lifecycle::Host;

use super::Mcp;
use super::handler::Handler;
use super::sessions::{ASKS, Sessions};
use super::who::Who;
use super::wire::{self, Incoming};
use crate::access;
use crate::problem::Problem;
use crate::shared::{Shared, State};

/// Says which session a request is of.
const SESSION: &str = "mcp-session-id";

/// The protocol over HTTP.
pub(crate) struct Http {
    service: StreamableHttpService<Handler, Sessions>,
    sessions: Arc<Sessions>,
    mcp: Arc<Mcp>,
}

impl Http {
    pub(crate) fn new(host: Host, tokens: Tokens, shared: &Shared) -> Self {
        let mcp = Mcp::new(host, shared.mcp.clone(), shared.calls.clone(), shared.stopping.clone());
        let mcp = Arc::new(Mcp { tokens: Some(tokens), ..mcp });
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(true)
            .with_json_response(true)
            .with_max_request_body_bytes(shared.max_body)
            // `guard` has looked at both by the one list that there is; a second list could only contradict it.
            .disable_allowed_hosts()
            .disable_allowed_origins();
        let own = mcp.clone();
        let handler = move || Ok(Handler::new(own.clone(), None));
        let sessions = Arc::<Sessions>::default();
        Self { service: StreamableHttpService::new(handler, sessions.clone(), config), sessions, mcp }
    }
}

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/mcp", post(serve).get(serve).delete(serve))
}

async fn serve(shared: State, request: Request) -> Result<Response, Problem> {
    let app = shared.app()?;
    let (mut parts, body) = request.into_parts();
    let identity = access::identity(app, &parts.headers)?;
    // `guard` bounds it, and says what was wrong with one that does not come to its end.
    let body =
        body.collect().await.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?.to_bytes();
    if parts.method == Method::POST && is_json(&parts) {
        match wire::read(&body) {
            Incoming::Message(_) => {}
            Incoming::Nothing => return Ok(StatusCode::ACCEPTED.into_response()),
            Incoming::Wrong(error) => return Ok(wrong(&error)),
        }
    }
    // The library below would end it without asking whose it is, and say so of none.
    let session = parts.headers.get(SESSION).and_then(|id| id.to_str().ok());
    if let (&Method::DELETE, Some(session)) = (&parts.method, session) {
        let there = ASKS.scope(identity.clone(), app.mcp.sessions.has_session(&session.into())).await;
        if !there.map_err(Problem::internal)? {
            return Ok((StatusCode::NOT_FOUND, "there is no such session").into_response());
        }
    }
    let address = address(&parts, &shared);
    let who = Who { identity: Some(identity.clone()), address };
    parts.extensions.insert(who.clone());
    let method = parts.method.clone();
    let request = Request::from_parts(parts, Full::new(body));
    let response = ASKS.scope(identity, app.mcp.service.handle(request)).await;
    Ok(match method {
        // A stream without an end would keep the host from stopping, and outlive its token; answers are waited for.
        Method::GET => response.map(|body| {
            let mcp = app.mcp.mcp.clone();
            Body::from_stream(BodyDataStream::new(body).take_until(Box::pin(async move { mcp.over(&who).await })))
        }),
        // The session has ended, and is not about to: clients take the one and complain of the other.
        Method::DELETE if response.status() == StatusCode::ACCEPTED => StatusCode::NO_CONTENT.into_response(),
        _ => response.map(Body::new),
    })
}

/// What is no JSON by its own word is refused further on.
fn is_json(parts: &Parts) -> bool {
    let kind = parts.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn wrong(error: &JsonRpcError) -> Response {
    (StatusCode::BAD_REQUEST, axum::Json(error)).into_response()
}

/// Under which address the client reaches this host. `guard` has found it to be one of this host's.
fn address(parts: &Parts, shared: &Shared) -> Option<Arc<str>> {
    let named = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = named.or_else(|| parts.uri.authority().map(|authority| authority.as_str()))?;
    let scheme = if shared.http.tls.is_some() { "https" } else { "http" };
    Some(format!("{scheme}://{host}").into())
}
