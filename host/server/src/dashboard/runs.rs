//! `/runs`: what ran.
//!
//! Price: reads back over the last [`LOOKED_AT`] runs at the most, so a rare outcome is found only if it is recent.

use askama::Template;
use axum::extract::RawQuery;
use axum::response::Response;
use skillhost_events::{EventError, RunQuery};
use skillhost_types::{RunId, RunRecord, Timestamp};

use super::fault::Fault;
use super::filters;
use super::layout::{Page, Section, html};
use super::posted::Fields;
use super::reading::{address, blocking};
use super::session::Session;
use crate::shared::State;

/// Runs of a page.
const SHOWN: usize = 100;

/// Runs that are read to find those of an outcome: tens of milliseconds.
const LOOKED_AT: usize = 2_000;

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

    fn takes(self, run: &RunRecord) -> bool {
        match self {
            Self::All => true,
            Self::Ok => run.ok,
            Self::Failed => !run.ok,
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

    fn looked_at(&self) -> u64 {
        LOOKED_AT as u64
    }
}

/// `GET /runs?skill=&outcome=&skip=`
pub(super) async fn runs(shared: State, session: Session, RawQuery(query): RawQuery) -> Result<Response, Fault> {
    let fields = Fields::of(query.as_deref());
    let skill = fields.get("skill").unwrap_or_default().trim().to_owned();
    let wanted = Wanted::of(fields.get("outcome").unwrap_or_default());
    let skip = fields.get("skip").and_then(|skip| skip.parse().ok()).unwrap_or(0_usize).min(LOOKED_AT);
    let log = shared.app()?.host.events().clone();
    let tenant = session.identity.tenants.only().cloned();
    let asked = Some(skill.clone()).filter(|skill| !skill.is_empty());
    let found = blocking(move || {
        let limit = if wanted == Wanted::All { skip.saturating_add(SHOWN) } else { LOOKED_AT };
        let query = RunQuery { skill: asked.as_deref(), tenant: tenant.as_ref(), limit };
        let runs = log.runs(&query)?;
        Ok::<_, EventError>(
            runs.iter().filter(|run| wanted.takes(run)).skip(skip).take(SHOWN).map(Row::from).collect::<Vec<_>>(),
        )
    })
    .await?;
    let outcome = Wanted::ALL.iter().find(|(own, ..)| *own == wanted).map_or("", |(_, value, _)| value);
    let at = |skip: usize| {
        let skip = if skip > 0 { skip.to_string() } else { String::new() };
        address("/runs", &[("skill", &skill), ("outcome", outcome), ("skip", &skip)])
    };
    let next = skip + SHOWN;
    let older = (found.len() == SHOWN && next < LOOKED_AT).then(|| at(next));
    let page = Page::new(&session, Section::Runs, "Runs");
    html(&Runs { page, here: at(skip), skill, wanted, rows: found, older })
}
