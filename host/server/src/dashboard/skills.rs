//! `/skills`: what lies in the drop folder and what became of it.

use askama::Template;
use axum::response::Response;
use skillhost_access::Role;
use skillhost_lifecycle::{Entry, FileState};
use skillhost_types::SkillName;

use super::fault::Fault;
use super::filters;
use super::layout::{Page, Section, html};
use super::session::Session;
use crate::shared::State;

#[derive(Template)]
#[template(path = "skills.html")]
struct Skills {
    page: Page,
    rows: Vec<Entry>,
    folder: String,
}

/// `GET /skills`
pub(super) async fn skills(shared: State, session: Session) -> Result<Response, Fault> {
    let host = &shared.app()?.host;
    let mut rows = host.entries();
    rows.sort_by(|a, b| (&a.name, &a.file).cmp(&(&b.name, &b.file)));
    let folder = host.config().skills_dir.display().to_string();
    html(&Skills { page: Page::new(&session, Section::Skills, "Skills"), rows, folder })
}

/// The page of an entry's skill; none where its name is none that a skill can have.
fn address(entry: &Entry) -> Option<String> {
    SkillName::new(&entry.name).is_ok().then(|| format!("/skills/{}", entry.name))
}

/// The colour of a state.
pub(super) fn tone(state: &FileState) -> &'static str {
    match state {
        FileState::Active => "good",
        FileState::Pending => "warn",
        FileState::Rejected | FileState::Refused => "bad",
    }
}
