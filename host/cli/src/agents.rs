//! `agents` and `send`: what lives in the running host.

use std::process::ExitCode;

use console::Color;
use serde_json::json;
use serde_json::value::RawValue;
use skillhost_lifecycle::{AgentInfo, Control, ControlError, Parked};

use crate::args::{AboutAgents, Agents, Common, Replay, Send};
use crate::fail::Fail;
use crate::{input, print, session};

pub(crate) async fn agents(common: &Common, asked: &Agents) -> Result<ExitCode, Fail> {
    match &asked.about {
        None => list(common).await,
        Some(AboutAgents::Parked) => parked(common).await,
        Some(AboutAgents::Replay(replay)) => self::replay(common, replay).await,
    }
}

async fn list(common: &Common) -> Result<ExitCode, Fail> {
    let agents = running(common).agents().await?;
    if common.json {
        print::json(&agents);
        return Ok(ExitCode::SUCCESS);
    }
    if agents.is_empty() {
        print::note("no agents: no skill that serves takes messages, and the configuration names none");
        return Ok(ExitCode::SUCCESS);
    }
    let colour = |column, cell: &str| match (column, cell) {
        (2, "healthy") => Some(Color::Green),
        (2, "failing") => Some(Color::Red),
        (2, _) => Some(Color::Yellow),
        _ => None,
    };
    let rows: Vec<_> = agents.iter().map(row).collect();
    print::table(
        &["NAME", "SKILL", "STATUS", "QUEUED", "HANDLED", "FAILED", "PARKED", "NEXT", "CHANNELS"],
        &rows,
        colour,
    );
    if agents.iter().any(|agent| agent.parked > 0) {
        print::note("what was given up on: skillhost agents parked");
    }
    for AgentInfo { name, reason, last_error, failures, missed, .. } in &agents {
        if *missed > 0 {
            print::note(&format!("{name}: {missed} messages came faster than they could be taken, and were missed"));
        }
        match (reason, last_error) {
            (Some(reason), _) => print::note(&format!("{name}: {reason}")),
            (None, Some(error)) if *failures > 0 => print::note(&format!("{name}: {}", print::on_a_line(error))),
            _ => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(agent: &AgentInfo) -> Vec<String> {
    vec![
        agent.name.clone(),
        agent.skill.clone(),
        agent.status.as_str().to_owned(),
        agent.waiting.to_string(),
        agent.handled.to_string(),
        agent.failed.to_string(),
        agent.parked.to_string(),
        agent.next_at.map(|at| at.to_string()).unwrap_or_default(),
        agent.subscribe.join(", "),
    ]
}

async fn parked(common: &Common) -> Result<ExitCode, Fail> {
    // They lie on disk, so no host has to run.
    let host = session::open(common, session::config(common)?).await?;
    let parked = host.parked().await;
    host.close().await;
    let parked = parked.map_err(Fail::internal)?;
    if common.json {
        print::json(&parked);
        return Ok(ExitCode::SUCCESS);
    }
    if parked.is_empty() {
        print::note("no agent gave up on a message");
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = parked.iter().map(parked_row).collect();
    print::table(&["ID", "AGENT", "CHANNEL", "ATTEMPTS", "PARKED AT", "ERROR"], &rows, |_, _| None);
    Ok(ExitCode::SUCCESS)
}

fn parked_row(parked: &Parked) -> Vec<String> {
    let Parked { id, agent, channel, attempts, parked_at, error, .. } = parked;
    vec![id.clone(), agent.clone(), channel.clone(), attempts.to_string(), parked_at.to_string(), error.clone()]
}

async fn replay(common: &Common, replay: &Replay) -> Result<ExitCode, Fail> {
    let ids = (!replay.all).then(|| replay.ids.clone());
    let count = match running(common).replay(ids.clone()).await {
        // The next host that starts takes them up.
        Err(ControlError::NoHost(_)) => {
            let host = session::open(common, session::config(common)?).await?;
            let count = host.replay(ids.clone()).await;
            host.close().await;
            count.map_err(Fail::internal)?
        }
        other => other?,
    };
    if ids.is_some_and(|ids| count < ids.len()) {
        let done = if count == 0 { String::new() } else { format!("{count} wait again now; ") };
        return Err(Fail::not_found(format!(
            "{done}no such message is parked; `skillhost agents parked` shows the ids in full"
        )));
    }
    if common.json {
        print::json(&json!({"replayed": count}));
    } else {
        print::note(&format!("{count} {} again", if count == 1 { "message waits" } else { "messages wait" }));
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn send(common: &Common, send: &Send) -> Result<ExitCode, Fail> {
    let payload = RawValue::from_string(input::document(&send.message)?).map_err(|error| {
        Fail::usage(format!("the message is no JSON: {error}; a text is written in quotes: '\"hello\"'"))
    })?;
    let receivers = running(common).send(&send.tenant, &send.channel, payload).await?;
    if common.json {
        print::json(&json!({"receivers": receivers}));
    } else {
        let whom = if receivers == 1 { "1 receiver".to_owned() } else { format!("{receivers} receivers") };
        print::line(&whom);
        if receivers == 0 {
            print::note("nobody hears that channel now; `skillhost agents` shows who hears what");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn running(common: &Common) -> Control {
    Control::of(&session::lenient(common).data_dir)
}

impl From<ControlError> for Fail {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::NoHost(_) | ControlError::Refused(_) => Self::failed(error),
            ControlError::Silent(_) => Self::internal(error),
        }
    }
}
