//! `/runs`: what ran.
//!
//! Price: a page looks back over a part of the log, so a rare outcome may be some pages away.

use askama::Template;
use axum::extract::RawQuery;
use axum::response::Response;
use skillhost_events::{Page as Part, RunQuery};
use skillhost_types::{RunId, RunRecord, Timestamp};

use super::address::address;
use super::fault::Fault;
use super::filters;
use super::layout::{Page, Section, html};
use super::posted::Fields;
use super::session::Session;
use crate::log::REACH;
use crate::shared::State;

/// Runs of a page.
const SHOWN: usize = 100;

/// Which outcomes are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    All,
    Ok,
    Failed,
}

impl Wanted {
    const ALL: [(Self, &'static str, &'static str); 3] =
        [(Self::All, "", "all"), (Self::Ok, "ok", "ok"), (Self::Failed, "failed", "failed")];

    fn of(text: &str) -> Self {
        Self::ALL.into_iter().find(|(_, value, _)| *value == text).map_or(Self::All, |(wanted, ..)| wanted)
    }

    fn ok(self) -> Option<bool> {
        match self {
            Self::All => None,
            Self::Ok => Some(true),
            Self::Failed => Some(false),
        }
    }
}

struct Row {
    run: RunId,
    skill: String,
    tool: String,
    at: Timestamp,
    ok: bool,
    outcome: &'static str,
    took_us: u64,
    fuel: u64,
    caller: String,
}

impl From<&RunRecord> for Row {
    fn from(record: &RunRecord) -> Self {
        Self {
            run: record.run,
            skill: record.skill.to_string(),
            tool: record.tool.to_string(),
            at: record.started_at,
            ok: record.ok,
            outcome: outcome(record),
            took_us: record.usage.wall_us,
            fuel: record.usage.fuel,
            caller: record.caller.to_string(),
        }
    }
}

pub(super) fn outcome(record: &RunRecord) -> &'static str {
    record.error.as_ref().map_or("ok", |error| error.kind.as_str())
}

#[derive(Template)]
#[template(path = "runs.html")]
struct Runs {
    page: Page,
    skill: String,
    wanted: Wanted,
    rows: Vec<Row>,
    /// The next page, if there may be one.
    older: Option<String>,
    /// Where the part of the page that changes is to be found again.
    here: String,
}

impl Runs {
    fn outcomes(&self) -> impl Iterator<Item = &'static (Wanted, &'static str, &'static str)> {
        const ALL: &[(Wanted, &str, &str)] = &Wanted::ALL;
        ALL.iter()
    }

    fn is(&self, wanted: &Wanted) -> bool {
        self.wanted == *wanted
    }
}

/// `GET /runs?skill=&outcome=&before=`
pub(super) async fn runs(shared: State, session: Session, RawQuery(query): RawQuery) -> Result<Response, Fault> {
    let fields = Fields::of(query.as_deref());
    let skill = fields.get("skill").unwrap_or_default().trim().to_owned();
    let wanted = Wanted::of(fields.get("outcome").unwrap_or_default());
    let before = fields.get("before").and_then(|before| before.parse().ok());
    let tenant = session.identity.tenants.only().cloned();
    let asked = Some(skill.clone()).filter(|skill| !skill.is_empty());
    let read = shared.app()?.log.read(move |log| {
        let (skill, tenant, ok) = (asked.as_deref(), tenant.as_ref(), wanted.ok());
        log.runs_page(&RunQuery { skill, tenant, ok, before, limit: SHOWN }, REACH)
    });
    let Part { found, next } = read.await?;
    let outcome = Wanted::ALL.iter().find(|(own, ..)| *own == wanted).map_or("", |(_, value, _)| value);
    let at = |before: Option<u64>| {
        let before = before.map(|before| before.to_string()).unwrap_or_default();
        address("/runs", &[("skill", &skill), ("outcome", outcome), ("before", &before)])
    };
    let (here, older) = (at(before), next.map(|next| at(Some(next))));
    let page = Page::new(&session, Section::Runs, "Runs");
    html(&Runs { page, here, skill, wanted, rows: found.iter().map(Row::from).collect(), older })
}
