//! `/health` and `/ready`: open to all.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use skillhost_lifecycle::{Part, Parts, Status};

use crate::shared::{Shared, State};

#[derive(Serialize)]
struct Health {
    status: Status,
    parts: Parts,
}

fn parts(shared: &Shared) -> Parts {
    let starting = || Parts::from([("host", Part::not(Status::Starting, "the data directory is being opened"))]);
    let mut parts = shared.opened().map_or_else(starting, |app| app.host.parts());
    if shared.stopping.is_cancelled() {
        parts.insert("host", Part::not(Status::Unavailable, "it is stopping"));
    }
    parts
}

/// It lives, and how its parts fare.
pub(crate) async fn health(shared: State) -> Response {
    let parts = parts(&shared);
    let well = parts.values().all(|part| part.status == Status::Ok);
    Json(Health { status: if well { Status::Ok } else { Status::Degraded }, parts }).into_response()
}

/// It serves everything that it is to serve.
pub(crate) async fn ready(shared: State) -> Response {
    let parts = parts(&shared);
    let well = parts.values().all(|part| part.status == Status::Ok);
    let ready = parts.values().all(|part| matches!(part.status, Status::Ok | Status::Degraded));
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Health { status: if well { Status::Ok } else { Status::Degraded }, parts })).into_response()
}
