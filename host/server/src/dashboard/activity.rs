//! `/activity`: what happens, as it happens.
//!
//! Contract: the page shows the last events without scripts; with them it follows the live feed, and asks for what is new where
//! that is out of reach. What is shown is chosen by the host from the address, so both are the same.

use askama::Template;
use axum::Json;
use axum::extract::RawQuery;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use skillhost_access::Role;
use skillhost_events::{Event, LONGEST_KIND, Page as Part, Query};
use skillhost_types::{Glob, RunId, Timestamp};

use super::fault::Fault;
use super::filters;
use super::layout::{Page, Section, html};
use super::posted::Fields;
use super::session::Session;
use super::words::{Line, PHRASES};
use crate::log::REACH;
use crate::shared::State;

/// Events that the page begins with, and that one look at what is new gives: as many as the feed replays.
const SHOWN: usize = 100;

/// Kinds that belong together.
struct Family {
    /// The first word of its kinds.
    name: &'static str,
    label: &'static str,
    /// What is shown of it: without what only repeats others, or is too frequent to be read.
    kinds: &'static [&'static str],
    /// Shown where nothing was chosen?
    usual: bool,
}

const FAMILIES: [Family; 8] = [
    Family { name: "tool", label: "Runs", kinds: &["tool.completed", "tool.failed"], usual: true },
    Family { name: "skill", label: "Skills", kinds: &["skill.*"], usual: true },
    Family { name: "approval", label: "Approvals", kinds: &["approval.*"], usual: true },
    Family { name: "agent", label: "Agents", kinds: &["agent.*"], usual: true },
    Family { name: "llm", label: "Models", kinds: &["llm.fallback", "llm.failed", "llm.breaker"], usual: true },
    Family { name: "task", label: "Tasks", kinds: &["task.*"], usual: true },
    Family { name: "message", label: "Messages", kinds: &["message.*"], usual: false },
    Family { name: "system", label: "Host", kinds: &["system.*"], usual: true },
];

/// What somebody chose to see.
struct Choice {
    families: Vec<&'static str>,
    pattern: String,
    all: bool,
}

impl Choice {
    fn of(fields: &Fields) -> Result<Self, Fault> {
        let pattern = fields.get("kind").unwrap_or_default().trim().to_owned();
        if pattern.len() > LONGEST_KIND {
            let message = format!("A pattern of kinds has {LONGEST_KIND} bytes at most, as in tool.*");
            return Err(Fault::new(StatusCode::BAD_REQUEST, message));
        }
        let named = |family: &&Family| fields.all("family").any(|name| name == family.name);
        let mut families: Vec<_> = FAMILIES.iter().filter(named).map(|family| family.name).collect();
        if families.is_empty() {
            families = FAMILIES.iter().filter(|family| family.usual).map(|family| family.name).collect();
        }
        Ok(Self { families, pattern, all: fields.get("all").is_some() })
    }

    fn has(&self, family: &Family) -> bool {
        self.families.contains(&family.name)
    }

    /// As patterns; none: all kinds.
    fn kinds(&self) -> Vec<&str> {
        if !self.pattern.is_empty() {
            return vec![&self.pattern];
        }
        if self.all {
            return Vec::new();
        }
        FAMILIES.iter().filter(|family| self.has(family)).flat_map(|family| family.kinds).copied().collect()
    }
}

#[derive(Template)]
#[template(path = "activity.html")]
struct Activity {
    page: Page,
    choice: Choice,
    /// Newest first.
    lines: Vec<Line>,
    /// Up to where `lines` are all.
    head: u64,
    kinds: String,
}

impl Activity {
    fn families(&self) -> &'static [Family] {
        &FAMILIES
    }

    fn phrases(&self) -> &'static str {
        PHRASES
    }

    /// Where there is more about a line. The script of the live feed goes by the same rule.
    fn more(&self, line: &Line) -> Option<String> {
        if let Some(run) = line.run {
            return Some(format!("/runs/{run}"));
        }
        match line.family() {
            "approval" if self.page.may(Role::Admin) => Some(Section::Approvals.path().to_owned()),
            // What was removed has no page any more.
            "skill" if line.kind != "skill.removed" => line.skill.as_ref().map(|skill| format!("/skills/{skill}")),
            _ => None,
        }
    }
}

