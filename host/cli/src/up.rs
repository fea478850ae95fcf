//! `up`: absorbs the drop folder and serves until Ctrl-C or SIGTERM.
//!
//! Contract: it listens before the host is open and says where. Once it is told to end, what runs comes to its end within
//! `http.grace`, and the exit code is 0; a second Ctrl-C ends it at once.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use skillhost_access::{Token, Tokens};
use skillhost_lifecycle::{Config, Host, Listen, Notice, Options};
use skillhost_server::{Address, ServeError, Server};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Common, Up};
use crate::fail::Fail;
use crate::{print, session};

/// Says where the event log stands: whoever keeps that elsewhere can tell later that nothing was taken away.
fn tell_head(common: &Common, host: &Host) {
    match host.keep_head() {
        Ok(head) if !common.quiet => print::note(&format!("event log: head {head}")),
        Ok(_) => {}
        Err(error) => print::error(&format!("the event log's head: {error}")),
    }
}

/// How long a further signal is the first one's echo. No hand is that fast.
const ECHO: Duration = Duration::from_millis(200);

pub(crate) async fn up(common: &Common, asked: &Up) -> Result<ExitCode, Fail> {
    let reload = session::reload(common, asked.listen.as_ref());
    let mut options = Options::new((reload.read)()?);
    options.reload = Some(reload);
    let folder = options.config.skills_dir.clone();
    if !common.quiet {
        let as_json = common.json;
        options.notices = Some(Arc::new(move |notice| say(as_json, notice)));
    }
    // Before anything is promised, so that no signal is missed.
    let mut terminate = signal(SignalKind::terminate()).map_err(Fail::internal)?;
    let server = listen(&options.config).await?;
    #[cfg(feature = "otlp")]
    server.adopt_traces(crate::otlp::adopt);
    options.address = Some(server.address().to_string());
    let data = options.config.data_dir.clone();
    let host = Host::open(options).await?;
    tell_head(common, &host);
    let tokens = Tokens::open(&data).map_err(Fail::internal)?;
    let first = tokens.first(&data, host.events().source().now()).map_err(Fail::internal)?;
    let dashboard = dashboard(server.address(), &data, &tokens, first.as_ref());
    let watch = host.watch();
    server.open(host.clone(), tokens).map_err(Fail::internal)?;
    if !common.quiet {
        print::note(&format!("watching {}; drop skills there, Ctrl-C ends", folder.display()));
        if common.json {
            print::json(&json!({"what": "listening", "address": server.address().to_string()}));
        }
        print::note(&format!("listening on {}", server.address()));
        print::note(&dashboard);
    }
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.map_err(Fail::internal)?,
        _ = terminate.recv() => {}
    }
    if !common.quiet {
        print::note("stopping: what runs comes to its end, a second Ctrl-C ends at once");
    }
    let stop = async {
        server.stop().await;
        watch.stop().await;
        host.close().await;
        tell_head(common, &host);
    };
    tokio::select! {
        () = stop => Ok(ExitCode::SUCCESS),
        () = second_interrupt() => Err(Fail::failed("stopped before everything had come to its end")),
    }
}

/// How a person gets in: by a link while there is no other token than the `first`, which was made just now.
fn dashboard(address: &Address, data: &Path, tokens: &Tokens, first: Option<&Token>) -> String {
    let kept = data.join("token");
    match first {
        Some(first) if !matches!(address, Address::Unix(_)) => {
            format!("dashboard: {address}/#token={} (kept in {})", first.expose(), kept.display())
        }
        _ => {
            let text = std::fs::read_to_string(&kept).unwrap_or_default();
            let token = match tokens.check(text.trim()) {
                Ok(Some(_)) => format!("the token in {}", kept.display()),
                _ => "a token of `skillhost token add`".to_owned(),
            };
            match address {
                // No browser opens it by itself.
                Address::Unix(_) => format!("dashboard: {address}, through `ssh -L` or a proxy (log in with {token})"),
                _ => format!("dashboard: {address} (log in with {token})"),
            }
        }
    }
}

