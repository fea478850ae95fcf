//! `/approvals`: what waits for a person, in plain words.
//!
//! Contract: an administrator alone sees the queue and decides, here as over HTTP. A decision is for the bytes and wants that the
//! page showed: whoever comes late is told, and nothing is decided.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect, Response};
use skillhost_access::Role;
use skillhost_lifecycle::{Approval, ApprovalState};
use skillhost_types::{Grant, Want};

use super::capability::Sentence;
use super::fault::Fault;
use super::filters;
use super::layout::{Page, Section, html};
use super::posted::Posted;
use super::session::Session;
use crate::deciding::{self, Word};
use crate::problem::blocking;
use crate::shared::State;

/// Decisions that are shown, the newest: what a person remembers. The event log has them all.
const HISTORY: usize = 50;

#[derive(Template)]
#[template(path = "approvals.html")]
struct Approvals {
    page: Page,
    waiting: Vec<Waiting>,
    decided: Vec<Approval>,
}

/// A file that waits.
struct Waiting {
    approval: Approval,
    wants: Vec<Asked>,
    /// Imports that stand for something beyond a standard library.
    imports: Vec<String>,
}

/// Something that it asks for.
struct Asked {
    want: Want,
    /// As `approve --only` takes it.
    grant: String,
    sentence: Sentence,
    /// Has nobody decided on it before?
    new: bool,
}

/// `GET /approvals`
pub(super) async fn approvals(shared: State, session: Session) -> Result<Response, Fault> {
    session.need(Role::Admin)?;
    let host = shared.app()?.host.clone();
    let all = blocking(move || host.approvals(true)).await?;
    let (waiting, mut decided): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|approval| approval.state == ApprovalState::Proposed);
    decided.reverse();
    decided.truncate(HISTORY);
    let waiting = waiting.into_iter().map(Waiting::of).collect();
    html(&Approvals { page: Page::new(&session, Section::Approvals, "Approvals"), waiting, decided })
}

/// `POST /approvals/{id}`: `decision` is `all`, `chosen` or `reject`, and `only` what was chosen.
pub(super) async fn decide(
    shared: State,
    Path(id): Path<String>,
    Posted { session, fields }: Posted,
) -> Result<Response, Fault> {
    session.need(Role::Admin)?;
    let back = || Redirect::to(Section::Approvals.path()).into_response();
    let bad = |message: String| Fault::new(http::StatusCode::BAD_REQUEST, message);
    let word = match fields.get("decision") {
        Some("all") => Word::Approve(None),
        Some("reject") => Word::Reject,
        Some("chosen") => {
            let only: Result<Vec<Grant>, _> = fields.all("only").map(str::parse).collect();
            let only = only.map_err(|error| bad(error.to_string()))?;
            if only.is_empty() {
                session.tell("Nothing was chosen, so nothing was decided. To grant nothing, reject it.");
                return Ok(back());
            }
            Word::Approve(Some(only))
        }
        _ => return Err(bad("This says neither yes nor no.".into())),
    };
    match deciding::decide(shared.app()?.host.clone(), &session.identity, id, word).await {
        Ok(Approval { skill, version, state: ApprovalState::Rejected, .. }) => {
            session.tell(format!("{skill} {version} was rejected."));
        }
        Ok(Approval { skill, version, granted, .. }) => {
            let granted: Vec<_> = granted.iter().map(|grant| format!("`{grant}`")).collect();
            let granted = if granted.is_empty() { "nothing".to_owned() } else { granted.join(", ") };
            session.tell(format!("{skill} {version} was approved; granted: {granted}."));
        }
        Err(problem) if problem.is_internal() => return Err(problem.into()),
        Err(problem) => session.tell(problem.detail),
    }
    Ok(back())
}

impl Waiting {
    fn of(approval: Approval) -> Self {
        let asked = |want: &Want| {
            let grant = format!("{} {}", want.capability, want.scope);
            let new = approval.new.contains(&grant);
            Asked { want: want.clone(), sentence: Sentence::of(want), grant, new }
        };
        let mut wants: Vec<_> = approval.wants.iter().map(asked).collect();
        wants.sort_by_key(|asked| !asked.new);
        let imports = approval.imports.iter().filter(|import| !is_ordinary(import)).cloned().collect();
        Self { wants, imports, approval }
    }

    fn has_whole(&self) -> bool {
        self.wants.iter().any(|asked| asked.sentence.whole)
    }

    fn has_old(&self) -> bool {
        self.wants.iter().any(|asked| !asked.new)
    }
}

/// Does every component that was built with a standard library import it?
fn is_ordinary(import: &str) -> bool {
    let ordinary = ["wasi:cli/", "wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:filesystem/"];
    ordinary.iter().any(|prefix| import.starts_with(prefix))
}

/// The colour of a decision.
fn tone(state: &ApprovalState) -> &'static str {
    match state {
        ApprovalState::Applied => "good",
        ApprovalState::Proposed | ApprovalState::Approved => "warn",
        ApprovalState::Rejected | ApprovalState::Failed => "bad",
        ApprovalState::Expired | ApprovalState::Superseded => "",
    }
}
