//! `runs` and `show`: what ran.

use std::process::ExitCode;
use std::sync::Arc;

use skillhost_events::{EventLog, RunQuery};
use skillhost_types::{RunId, RunRecord, System, Usage};

use crate::args::{Common, Runs, Show};
use crate::fail::Fail;
use crate::{print, run, session};

pub(crate) async fn runs(common: &Common, asked: &Runs) -> Result<ExitCode, Fail> {
    let log = log(common)?;
    let runs = log.runs(&RunQuery { skill: asked.skill.as_deref(), limit: asked.limit, ..RunQuery::default() })?;
    log.close().await;
    if common.json {
        print::json(&runs);
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = runs
        .iter()
        .map(|run| {
            vec![
                run.run.to_string(),
                run.started_at.to_string(),
                format!("{}.{}", run.skill, run.tool),
                outcome(run).to_owned(),
                format!("{} µs", run.usage.wall_us),
                run.usage.fuel.to_string(),
                run.caller.to_string(),
            ]
        })
        .collect();
    if rows.is_empty() {
        match &asked.skill {
            Some(skill) => print::note(&format!("no run of `{skill}` is on record")),
            None => print::note("nothing has run yet"),
        }
    } else {
        print::table(&["RUN", "STARTED", "TOOL", "OUTCOME", "TOOK", "FUEL", "CALLER"], &rows, |_, _| None);
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn show(common: &Common, asked: &Show) -> Result<ExitCode, Fail> {
    let missing = || Fail::not_found(format!("there is no run `{}`; `skillhost runs` lists them", asked.run));
    let id: RunId = asked.run.parse().map_err(|_| missing())?;
    let log = log(common)?;
    let found = log.run(id)?;
    log.close().await;
    let record = found.ok_or_else(missing)?;
    if common.json {
        print::json(&record);
        return Ok(ExitCode::SUCCESS);
    }
    let field = |name: &str, value: String| print::line(&format!("{name:<10} {value}"));
    field("run", record.run.to_string());
    field("tool", format!("{}.{}", record.skill, record.tool));
    field("digest", record.digest.map(|digest| digest.to_string()).unwrap_or_default());
    field("tenant", record.tenant.to_string());
    field("caller", record.caller.to_string());
    field("started", record.started_at.to_string());
    field("outcome", outcome(&record).to_owned());
    if let Some(error) = &record.error {
        field("error", error.message.clone());
    }
    field("used", used(record.usage));
    for call in &record.calls {
        let error = call.error.as_ref().map(|error| format!("  {error}")).unwrap_or_default();
        field("host call", format!("+{} µs {} {} ({} µs){error}", call.at_us, call.call, call.what, call.took_us));
    }
    for line in &record.log {
        field("log", format!("{} {:?}: {}", line.from, line.level, line.message));
    }
    if let Some(output) = &record.output {
        print::line("");
        run::show_output(output);
    }
    Ok(ExitCode::SUCCESS)
}

/// What a run used, in words.
pub(crate) fn used(usage: Usage) -> String {
    let Usage { fuel, wall_us, peak_memory_bytes, host_calls, log_bytes, dropped, .. } = usage;
    let kib = peak_memory_bytes >> 10;
    let mut words = format!("{fuel} fuel, {wall_us} µs, {kib} KiB of memory, {host_calls} host calls");
    if log_bytes > 0 || dropped > 0 {
        words = format!("{words}, {log_bytes} bytes of log, {dropped} lines dropped");
    }
    words
}

fn log(common: &Common) -> Result<EventLog, Fail> {
    let config = session::config(common)?;
    Ok(EventLog::open(&config.data_dir, Arc::new(System))?)
}

fn outcome(run: &RunRecord) -> &'static str {
    run.error.as_ref().map_or("ok", |error| error.kind.as_str())
}
