//! Past runs.

use axum::Json;
use serde::Deserialize;
use skillhost_events::RunQuery;
use skillhost_types::{RunId, RunRecord};
use utoipa::IntoParams;

use super::extract::{self, Path, Query};
use super::schemas::Run;
use super::skills::shown;
use crate::access::Viewer;
use crate::problem::Problem;
use crate::shared::State;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only of this skill
    skill: Option<String>,
    /// So many at the most
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
}

/// Past runs of the token's tenant, newest first
///
/// As `skillhost runs --json` prints them. Long outputs are not kept: `output` is then `null` of a run that is `ok`.
#[utoipa::path(get, path = "/api/runs", operation_id = "listRuns", tag = "runs", params(Asked),
    responses(
        (status = 200, description = "The last runs", body = Vec<Run>),
        (status = 400, description = "The query cannot be read"),
    ))]
pub(super) async fn list(
    shared: State,
    Viewer(identity): Viewer,
    Query(asked): Query<Asked>,
) -> Result<Json<Vec<RunRecord>>, Problem> {
    let limit = extract::page(asked.limit)?;
    let host = shared.app()?.host.clone();
    let runs = super::blocking(move || {
        let tenant = identity.tenants.only();
        host.events().runs(&RunQuery { skill: asked.skill.as_deref(), tenant, limit })
    });
    Ok(Json(runs.await?))
}

/// One run with its host calls
///
/// As `skillhost show RUN --json` prints it.
#[utoipa::path(get, path = "/api/runs/{run}", operation_id = "showRun", tag = "runs",
    params(("run" = String, Path, description = "Its name, a ULID")),
    responses(
        (status = 200, description = "The run", body = Run),
        (status = 404, description = "There is no such run, or it is another tenant's"),
    ))]
pub(super) async fn show(
    shared: State,
    Viewer(identity): Viewer,
    Path(run): Path<String>,
) -> Result<Json<RunRecord>, Problem> {
    let host = shared.app()?.host.clone();
    let missing = || Problem::not_found(format!("there is no run `{}`; `GET /api/runs` lists them", shown(&run)));
    let id: RunId = run.parse().map_err(|_| missing())?;
    let found = super::blocking(move || host.events().run(id)).await?;
    found.filter(|record| identity.tenants.sees(&record.tenant)).map(Json).ok_or_else(missing)
}