/// `GET /activity`
pub(super) async fn activity(shared: State, session: Session, RawQuery(query): RawQuery) -> Result<Response, Fault> {
    let choice = Choice::of(&Fields::of(query.as_deref()))?;
    let (head, Part { found: events, .. }) = read(&shared, &session, &choice, None).await?;
    let lines = events.iter().rev().map(Line::of).collect();
    let kinds = serde_json::to_string(&choice.kinds()).map_err(Fault::internal)?;
    let page = Page::new(&session, Section::Activity, "Activity");
    html(&Activity { page, choice, lines, head, kinds })
}

/// What is new, in the shape of the live feed.
#[derive(Serialize)]
pub(super) struct News {
    /// Up to where `events` are all.
    head: u64,
    /// Were there more than are given?
    gap: bool,
    events: Vec<Payload>,
}

#[derive(Serialize)]
struct Payload {
    seq: u64,
    event_type: String,
    source: String,
    run: Option<RunId>,
    timestamp: Timestamp,
    data: Value,
}

impl From<Event> for Payload {
    fn from(Event { seq, at, kind, source, run, data, .. }: Event) -> Self {
        Self { seq, event_type: kind, source, run, timestamp: at, data }
    }
}

/// `GET /activity/new?after=SEQ`: for the script of the page, where the live feed is out of reach.
pub(super) async fn new(shared: State, session: Session, RawQuery(query): RawQuery) -> Result<Json<News>, Fault> {
    let fields = Fields::of(query.as_deref());
    let after = fields.get("after").and_then(|after| after.parse().ok()).unwrap_or_default();
    let (head, Part { found: events, next }) = read(&shared, &session, &Choice::of(&fields)?, Some(after)).await?;
    let over = events.len().saturating_sub(SHOWN);
    let events = events.into_iter().skip(over).map(Payload::from).collect();
    Ok(Json(News { head: head.max(after), gap: next.is_some(), events }))
}

/// The last events of a choice, in order, and the position up to which they are all. One more than are shown tells of a gap.
async fn read(
    shared: &State,
    session: &Session,
    choice: &Choice,
    after: Option<u64>,
) -> Result<(u64, Part<Event>), Fault> {
    let query = Query {
        kinds: choice.kinds().into_iter().map(Glob::new).collect(),
        viewer: session.identity.tenants.only().cloned(),
        after,
        limit: SHOWN + usize::from(after.is_some()),
        ..Query::default()
    };
    let read = shared.app()?.log.read(move |log| {
        let head = log.head()?;
        // What is written meanwhile is for the next look.
        Ok((head, log.last_page(&Query { before: Some(head.saturating_add(1)), ..query }, REACH)?))
    });
    Ok(read.await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(query: &str) -> Vec<String> {
        let choice = Choice::of(&Fields::of(Some(query))).unwrap();
        choice.kinds().into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_choice_of_families_is_one_of_kinds_and_a_pattern_wins() {
        assert_eq!(kinds("family=skill&family=task&family=nonsense"), ["skill.*", "task.*"]);
        assert_eq!(kinds("family=skill&kind=agent.%2A"), ["agent.*"]);
        assert!(kinds("family=skill&all=on").is_empty());
        assert!(Choice::of(&Fields::of(Some(&format!("kind={}", "x".repeat(65))))).is_err());
    }

    #[test]
    fn what_is_usual_fits_into_one_subscription_of_the_feed() {
        let usual = kinds("");
        assert!(
            usual.iter().any(|kind| kind == "tool.failed") && !usual.iter().any(|kind| kind.starts_with("message"))
        );
        let all: usize = FAMILIES.iter().map(|family| family.kinds.len()).sum();
        assert!(all <= 16, "the feed takes 16 patterns");
    }
}
