//! What waits for a person.

use axum::Json;
use serde::Deserialize;
use serde_json::{Map, Value};
use skillhost_access::Identity;
use skillhost_lifecycle::{Approval, DecideError};
use skillhost_types::{Grant, GrantError};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Body, Path, Query, bad};
use super::schemas;
use crate::access::Admin;
use crate::problem::Problem;
use crate::shared::State;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Also what was decided
    #[serde(default)]
    #[param(required = false, default = false)]
    all: bool,
}

/// What is approved.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Approve {
    /// Only these grants, `CAPABILITY SCOPE`, each within what is asked for; without the field, all that is asked for
    #[schema(example = json!(["blackboard.read notes:*"]))]
    only: Option<Vec<String>>,
}

/// What waits for a person, the oldest first
///
/// As `skillhost approvals --json` prints it.
#[utoipa::path(get, path = "/api/approvals", operation_id = "listApprovals", tag = "approvals", params(Asked),
    responses(
        (status = 200, description = "The queue", body = Vec<schemas::Approval>),
        (status = 400, description = "The query cannot be read"),
    ))]
pub(super) async fn list(
    shared: State,
    _: Admin,
    Query(Asked { all }): Query<Asked>,
) -> Result<Json<Vec<Value>>, Problem> {
    let host = shared.app()?.host.clone();
    let approvals = super::blocking(move || host.approvals(all)).await?;
    Ok(Json(approvals.iter().map(Approval::listed).collect()))
}

/// Says yes to what waits, to all of it or to a part
#[utoipa::path(post, path = "/api/approvals/{id}/approve", operation_id = "approve", tag = "approvals",
    params(("id" = String, Path, description = "Its name in the queue")),
    request_body(content = Approve, description = "May be left out"),
    responses(
        (status = 200, description = "It is approved", body = schemas::Approval),
        (status = 400, description = "The body cannot be read, or names a grant that was not asked for"),
        (status = 404, description = "There is no such approval"),
        (status = 409, description = "It waits no more"),
    ))]
pub(super) async fn approve(
    shared: State,
    Admin(identity): Admin,
    Path(id): Path<String>,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    let only = only(&body)?;
    let by = by(&identity);
    let host = shared.app()?.host.clone();
    decided(async move { host.approve(&id, only, &by).await }).await
}

/// Says no to what waits
#[utoipa::path(post, path = "/api/approvals/{id}/reject", operation_id = "reject", tag = "approvals",
    params(("id" = String, Path, description = "Its name in the queue")),
    responses(
        (status = 200, description = "It is rejected", body = schemas::Approval),
        (status = 404, description = "There is no such approval"),
        (status = 409, description = "It waits no more"),
    ))]
pub(super) async fn reject(
    shared: State,
    Admin(identity): Admin,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let by = by(&identity);
    let host = shared.app()?.host.clone();
    decided(async move { host.reject(&id, &by).await }).await
}

fn only(body: &[u8]) -> Result<Option<Vec<Grant>>, Problem> {
    if body.is_empty() {
        return Ok(None);
    }
    let wrong = |error| bad(format!("the body is `{{\"only\": [\"CAPABILITY SCOPE\", …]}}`, and this is not: {error}"));
    // As an object first: serde would take `[]` for one without fields, and that approves everything.
    let fields: Map<String, Value> = serde_json::from_slice(body).map_err(wrong)?;
    let Approve { only } = serde_json::from_value(Value::Object(fields)).map_err(wrong)?;
    let grant = |text: String| text.parse().map_err(|error: GrantError| bad(error.to_string()));
    only.map(|only| only.into_iter().map(grant).collect()).transpose()
}

/// Who decides, for the record.
fn by(identity: &Identity) -> String {
    format!("http:{}", identity.name)
}

/// What came of a decision. It is taken to its end also if whoever took it does not wait.
async fn decided(
    decision: impl Future<Output = Result<Approval, DecideError>> + Send + 'static,
) -> Result<Json<Value>, Problem> {
    match tokio::spawn(decision).await.map_err(Problem::internal)? {
        Ok(approval) => Ok(Json(approval.listed())),
        Err(error @ DecideError::NotFound(_)) => Err(Problem::not_found(error.to_string())),
        Err(error @ DecideError::Late(_)) => Err(Problem::new(http::StatusCode::CONFLICT, error.to_string())),
        Err(error @ DecideError::NotAsked { .. }) => Err(bad(error.to_string())),
        Err(error @ DecideError::Store(_)) => Err(Problem::internal(error)),
    }
}
