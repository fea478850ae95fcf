//! `/skills/SKILL`: one skill, what it may do, what served before it, and its tools to run.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use skillhost_access::Role;
use skillhost_events::{Event, Query};
use skillhost_lifecycle::{Entry, FileState, Generation, Host, Kind, Tool};
use skillhost_types::{Glob, Grant, RunRecord, Timestamp, Want};

use super::capability::Sentence;
use super::fault::Fault;
use super::figures::Figures;
use super::filters;
use super::form::{Control, Form};
use super::layout::{Page, Section, html};
use super::run::{Piece, pieces};
use super::session::Session;
use super::skills::tone;
use crate::log::REACH;
use crate::shared::{App, State};

/// Events of skills that are looked through for those of one: its last changes on any host that people change by hand.
const LOOKED_AT: usize = 2_000;

/// What of them is shown.
const HISTORY: usize = 20;

/// What became of a tool's call, to be shown beside its form.
pub(super) struct Outcome {
    pub(super) tool: String,
    pub(super) form: Form,
    /// None: it was not run, because what was typed does not fit.
    pub(super) run: Option<Arc<RunRecord>>,
    pub(super) output: Vec<Piece>,
}

impl Outcome {
    pub(super) fn new(tool: &str, form: Form, run: Option<Arc<RunRecord>>) -> Self {
        let output = run.as_ref().and_then(|run| run.output.as_deref()).map(pieces).unwrap_or_default();
        Self { tool: tool.to_owned(), form, run, output }
    }

    /// Was it run by anybody's tool, so that there is a page of the run?
    fn recorded(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.digest.is_some())
    }
}

/// A want, and how much of it is held.
struct Asked {
    want: Want,
    sentence: Sentence,
    held: Held,
}

enum Held {
    All,
    /// Only these.
    Part(Vec<String>),
    None,
    /// Nobody has decided yet.
    Waits,
}

/// Something that became of the skill.
struct Step {
    at: Timestamp,
    what: String,
    version: Option<String>,
    digest: Option<String>,
    reason: Option<String>,
}

#[derive(Template)]
#[template(path = "skill.html")]
struct Skill {
    page: Page,
    entry: Entry,
    /// What the page is about: what serves, or else what waits.
    shown: Option<Arc<Generation>>,
    /// The last hour of what serves.
    figures: Option<Figures>,
    asked: Vec<Asked>,
    /// What the file that waits would ask for.
    waiting: Vec<Asked>,
    history: Vec<Step>,
    tools: Vec<(Arc<Generation>, usize)>,
    outcome: Option<Outcome>,
}

impl Skill {
    fn form(&self, tool: &Tool) -> Form {
        Form::new(tool.name.as_str(), tool.input_schema(), None)
    }

    fn outcome_of(&self, tool: &Tool) -> Option<&Outcome> {
        self.outcome.as_ref().filter(|outcome| outcome.tool == tool.name.as_str())
    }

    fn tool<'a>(&self, of: &'a (Arc<Generation>, usize)) -> Option<&'a Tool> {
        of.0.tools.get(of.1)
    }

    fn schema(&self, schema: &Value) -> String {
        serde_json::to_string_pretty(schema).unwrap_or_default()
    }

    /// Are there forms? What does not serve cannot be run.
    fn may_run(&self) -> bool {
        self.entry.serving.is_some() && self.page.may(Role::Caller)
    }
}

/// `GET /skills/{skill}`
pub(super) async fn skill(shared: State, session: Session, Path(skill): Path<String>) -> Result<Response, Fault> {
    show(shared.app()?, &session, &skill, None).await
}

/// The page of `skill`, with what came of running one of its tools.
pub(super) async fn show(
    app: &App,
    session: &Session,
    skill: &str,
    outcome: Option<Outcome>,
) -> Result<Response, Fault> {
    let host = &app.host;
    let entry = entry(host, skill).ok_or_else(|| Fault::not_found("There is no such skill; its file may be gone."))?;
    let query =
        Query { kinds: vec![Glob::new("skill.*")], source: Some("host".into()), limit: LOOKED_AT, ..Query::default() };
    let events = app.log.read(move |log| log.last_page(&query, REACH)).await?.found;
    let about = |event: &&Event| event.data.get("skill").and_then(Value::as_str) == Some(skill);
    let history = events.iter().rev().filter(about).take(HISTORY).map(Step::of).collect();
    let shown = entry.serving.clone().or_else(|| entry.waiting.clone());
    let waits = entry.state == FileState::Pending;
    let asked = shown.iter().flat_map(|shown| asked(shown, waits && entry.serving.is_none())).collect();
    let waiting = match (&entry.waiting, &entry.serving) {
        (Some(waiting), Some(_)) => self::asked(waiting, waits),
        _ => Vec::new(),
    };
    let figures = entry
        .serving
        .as_ref()
        .filter(|serving| serving.kind != Kind::Instructions)
        .map(|_| Figures::of(&app.stats.series(Some(skill), session.identity.tenants.only())));
    let tools = shown.iter().flat_map(|own| (0..own.tools.len()).map(|index| (own.clone(), index))).collect();
    let page = Page::new(session, Section::Skills, skill);
    html(&Skill { page, shown, figures, asked, waiting, history, tools, outcome, entry })
}

/// The entry of `skill`: the one that serves ahead of one that waits, and that ahead of one that was refused.
fn entry(host: &Host, skill: &str) -> Option<Entry> {
    let entries = host.entries().into_iter().filter(|entry| entry.name == skill);
    entries.min_by_key(|entry| (entry.serving.is_none(), entry.waiting.is_none()))
}

fn asked(generation: &Generation, waits: bool) -> Vec<Asked> {
    let held = |want: &Want| -> Held {
        let Ok(wanted) = Grant::try_from(want) else { return Held::None };
        let grants = generation.grants();
        if waits {
            return Held::Waits;
        }
        if grants.iter().any(|grant| grant.covers(&wanted)) {
            return Held::All;
        }
        let part: Vec<_> = grants.iter().filter(|grant| wanted.asks_for(grant)).map(ToString::to_string).collect();
        if part.is_empty() { Held::None } else { Held::Part(part) }
    };
    let wants = generation.wants.iter();
    wants.map(|want| Asked { want: want.clone(), sentence: Sentence::of(want), held: held(want) }).collect()
}

impl Step {
    fn of(event: &Event) -> Self {
        let text = |key: &str| event.data.get(key).and_then(Value::as_str).map(str::to_owned);
        let what = event.kind.strip_prefix("skill.").unwrap_or(&event.kind).to_owned();
        Self { at: event.at, what, version: text("version"), digest: text("digest"), reason: text("reason") }
    }
}

/// What callers may assume of a tool, in the contract's words.
fn hint(hint: impl Serialize) -> String {
    serde_json::to_value(hint).ok().and_then(|hint| hint.as_str().map(str::to_owned)).unwrap_or_default()
}

fn time(time: &Duration) -> String {
    filters::duration(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}
