//! Every path there is, and what stands before all of them.
//!
//! Contract: whatever comes in is counted, guarded and bounded before a handler sees it, also where there is no handler; a
//! handler that panics is an answer with 500, and nobody else's matter.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use http::StatusCode;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;

use crate::problem::Problem;
use crate::shared::Shared;
use crate::{api, dashboard, feed, guard, health, mcp, metrics, requests};

pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .route("/ws", get(feed::feed))
        .merge(api::routes())
        .merge(mcp::routes())
        .merge(dashboard::routes())
        .fallback(dashboard::nowhere)
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "not with this method; `Allow` says with which")
        })
        // As one: each layer that a router is given costs every request a box. Bodies are bounded by the guard, whoever reads them.
        .layer(
            ServiceBuilder::new()
                .layer(axum::middleware::from_fn_with_state(shared.clone(), requests::counted))
                .layer(CatchPanicLayer::custom(guard::panicked))
                .layer(DefaultBodyLimit::disable()),
        )
        .with_state(shared)
}
