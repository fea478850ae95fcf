//! `/events`: the event log, page by page.

use askama::Template;
use axum::extract::RawQuery;
use axum::response::Response;
use http::StatusCode;
use skillhost_events::{Event, Head, Page as Part, Query};
use skillhost_types::{Glob, RunId};

use super::address::address;
use super::fault::Fault;
use super::filters;
use super::layout::{Page, Section, html};
use super::posted::Fields;
use super::session::Session;
use super::words::sentence;
use crate::log::REACH;
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
        viewer: session.identity.tenants.only().cloned(),
        after: position("after"),
        before: position("before"),
        limit: SHOWN,
        ..Query::default()
    };
    let (after, before) = (query.after, query.before);
    // Those right behind a position, or else the last ones.
    let forwards = after.is_some() && before.is_none();
    let read = shared.app()?.log.read(move |log| {
        let part = if forwards { log.read_page(&query, REACH) } else { log.last_page(&query, REACH) };
        Ok((log.chain_head()?, part?))
    });
    let (head, Part { found: mut events, next }) = read.await?;
    events.reverse();
    let page_of = |name: &str, seq: u64| {
        let seq = seq.to_string();
        address("/events", &[("kind", &asked.kind), ("source", &asked.source), ("run", &asked.run), (name, &seq)])
    };
    let (older, newer) = match after.filter(|_| forwards) {
        Some(after) => (Some(page_of("before", after.saturating_add(1))), next.map(|next| page_of("after", next))),
        None => {
            let newer = before.map(|before| page_of("after", before.saturating_sub(1)));
            (next.map(|next| page_of("before", next)), newer)
        }
    };
    let page = Page::new(&session, Section::Events, "Events");
    html(&Events { page, asked, events, head, older, newer })
}
