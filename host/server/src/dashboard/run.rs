//! `/runs/RUN`: one run, and when in it which host call was made.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use skillhost_types::{Content, HostCallRecord, Level, Limits, LogLine, Output, RunId, RunRecord, Usage};

use super::chart::{self, Svg};
use super::fault::Fault;
use super::filters;
use super::layout::{Page, Section, html};
use super::runs::outcome;
use super::session::Session;
use crate::shared::{App, State};

/// Pictures that are shown. Others could carry scripts, or are for no browser.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// What was used of something.
struct Used {
    what: &'static str,
    amount: String,
    /// Of how much, and as a drawing.
    of: Option<(String, Svg)>,
}

/// A piece of output.
pub(super) enum Piece {
    Text(String),
    /// An address that is the picture itself.
    Picture(String),
    /// What is not shown, in words.
    Other(String),
}

#[derive(Template)]
#[template(path = "run.html")]
struct Run {
    page: Page,
    record: RunRecord,
    outcome: &'static str,
    /// Is there a page of the skill?
    known: bool,
    used: Vec<Used>,
    /// The host calls, with where in the run they lie.
    calls: Vec<(HostCallRecord, Svg)>,
    output: Vec<Piece>,
}

impl Run {
    fn unlisted(&self) -> u64 {
        self.record.usage.host_calls.saturating_sub(self.calls.len() as u64)
    }

    fn level(&self, line: &LogLine) -> &'static str {
        match line.level {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }

    fn digest_text(&self) -> Option<String> {
        self.record.digest.map(|digest| digest.to_string())
    }
}

/// `GET /runs/{run}`
pub(super) async fn run(shared: State, session: Session, Path(run): Path<String>) -> Result<Response, Fault> {
    let missing = || Fault::not_found("There is no such run on record.");
    let id: RunId = run.parse().map_err(|_| missing())?;
    let App { host, log, .. } = shared.app()?;
    let found = log.read(move |log| log.run(id)).await?;
    // To whoever does not see its tenant it is not there.
    let record = found.filter(|record| session.identity.tenants.sees(&record.tenant)).ok_or_else(missing)?;
    let serving = host.skill(&record.skill);
    let known = serving.is_some() || host.entries().iter().any(|entry| entry.name == *record.skill);
    let limits = serving.map(|generation| generation.limits.clone());
    let whole = record.calls.iter().map(|call| call.at_us.saturating_add(call.took_us)).max().unwrap_or_default();
    let whole = whole.max(record.usage.wall_us);
    let draw = |call: &HostCallRecord| chart::span(call.at_us, call.took_us, whole, call.error.is_some());
    let calls = record.calls.iter().map(|call| (call.clone(), draw(call))).collect();
    let output = record.output.as_deref().map(pieces).unwrap_or_default();
    let page = Page::new(&session, Section::Runs, format!("Run {id}"));
    let (outcome, used) = (outcome(&record), used(record.usage, limits.as_ref()));
    html(&Run { page, outcome, known, used, calls, output, record })
}

/// What a run used, against the limits that its skill has now.
fn used(usage: Usage, limits: Option<&Limits>) -> Vec<Used> {
    let Usage { fuel, wall_us, peak_memory_bytes, host_calls, log_bytes, dropped, llm_input_tokens, llm_output_tokens } =
        usage;
    let row = |what, amount: u64, limit: Option<u64>, show: fn(u64) -> String| {
        let of = limit.map(|limit| {
            let words = format!("{what}: {} of {}", show(amount), show(limit));
            (show(limit), chart::gauge(amount, 0, limit, &words))
        });
        Used { what, amount: show(amount), of }
    };
    let timeout = |limits: &Limits| u64::try_from(limits.timeout.as_micros()).unwrap_or(u64::MAX);
    let mut rows = vec![
        row("Time", wall_us, limits.map(timeout), filters::duration),
        row("Fuel", fuel, limits.map(|limits| limits.fuel), filters::thousands),
        row("Memory at its peak", peak_memory_bytes, limits.map(|limits| limits.memory), filters::size),
        row("Host calls", host_calls, limits.map(|limits| limits.host_calls), filters::thousands),
        row("Log", log_bytes, limits.map(|limits| limits.log), filters::size),
    ];
    let more = [
        ("Log lines and progress dropped", dropped),
        ("Tokens given to models", llm_input_tokens),
        ("Tokens from models", llm_output_tokens),
    ];
    rows.extend(
        more.into_iter()
            .filter(|(_, amount)| *amount > 0)
            .map(|(what, amount)| row(what, amount, None, filters::thousands)),
    );
    rows
}

pub(super) fn pieces(output: &Output) -> Vec<Piece> {
    let data = output.data.iter().map(|data| Piece::Text(serde_json::to_string_pretty(data).unwrap_or_default()));
    let content = output.content.iter().map(|content| match content {
        Content::Text { text } => Piece::Text(text.clone()),
        Content::Image { data, mime_type } if PICTURES.contains(&mime_type.as_str()) => {
            Piece::Picture(format!("data:{mime_type};base64,{}", STANDARD.encode(data)))
        }
        Content::Image { data, mime_type } | Content::Audio { data, mime_type } => Piece::Other(format!(
            "{} of {}, which is not shown",
            filters::size(data.len() as u64),
            filters::line(mime_type)
        )),
    });
    content.chain(data).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_that_cannot_run_scripts_are_shown() {
        let image = |mime_type: &str| Content::Image { data: vec![1, 2, 3], mime_type: mime_type.into() };
        let output =
            Output { data: None, content: vec![image("image/png"), image("image/svg+xml"), image("text/html")] };
        let shown = pieces(&output);
        assert!(matches!(&shown[0], Piece::Picture(address) if address == "data:image/png;base64,AQID"));
        assert!(matches!(&shown[1..], [Piece::Other(_), Piece::Other(_)]));
    }

    #[test]
    fn usage_is_shown_against_the_limits_there_are() {
        let usage = Usage { fuel: 500, wall_us: 1_000, llm_input_tokens: 7, ..Usage::default() };
        let rows = used(usage, Some(&Limits { fuel: 1_000, ..Limits::default() }));
        let fuel = rows.iter().find(|row| row.what == "Fuel").unwrap();
        assert!(fuel.of.as_ref().unwrap().1.0.contains("Fuel: 500 of 1\u{202f}000"));
        assert!(rows.iter().any(|row| row.what == "Tokens given to models" && row.of.is_none()));
        assert!(used(usage, None).iter().all(|row| row.of.is_none()));
    }
}
