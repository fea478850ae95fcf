//! `/`: how the host fares.

use askama::Template;
use axum::response::Response;
use skillhost_access::Role;
use skillhost_lifecycle::{FileState, Parts, Status};

use super::fault::Fault;
use super::figures::Figures;
use super::filters;
use super::layout::{Page, Section, html};
use super::ledger::{self, Budget};
use super::session::Session;
use crate::problem::blocking;
use crate::shared::State;

/// Files that do not serve and are named; the page of skills has them all.
const NAMED: usize = 5;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    page: Page,
    figures: Figures,
    parts: Parts,
    /// How many files are in each state.
    states: Vec<(FileState, usize)>,
    /// Files that do not serve: name, state, why.
    trouble: Vec<(String, FileState, String)>,
    /// What waits for a person: its skills. None where that is not the reader's to know.
    waiting: Option<Vec<String>>,
    budgets: Vec<Budget>,
    /// Runs that hold a place, and how many may.
    places: (usize, u32),
}

/// `GET /`
pub(super) async fn overview(shared: State, session: Session) -> Result<Response, Fault> {
    let app = shared.app()?;
    let host = app.host.clone();
    let figures = Figures::of(&app.stats.series(None, session.identity.tenants.only()));
    let entries = host.entries();
    let states = [FileState::Active, FileState::Pending, FileState::Rejected, FileState::Refused]
        .map(|state| (state, entries.iter().filter(|entry| entry.state == state).count()))
        .into_iter()
        .filter(|(state, count)| *count > 0 || *state == FileState::Active)
        .collect();
    let troubled = entries.iter().filter(|entry| entry.state == FileState::Refused).take(NAMED);
    let trouble =
        troubled.map(|entry| (entry.name.clone(), entry.state, entry.reason.clone().unwrap_or_default())).collect();
    let reader = host.clone();
    let budgets = blocking(move || reader.budgets()).await?;
    let budgets = ledger::budgets(&budgets, session.identity.tenants.only());
    let waiting = if session.identity.role >= Role::Admin {
        let reader = host.clone();
        let waiting = blocking(move || reader.approvals(false)).await?;
        Some(waiting.into_iter().map(|approval| approval.skill).collect())
    } else {
        None
    };
    let places = (host.in_use().0, host.config().limits.concurrency);
    let (page, parts) = (Page::new(&session, Section::Overview, "Overview"), host.parts());
    html(&Overview { page, figures, parts, states, trouble, waiting, budgets, places })
}

/// The colour of a part's state.
fn tone(status: &Status) -> &'static str {
    match status {
        Status::Ok => "good",
        Status::Degraded | Status::Starting => "warn",
        Status::Unavailable => "bad",
    }
}

fn word(status: &Status) -> &'static str {
    match status {
        Status::Ok => "ready",
        Status::Degraded => "degraded",
        Status::Starting => "starting",
        Status::Unavailable => "unavailable",
    }
}

/// What keeps a part, in its own word.
fn backend(backend: impl serde::Serialize) -> String {
    serde_json::to_value(backend).ok().and_then(|backend| backend.as_str().map(str::to_owned)).unwrap_or_default()
}
