//! `events`: the event log.

use std::process::ExitCode;
use std::time::Duration;

use skillhost_events::{Event, EventLog, Query};
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
