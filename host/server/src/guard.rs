//! What every request must have before anybody looks at it, and what every answer has.
//!
//! Contract: no web page of another site reaches a handler, by whatever name it calls this host ([`site`]); no body is larger or
//! slower than configured ([`body`]). Price: one boxed future, and a few comparisons of short texts.

mod body;
mod site;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue};

use crate::access;
use crate::problem::Problem;
use crate::shared::Shared;

pub(crate) use site::Site;

/// What is said to browsers with every answer, unless the handler says otherwise. Not `no-referrer`: under that, browsers send
/// `Origin: null` with the forms of our own pages.
const ALWAYS: [(HeaderName, HeaderValue); 2] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
];

/// Has a request answered by `next`, if it may be.
pub(crate) async fn guarded(shared: &Shared, request: Request, next: Next) -> Response {
    let private = request.uri().path().starts_with("/api/");
    let answer = admit(shared, request, next).await;
    let mut answer = answer.unwrap_or_else(Problem::into_response);
    let headers = answer.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(value);
    }
    if private {
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    answer
}

async fn admit(shared: &Shared, request: Request, next: Next) -> Result<Response, Problem> {
    shared.site.check(&request)?;
    let known = |headers: &HeaderMap| access::is_known(shared, headers);
    body::bounded(request, shared.max_body, shared.http.body_timeout, known, next).await
}

/// What the client hears when a handler panics: the log has the rest.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::internal("a handler panicked").into_response()
}
