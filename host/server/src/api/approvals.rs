//! What waits for a person.

use axum::Json;
use serde::Deserialize;
use serde_json::{Map, Value};
use skillhost_lifecycle::Approval;
use skillhost_types::{Grant, GrantError};
use utoipa::ToSchema;

use super::extract::{Body, Path, Query, bad};
use super::schemas;
use crate::access::Admin;
use crate::deciding::{Word, decide};
use crate::problem::{Problem, blocking};
use crate::shared::State;

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
#[utoipa::path(get, path = "/api/approvals", operation_id = "listApprovals", tag = "approvals",
    params(("all" = Option<bool>, Query, description = "Also what was decided")),
    responses(
        (status = 200, description = "The queue", body = Vec<schemas::Approval>),
        (status = 400, description = "The query cannot be read"),
    ))]
pub(super) async fn list(shared: State, _: Admin, query: Query) -> Result<Json<Vec<Value>>, Problem> {
    let all = query.of(&["all"])?.one("all", "`true` or `false`")?.unwrap_or(false);
    let host = shared.app()?.host.clone();
    let approvals = blocking(move || host.approvals(all)).await?;
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
    let word = Word::Approve(only(&body)?);
    let decided = decide(shared.app()?.host.clone(), &identity, id, word).await?;
    Ok(Json(decided.listed()))
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
    let decided = decide(shared.app()?.host.clone(), &identity, id, Word::Reject).await?;
    Ok(Json(decided.listed()))
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
