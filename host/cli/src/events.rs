//! `events`: the event log, and whether it is as it was written.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use skillhost_events::{Broken, Event, EventLog, Hash, Query, Verdict};
use skillhost_types::{Glob, System};

use crate::args::{Common, Events};
use crate::fail::Fail;
use crate::{print, session};

/// What is shown when nothing says otherwise.
const SHOWN: usize = 100;

/// How often a follower looks for what other processes wrote.
const POLL: Duration = Duration::from_millis(200);

/// Events that a follower reads at once.
const PAGE: usize = 1_000;

pub(crate) async fn events(common: &Common, asked: &Events) -> Result<ExitCode, Fail> {
    let config = session::config(common)?;
    let log = EventLog::open(&config.data_dir, std::sync::Arc::new(System))?;
    if asked.verify {
        return verify(common, &log, asked.head);
    }
    let mut query = Query {
        kinds: asked.kind.iter().map(|kind| Glob::new(kind)).collect(),
        after: asked.after,
        limit: asked.limit.unwrap_or(usize::MAX),
        ..Query::default()
    };
    let head = log.head()?;
    let events = if asked.after.is_some() {
        log.read(&query)?
    } else {
        log.last(&Query { limit: asked.limit.unwrap_or(SHOWN), ..query.clone() })?
    };
    show(common, &events);
    if events.is_empty() && !asked.follow && !common.json && !common.quiet {
        print::note("no such events are in the log");
    }
    if asked.follow {
        query.after = Some(events.last().map_or(head, |event| event.seq.max(head)));
        query.limit = PAGE;
        follow(common, &log, query).await?;
    }
    log.close().await;
    Ok(ExitCode::SUCCESS)
}

fn verify(common: &Common, log: &EventLog, kept: Option<Hash>) -> Result<ExitCode, Fail> {
    let Verdict { head, older, broken } = log.verify(kept)?;
    if common.json {
        let broken = broken.as_ref().map(|Broken { seq, reason }| json!({"seq": seq, "reason": reason.to_string()}));
        print::json(&json!({"ok": broken.is_none(), "events": head.seq, "head": head, "broken": broken}));
    }
    match broken {
        Some(_) if common.json => Ok(ExitCode::FAILURE),
        Some(Broken { seq, reason }) => Err(Fail::failed(format!("the event log is broken at event {seq}: {reason}"))),
        None => {
            if !common.json {
                print::line(&format!("{} events, whole; head {head}", grouped(head.seq)));
            }
            if older > 0 && !common.quiet {
                print::note(&format!(
                    "the first {} are older than the chain: what was changed before it began is not seen",
                    grouped(older)
                ));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// `1,234` for 1234.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

async fn follow(common: &Common, log: &EventLog, mut query: Query) -> Result<(), Fail> {
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let events = log.read_async(query.clone()).await?;
        show(common, &events);
        if let Some(last) = events.last() {
            query.after = Some(last.seq);
        }
        if events.len() == PAGE {
            continue;
        }
        tokio::select! {
            _ = &mut interrupted => return Ok(()),
            // Another process writes, and tells nobody.
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

fn show(common: &Common, events: &[Event]) {
    for event in events {
        if common.json {
            print::json(event);
        } else {
            let run = event.run.map(|run| format!(" {run}")).unwrap_or_default();
            print::line(&format!(
                "{:>6} {} {:<16} {}{run} {}",
                event.seq, event.at, event.kind, event.source, event.data
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_set_apart() {
        let written = [0, 12, 999, 1_000, 123_456, 1_234_567].map(grouped);
        assert_eq!(written, ["0", "12", "999", "1,000", "123,456", "1,234,567"]);
    }
}
