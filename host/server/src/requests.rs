//! How many requests there were, how long their answers took to begin, and the span of each.
//!
//! Contract: they are told apart by the route's template and the class of the status, so there are as many counts as the host
//! has routes, whatever paths are asked for. Price: a short lock per request.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::{Method, StatusCode};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

use crate::guard;
use crate::shared::{Shared, State};

/// The route of what no route is for.
const NOWHERE: &str = "none";

/// Where a request says which trace it belongs to, as the W3C has it.
const TRACE_PARENT: &str = "traceparent";

/// Routes that are looked at all the time.
const UNTRACED: [&str; 3] = ["/health", "/ready", "/metrics"];

/// Methods that have a name in a trace.
const KNOWN: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// Puts a span into the trace that a `traceparent` header names.
pub(crate) type Adopt = fn(&Span, &str);

/// Upper bounds of the buckets of times, in microseconds: from a page of the memory to a tool that waits for a model.
pub(crate) const BUCKETS: [u64; 9] = [500, 1_000, 5_000, 10_000, 50_000, 250_000, 1_000_000, 5_000_000, 30_000_000];

/// The classes of a status, in order.
pub(crate) const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What was asked, by route.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<BTreeMap<Box<str>, Route>>);

/// What was asked of one route.
#[derive(Debug, Clone, Default)]
pub(crate) struct Route {
    /// Answers, by [`CLASSES`].
    pub(crate) answers: [u64; CLASSES.len()],
    /// Answers by how long they took: in the first of [`BUCKETS`] that is not below it, or in none.
    pub(crate) took: [u64; BUCKETS.len()],
    /// How long all took together, in microseconds.
    pub(crate) took_us: u64,
}

impl Requests {
    /// What was asked so far.
    pub(crate) fn routes(&self) -> BTreeMap<Box<str>, Route> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, route: &str, status: StatusCode, took_us: u64) {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match routes.get_mut(route) {
            Some(route) => route.count(status, took_us),
            None => routes.entry(route.into()).or_default().count(status, took_us),
        }
    }
}

impl Route {
    fn count(&mut self, status: StatusCode, took_us: u64) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(answers) = self.answers.get_mut(class) {
            *answers += 1;
        }
        if let Some((_, bucket)) = BUCKETS.iter().zip(&mut self.took).find(|(bound, _)| took_us <= **bound) {
            *bucket += 1;
        }
        self.took_us = self.took_us.saturating_add(took_us);
    }
}

/// Counts a request, whatever becomes of it, and has it answered. What every request goes through is one layer: each costs a box.
pub(crate) async fn counted(shared: State, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or(NOWHERE, MatchedPath::as_str);
    let span = span(&shared, &request, route);
    let started = Instant::now();
    let response = guard::guarded(&shared, request, next).instrument(span.clone()).await;
    let took_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let status = response.status();
    shared.requests.count(route, status, took_us);
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    response
}

/// The span of a request, in the trace of whoever sent it. What is asked all the time has none.
fn span(shared: &Shared, request: &Request, route: &str) -> Span {
    if UNTRACED.contains(&route) {
        return Span::none();
    }
    // A stranger's methods are as many as a stranger likes.
    let method = KNOWN.iter().find(|known| *known == request.method()).map_or("_OTHER", Method::as_str);
    let span = info_span!(
        "http_server",
        otel.name = %format_args!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
    );
    let came_from = request.headers().get(TRACE_PARENT).and_then(|value| value.to_str().ok());
    if let (false, Some(came_from), Some(adopt)) = (span.is_disabled(), came_from, shared.adopt.get()) {
        adopt(&span, came_from);
    }
    span
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use http::header::HOST;
    use skillhost_lifecycle::Config;
    use tower::ServiceExt as _;

    use super::*;
    use crate::listener::Connected;

    #[tokio::test]
    async fn requests_are_counted_by_route_and_class_whatever_paths_are_asked_for() {
        let shared = Arc::new(Shared::new(&Config::default()).unwrap());
        let router = Router::new()
            .route("/skills/{skill}", get(async || "here"))
            .fallback(async || StatusCode::NOT_FOUND)
            .layer(axum::middleware::from_fn_with_state(shared.clone(), counted))
            .with_state(shared.clone());
        for number in 0..50 {
            for path in [format!("/skills/{number}"), format!("/{number}")] {
                let connected = Connected { peer: Ipv4Addr::LOCALHOST.into(), here: None };
                let request = Request::builder().uri(path).header(HOST, "localhost").extension(connected);
                let request = request.body(Body::empty()).unwrap();
                router.clone().oneshot(request).await.unwrap();
            }
        }
        let routes = shared.requests.routes();
        assert_eq!(routes.keys().map(|route| &**route).collect::<Vec<_>>(), ["/skills/{skill}", "none"]);
        assert_eq!(routes["/skills/{skill}"].answers, [0, 50, 0, 0, 0]);
        assert_eq!(routes["none"].answers, [0, 0, 0, 50, 0]);
    }
}
