//! What is absorbed.

use axum::Json;
use serde_json::Value;
use skillhost_lifecycle::Entry;
use skillhost_types::shown;

use super::extract::Path;
use super::schemas::{Inspected, Listed};
use crate::access::Viewer;
use crate::problem::Problem;
use crate::shared::State;

/// What lies in the drop folder, and what became of it
///
/// As `skillhost list --json` prints it.
#[utoipa::path(get, path = "/api/skills", operation_id = "listSkills", tag = "skills",
    responses((status = 200, description = "All entries", body = Vec<Listed>)))]
pub(super) async fn list(shared: State, _: Viewer) -> Result<Json<Vec<Value>>, Problem> {
    Ok(Json(shared.app()?.host.entries().iter().map(Entry::listed).collect()))
}

/// One skill: its tools, imports, wants and grants
///
/// As `skillhost inspect --json` prints it.
#[utoipa::path(get, path = "/api/skills/{skill}", operation_id = "inspectSkill", tag = "skills",
    params(("skill" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "The skill", body = Inspected),
        (status = 404, description = "There is no such skill"),
    ))]
pub(super) async fn inspect(shared: State, _: Viewer, Path(skill): Path<String>) -> Result<Json<Value>, Problem> {
    let entries = shared.app()?.host.entries();
    let entry = entries.iter().find(|entry| entry.name == skill);
    entry.map(|entry| Json(entry.inspected())).ok_or_else(|| {
        Problem::not_found(format!("there is no skill `{}`; `GET /api/skills` shows what there is", shown(&skill)))
    })
}
