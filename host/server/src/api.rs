//! `/api`: what the command line prints, over HTTP, and its description as OpenAPI.
//!
//! Contract: what is asked is decoded here and decided by the host; a list is an array of the objects that the command line
//! prints, and whatever goes wrong is told as `application/problem+json`. There is no route without its description. Price: a
//! look at the token; what reads a database does so beside the executor.

mod answers;
mod approvals;
mod elsewhere;
mod events;
mod extract;
mod openapi;
mod runs;
mod schemas;
mod skills;
mod spending;
#[cfg(test)]
mod tests;
mod tools;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::answers::Answers;
use crate::shared::Shared;

fn described() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(skills::list))
        .routes(routes!(skills::inspect))
        .routes(routes!(tools::call))
        .routes(routes!(runs::list))
        .routes(routes!(runs::show))
        .routes(routes!(events::list))
        .routes(routes!(approvals::list))
        .routes(routes!(approvals::approve))
        .routes(routes!(approvals::reject))
        .routes(routes!(spending::agents))
        .routes(routes!(spending::budget))
        .routes(routes!(spending::ledger))
}

pub(crate) fn routes() -> Router<Arc<Shared>> {
    let (router, described) = described().split_for_parts();
    let document = openapi::document(described);
    router.route("/api/openapi.json", get(async move || json(StatusCode::OK, document.clone())))
}

/// A body that is JSON already.
fn json(status: StatusCode, body: Bytes) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], Body::from(body)).into_response()
}