/// Listens where it is said; if nobody said where and the usual place is taken, in any that is free.
async fn listen(config: &Config) -> Result<Server, Fail> {
    let usual = Listen::default();
    match Server::start(config).await {
        Err(error @ ServeError::Bind { .. }) if config.listen == usual => {
            let anywhere = Config { listen: Listen::Tcp(ANYWHERE.to_owned()), ..config.clone() };
            let server = Server::start(&anywhere).await.map_err(Fail::usage)?;
            print::error(&format!("{error}; listening on {} for now", server.address()));
            Ok(server)
        }
        other => other.map_err(Fail::usage),
    }
}

/// Any port of this machine that is free.
const ANYWHERE: &str = "127.0.0.1:0";

/// Waits for a Ctrl-C that is a second one. What sends a signal to a process and to its group, as `timeout` does, sends
/// the first one twice.
async fn second_interrupt() {
    let first = Instant::now();
    while tokio::signal::ctrl_c().await.is_ok() {
        if first.elapsed() >= ECHO {
            return;
        }
    }
    // Without a handler there is no second one to wait for.
    std::future::pending().await
}

/// What became of a file, in a line.
pub(crate) fn say(as_json: bool, notice: &Notice) {
    if as_json {
        let (what, skill, file, reason) = match notice {
            Notice::Reading { .. } => return,
            Notice::Absorbed { skill, file, .. } => ("absorbed", Some(skill), file, None),
            Notice::Replaced { skill, file, .. } => ("replaced", Some(skill), file, None),
            Notice::Waits { skill, file, reason } => ("pending", Some(skill), file, Some(reason)),
            Notice::Rejected { skill, file, reason } => ("rejected", Some(skill), file, Some(reason)),
            Notice::Refused { file, reason } => ("refused", None, file, Some(reason)),
            Notice::Removed { skill, file } => ("removed", Some(skill), file, None),
            Notice::Configured { changed, at_next_start } => {
                return print::json(&json!({"what": "configured", "changed": changed, "at_next_start": at_next_start}));
            }
            Notice::NotConfigured { file, reason } => ("not-configured", None, file, Some(reason)),
            Notice::AgentParked { agent, channel, reason } => {
                return print::json(&json!({"what": "parked", "agent": agent, "channel": channel, "reason": reason}));
            }
        };
        print::json(&json!({"what": what, "skill": skill, "file": file, "reason": reason}));
        return;
    }
    let line = print::on_a_line;
    match notice {
        Notice::Reading { .. } => {}
        Notice::Absorbed { skill, version, file, tools } => {
            let tools = if *tools == 1 { "1 tool".to_owned() } else { format!("{tools} tools") };
            print::note(&format!("absorbed {skill} {version} from {}, {tools}", line(file)));
        }
        Notice::Replaced { skill, version, file } => {
            print::note(&format!("replaced {skill} by {version} from {}", line(file)))
        }
        Notice::Waits { skill, reason, .. } | Notice::Rejected { skill, reason, .. } => {
            print::note(&format!("{skill} {}", line(reason)))
        }
        Notice::Refused { file, reason } => print::note(&format!("refused {}: {}", line(file), line(reason))),
        Notice::Configured { changed, at_next_start } => {
            let later = match at_next_start.as_slice() {
                [] => String::new(),
                later => format!("; {} at the next start", later.join(", ")),
            };
            let now = if changed.is_empty() { "nothing changes now".to_owned() } else { changed.join(", ") };
            print::note(&format!("configuration: {now}{later}"));
        }
        Notice::NotConfigured { file, reason } => {
            print::error(&format!("{}: {}; the host goes on as it was configured", line(file), line(reason)));
        }
        Notice::AgentParked { agent, channel, reason } => print::note(&format!(
            "{agent} gave up on a message of {}: {}; see `skillhost agents parked`",
            line(channel),
            line(reason)
        )),
        Notice::Removed { skill, file } => print::note(&format!("removed {skill}: {} is gone", line(file))),
    }
}
