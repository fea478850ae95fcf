//! What requests say, decoded; what cannot be decoded is told as a problem like everything else.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::Problem;
use crate::shared::Shared;

/// Most that a list gives at once: a page that any client holds in memory.
pub(super) const LARGEST_PAGE: usize = 1_000;

/// What a list gives when nobody says how much: what the command line shows.
pub(super) const USUAL_PAGE: usize = 100;

/// The names in the path.
pub(super) struct Path<T>(pub(super) T);

/// The query.
pub(super) struct Query<T>(pub(super) T);

/// The whole body.
pub(super) struct Body(pub(super) Bytes);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Shared>> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let path = axum::extract::Path::from_request_parts(parts, shared).await;
        // All names are texts, so what does not decode is no text, and nothing is called that.
        path.map(|path| Self(path.0)).map_err(|error| Problem::not_found(format!("nothing has this path: {error}")))
    }
}

impl<T: DeserializeOwned> FromRequestParts<Arc<Shared>> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let query = axum::extract::Query::from_request_parts(parts, shared).await;
        query
            .map(|query| Self(query.0))
            .map_err(|error| bad(format!("the query cannot be read: {}", error.body_text())))
    }
}

impl FromRequest<Arc<Shared>> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Problem> {
        // One that is too large or too slow is the guard's to tell of.
        let body = Bytes::from_request(request, shared).await;
        body.map(Self).map_err(|error| bad(format!("the body did not arrive: {}", error.body_text())))
    }
}

/// What the client got wrong.
pub(super) fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

/// How much of a list is asked for.
pub(super) fn page(limit: Option<usize>) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(USUAL_PAGE);
    if (1..=LARGEST_PAGE).contains(&limit) {
        return Ok(limit);
    }
    Err(bad(format!("`limit` is a number from 1 to {LARGEST_PAGE}; the next page begins where this one ends")))
}
