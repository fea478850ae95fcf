//! Past runs.

use axum::Json;
use skillhost_events::{Page, RunQuery};
use skillhost_types::{RunId, RunRecord, shown};

use super::extract::{Part, Path, Query};
use super::schemas::Run;
use crate::access::Viewer;
use crate::log::REACH;
use crate::problem::Problem;
use crate::shared::State;

/// Past runs of the token's tenant, newest first
///
/// As `skillhost runs --json` prints them. Long outputs are not kept: `output` is then `null` of a run that is `ok`. A look takes
/// in a part of the log: `Link` says where the same one goes on, also if nothing was found.
#[utoipa::path(get, path = "/api/runs", operation_id = "listRuns", tag = "runs",
    params(
        ("skill" = Option<String>, Query, description = "Only of this skill"),
        ("before" = Option<u64>, Query, description = "Only those before this position of the event log"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "So many at the most; 100 if nothing is said"),
    ),
    responses(
        (status = 200, description = "The last runs", body = Vec<Run>, headers(
            ("Link" = Option<String>, description = "The address to go on with, as `<…>; rel=\"next\"`, where there may be more"))),
        (status = 400, description = "The query cannot be read"),
        (status = 503, description = "The host is starting or stopping, or too many read the log at once"),
    ))]
pub(super) async fn list(shared: State, Viewer(identity): Viewer, query: Query) -> Result<Part<RunRecord>, Problem> {
    let query = query.of(&["skill", "before", "limit"])?;
    let skill: Option<String> = query.one("skill", "a name")?;
    let (before, limit) = (query.position("before")?, query.limit()?);
    let page = shared.app()?.log.read(move |log| {
        let query = RunQuery { skill: skill.as_deref(), tenant: identity.tenants.only(), before, limit, ok: None };
        log.runs_page(&query, REACH)
    });
    let Page { found, next } = page.await?;
    Ok(Part::new(found, &query, "before", next))
}

/// One run with its host calls
///
/// As `skillhost show RUN --json` prints it.
#[utoipa::path(get, path = "/api/runs/{run}", operation_id = "showRun", tag = "runs",
    params(("run" = String, Path, description = "Its name, a ULID")),
    responses(
        (status = 200, description = "The run", body = Run),
        (status = 404, description = "There is no such run on record, or it is another tenant's"),
    ))]
pub(super) async fn show(
    shared: State,
    Viewer(identity): Viewer,
    Path(run): Path<String>,
) -> Result<Json<RunRecord>, Problem> {
    let missing = || {
        Problem::not_found(format!(
            "there is no run `{}` on record; `GET /api/runs` lists them. A call that was refused before it ran (`denied`, \
             `not-found`) has a name and no record",
            shown(&run)
        ))
    };
    let id: RunId = run.parse().map_err(|_| missing())?;
    let found = shared.app()?.log.read(move |log| log.run(id)).await?;
    found.filter(|record| identity.tenants.sees(&record.tenant)).map(Json).ok_or_else(missing)
}
