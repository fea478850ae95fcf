//! The agents, and what is spent and left.

use axum::Json;
use serde::Deserialize;
use skillhost_access::Tenants;
use skillhost_lifecycle::{AgentInfo, LedgerEntry, Standing};
use utoipa::IntoParams;

use super::extract::{self, Query};
use super::schemas;
use crate::access::Viewer;
use crate::problem::Problem;
use crate::shared::State;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only of this account, such as `tenant:default`. A token of one tenant sees its tenant's account alone
    account: Option<String>,
    /// Only after this entry
    after: Option<u64>,
    /// So many at the most
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
}

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
    let mut standings = super::blocking(move || host.budgets()).await?;
    standings.retain(|standing| own(&identity.tenants, &standing.scope));
    Ok(Json(standings))
}

/// Is a budget of this scope, `tenant:default,skill:summarize`, to be shown?
fn own(tenants: &Tenants, scope: &str) -> bool {
    tenants.only().is_none_or(|only| scope.split(',').any(|part| part.strip_prefix("tenant:") == Some(only.as_str())))
}

/// What was spent, the oldest entry first
///
/// The objects of `skillhost ledger --json`.
#[utoipa::path(get, path = "/api/ledger", operation_id = "listLedger", tag = "spending", params(Asked),
    responses(
        (status = 200, description = "The entries", body = Vec<schemas::LedgerEntry>),
        (status = 400, description = "The query cannot be read"),
    ))]
pub(super) async fn ledger(
    shared: State,
    Viewer(identity): Viewer,
    Query(asked): Query<Asked>,
) -> Result<Json<Vec<LedgerEntry>>, Problem> {
    let limit = extract::page(asked.limit)?;
    let account = match (identity.tenants.only().map(|only| format!("tenant:{only}")), asked.account) {
        (Some(own), Some(other)) if own != other => {
            return Err(Problem::forbidden(format!(
                "`{}` is a token of one tenant, which sees the account `{own}` alone",
                identity.name
            )));
        }
        (own, asked) => own.or(asked),
    };
    let host = shared.app()?.host.clone();
    Ok(Json(super::blocking(move || host.ledger().entries(account.as_deref(), asked.after, limit)).await?))
}
