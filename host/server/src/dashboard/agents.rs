//! `/agents`: who is woken by messages, how they fare, and what they gave up on.

use std::collections::HashSet;

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use skillhost_access::{Role, Tenants};
use skillhost_lifecycle::{AgentInfo, AgentStatus, Parked};
use skillhost_types::Tenant;

use super::fault::Fault;
use super::filters;
use super::layout::{Page, Section, html};
use super::posted::Posted;
use super::session::Session;
use crate::shared::State;

/// Messages that are listed. There may be a thousand of each agent.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "agents.html")]
struct Agents {
    page: Page,
    agents: Vec<AgentInfo>,
    /// The newest first.
    parked: Vec<Parked>,
    /// How many there are.
    all_parked: usize,
}

impl Agents {
    fn may_replay(&self) -> bool {
        self.page.may(Role::Caller)
    }

    fn tone(&self, agent: &AgentInfo) -> &'static str {
        match agent.status {
            AgentStatus::Healthy => "good",
            AgentStatus::Failing => "bad",
            AgentStatus::Waiting | AgentStatus::Gone => "warn",
        }
    }
}

/// `GET /agents`
pub(super) async fn agents(shared: State, session: Session) -> Result<Response, Fault> {
    let host = &shared.app()?.host;
    let tenants = &session.identity.tenants;
    let mut agents = host.agents().await.map_err(Fault::internal)?;
    agents.retain(|agent| sees(tenants, &agent.tenant));
    let mut parked = host.parked().await.map_err(Fault::internal)?;
    parked.retain(|parked| sees(tenants, &parked.tenant));
    let all_parked = parked.len();
    parked.reverse();
    parked.truncate(SHOWN);
    html(&Agents { page: Page::new(&session, Section::Agents, "Agents"), agents, parked, all_parked })
}

/// `POST /agents/replay`: lets the messages `id` wait again, or without one all that the session sees.
pub(super) async fn replay(shared: State, Posted { session, fields }: Posted) -> Result<Response, Fault> {
    session.need(Role::Caller)?;
    let host = &shared.app()?.host;
    let parked = host.parked().await.map_err(Fault::internal)?;
    let asked: HashSet<&str> = fields.all("id").collect();
    let (mine, others): (Vec<_>, Vec<_>) =
        parked.iter().partition(|parked| sees(&session.identity.tenants, &parked.tenant));
    let others: HashSet<&str> = others.iter().map(|parked| parked.id.as_str()).collect();
    let mut ids: Vec<String> = mine
        .iter()
        .map(|parked| parked.id.as_str())
        // Whoever sends messages on Redis names them as well, so another tenant's may have the same name.
        .filter(|id| (asked.is_empty() || asked.contains(id)) && !others.contains(id))
        .map(str::to_owned)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let count = if ids.is_empty() { 0 } else { host.replay(Some(ids)).await.map_err(Fault::internal)? };
    session.tell(match count {
        0 => "No such message is parked any more.".to_owned(),
        1 => "One message waits for its agent again.".to_owned(),
        count => format!("{count} messages wait for their agents again."),
    });
    Ok(Redirect::to("/agents").into_response())
}

fn sees(tenants: &Tenants, tenant: &str) -> bool {
    Tenant::new(tenant).is_ok_and(|tenant| tenants.sees(&tenant))
}
