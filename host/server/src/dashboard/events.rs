//! `/events`: the event log, page by page.

use askama::Template;
use axum::extract::RawQuery;
use axum::response::Response;
use http::StatusCode;
use skillhost_events::{Event, EventError, Head, Query};
use skillhost_types::{Glob, RunId};

use super::fault::Fault;
use super::filters;
use super::layout::{Page, Section, html};
use super::posted::Fields;
use super::reading::{address, blocking};
use super::session::Session;
use super::words::sentence;
use crate::shared::State;

/// Events of a page.
const SHOWN: usize = 100;

/// Data of an event without a sentence, in characters.
const BRIEF: usize = 100;

/// What is asked for, as it stands in the form.
struct Asked {
    kind: String,
    source: String,
    run: String,
}

#[derive(Template)]
#[template(path = "events.html")]
struct Events {
    page: Page,
    asked: Asked,
    /// Newest first.
    events: Vec<Event>,
    head: Head,
    /// Where the pages before and behind this one are.
    older: Option<String>,
    newer: Option<String>,
}

impl Events {
    /// An event in a line: in words, or as far as its data go.
    fn brief(&self, event: &Event) -> String {
        sentence(event).map_or_else(|| event.data.to_string().chars().take(BRIEF).collect(), |(words, _)| words)
    }

    fn data(&self, event: &Event) -> String {
        serde_json::to_string_pretty(&event.data).unwrap_or_default()
    }
}

/// `GET /events?kind=&source=&run=&after=&before=`
pub(super) async fn events(shared: State, session: Session, RawQuery(query): RawQuery) -> Result<Response, Fault> {
    let fields = Fields::of(query.as_deref());
    let text = |name: &str| fields.get(name).unwrap_or_default().trim().to_owned();
    let position = |name: &str| fields.get(name).and_then(|text| text.trim().parse::<u64>().ok());
    let asked = Asked { kind: text("kind"), source: text("source"), run: text("run") };
    let unknown =
        |_| Fault::new(StatusCode::BAD_REQUEST, "A run is named by 26 letters and digits, as Runs lists them.");
    let query = Query {
        kinds: (!asked.kind.is_empty()).then(|| Glob::new(&asked.kind)).into_iter().collect(),
        source: Some(asked.source.clone()).filter(|source| !source.is_empty()),
        run: (!asked.run.is_empty()).then(|| asked.run.parse::<RunId>()).transpose().map_err(unknown)?,
        tenant: session.identity.tenants.only().cloned(),
        after: position("after"),
        before: position("before"),
        limit: SHOWN,
        ..Query::default()
    };
    let log = shared.app()?.host.events().clone();
    let (head, query, mut events) = blocking(move || {
        let head = log.chain_head()?;
        // Those right behind a position, or else the last ones.
        let forwards = query.after.is_some() && query.before.is_none();
        let events = if forwards { log.read(&query)? } else { log.last(&query)? };
        Ok::<_, EventError>((head, query, events))
    })
    .await?;
    events.reverse();
    let page_of = |name: &str, seq: u64| {
        let seq = seq.to_string();
        address("/events", &[("kind", &asked.kind), ("source", &asked.source), ("run", &asked.run), (name, &seq)])
    };
    let full = events.len() == SHOWN;
    let older = events.last().filter(|_| full || query.after.is_some()).map(|event| page_of("before", event.seq));
    let newer = events.first().filter(|_| full || query.before.is_some());
    let newer = newer.filter(|event| event.seq < head.seq).map(|event| page_of("after", event.seq));
    let page = Page::new(&session, Section::Events, "Events");
    html(&Events { page, asked, events, head, older, newer })
}
