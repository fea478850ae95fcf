//! The agents, and what is spent and left.

use axum::Json;
use skillhost_lifecycle::{AgentInfo, LedgerEntry, Standing};

use super::extract::Query;
use super::schemas;
use crate::access::Viewer;
use crate::problem::{Problem, blocking};
use crate::shared::State;

/// The agents of the token's tenant
///
/// As `skillhost agents --json` prints them.
#[utoipa::path(get, path = "/api/agents", operation_id = "listAgents", tag = "agents",
    responses((status = 200, description = "The agents", body = Vec<schemas::Agent>)))]
pub(super) async fn agents(shared: State, Viewer(identity): Viewer) -> Result<Json<Vec<AgentInfo>>, Problem> {
    let mut agents = shared.app()?.host.agents().await.map_err(Problem::internal)?;
    agents.retain(|agent| agent.tenant.parse().is_ok_and(|tenant| identity.tenants.sees(&tenant)));
    Ok(Json(agents))
}

/// How far budgets are used
///
/// As `skillhost budget --json` prints it. A token of one tenant sees the budgets that are its tenant's.
#[utoipa::path(get, path = "/api/budget", operation_id = "listBudgets", tag = "spending",
    responses((status = 200, description = "The budgets", body = Vec<schemas::Budget>)))]
pub(super) async fn budget(shared: State, Viewer(identity): Viewer) -> Result<Json<Vec<Standing>>, Problem> {
    let host = shared.app()?.host.clone();
    let mut standings = blocking(move || host.budgets()).await?;
    standings.retain(|standing| identity.tenants.only().is_none_or(|only| standing.is_of(only)));
    Ok(Json(standings))
}

/// What was spent, the oldest entry first
///
/// The objects of `skillhost ledger --json`.
#[utoipa::path(get, path = "/api/ledger", operation_id = "listLedger", tag = "spending",
    params(
        ("account" = Option<String>, Query,
            description = "Only of this account, such as `tenant:default`. A token of one tenant sees its tenant's account alone"),
        ("after" = Option<u64>, Query, description = "Only after this entry"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "So many at the most; 100 if nothing is said"),
    ),
    responses(
        (status = 200, description = "The entries", body = Vec<schemas::LedgerEntry>),
        (status = 400, description = "The query cannot be read"),
    ))]
pub(super) async fn ledger(
    shared: State,
    Viewer(identity): Viewer,
    query: Query,
) -> Result<Json<Vec<LedgerEntry>>, Problem> {
    let query = query.of(&["account", "after", "limit"])?;
    let (after, limit) = (query.position("after")?, query.limit()?);
    let asked = query.one("account", "a name")?;
    let account = match (identity.tenants.only().map(|only| format!("tenant:{only}")), asked) {
        (Some(own), Some(other)) if own != other => {
            return Err(Problem::forbidden(format!(
                "`{}` is a token of one tenant, which sees the account `{own}` alone",
                identity.name
            )));
        }
        (own, asked) => own.or(asked),
    };
    let host = shared.app()?.host.clone();
    Ok(Json(blocking(move || host.ledger().entries(account.as_deref(), after, limit)).await?))
}
