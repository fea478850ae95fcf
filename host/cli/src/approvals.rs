//! `approvals`, `approve` and `reject`: what waits for a person.

use std::process::ExitCode;

use skillhost_lifecycle::{Approval, ApprovalState, DecideError};
use skillhost_types::Grant;

use crate::args::{Approvals, Approve, Common, Reject};
use crate::fail::Fail;
use crate::{print, session};

/// What every component may import; nobody needs to read it.
const ORDINARY: [&str; 5] = ["wasi:cli/", "wasi:clocks/", "wasi:io/", "wasi:random/", "skillhost:skill/types"];

pub(crate) async fn approvals(common: &Common, asked: &Approvals) -> Result<ExitCode, Fail> {
    // What lies in the folder and was not looked at yet waits as well.
    let host = session::open_and_absorb(common, session::config(common)?).await?;
    let list = host.approvals(asked.all);
    host.close().await;
    let list = list?;
    if common.json {
        print::json(&list.iter().map(Approval::listed).collect::<Vec<_>>());
        return Ok(ExitCode::SUCCESS);
    }
    if list.is_empty() {
        print::note(if asked.all { "nothing ever waited for approval" } else { "nothing waits for approval" });
    }
    for (index, approval) in list.iter().enumerate() {
        if index > 0 {
            print::line("");
        }
        describe(approval);
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn approve(common: &Common, approve: &Approve) -> Result<ExitCode, Fail> {
    let only = (!approve.only.is_empty()).then(|| approve.only.clone());
    let host = session::open(common, session::config(common)?).await?;
    let decided = host.approve(&approve.id, only, &person()).await;
    host.close().await;
    told(common, decided?, "approved")
}

pub(crate) async fn reject(common: &Common, reject: &Reject) -> Result<ExitCode, Fail> {
    let host = session::open(common, session::config(common)?).await?;
    let decided = host.reject(&reject.id, &person()).await;
    host.close().await;
    told(common, decided?, "rejected")
}

fn told(common: &Common, approval: Approval, what: &str) -> Result<ExitCode, Fail> {
    if common.json {
        print::json(&approval.listed());
    } else if !common.quiet {
        let Approval { skill, version, granted, .. } = &approval;
        let granted: Vec<_> = granted.iter().map(|grant| format!("\n  {grant}")).collect();
        let holds = match granted.as_slice() {
            [] => String::new(),
            granted => format!("; beside what every skill has it now holds{}", granted.concat()),
        };
        print::line(&format!("{what} {skill} {version}{holds}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(approval: &Approval) {
    let Approval { id, skill, version, digest, file, size, state, .. } = approval;
    let file = print::on_a_line(file);
    print::line(&format!("{id}  {skill} {version}, {state}"));
    let field = |name: &str, value: &str| print::line(&format!("  {name:<9} {}", print::on_a_line(value)));
    field("file", &format!("{file}, {} KiB", size.div_ceil(1 << 10)));
    field("digest", &digest.to_string());
    match approval.serving {
        Some(serving) => field("update of", &format!("{serving}, which goes on serving")),
        None => field("update of", "nothing: the skill is new"),
    }
    for want in &approval.wants {
        let grant = format!("{} {}", want.capability, want.scope);
        let mark = if approval.new.contains(&grant) { "asks, new" } else { "asks" };
        field(mark, &format!("{grant}: {}", want.reason));
    }
    for grant in &approval.granted {
        field("granted", &grant.to_string());
    }
    let ordinary = |import: &&String| ORDINARY.iter().any(|package| import.starts_with(package));
    let (wasi, others): (Vec<_>, Vec<_>) = approval.imports.iter().partition(ordinary);
    let mut others: Vec<_> = others.into_iter().map(String::as_str).collect();
    if !wasi.is_empty() {
        others.push("ordinary WASI");
    }
    field("imports", &others.join(", "));
    if let (Some(by), Some(at)) = (&approval.decided_by, approval.decided_at) {
        field("decided", &format!("by {by} at {at}"));
    }
    if let Some(reason) = &approval.reason {
        field("reason", reason);
    }
    if *state == ApprovalState::Proposed {
        print::line(&format!("  decide with: skillhost approve {id}, or skillhost reject {id}"));
        let first = approval.new.first().and_then(|first| first.parse::<Grant>().ok());
        if let Some(first) = first.filter(|_| approval.wants.len() > 1) {
            print::line(&format!("  or in part:  skillhost approve {id} --only {}", first.quoted()));
        }
    }
}

/// Who decides, for the record: the account that this program runs under.
fn person() -> String {
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let name: String = name.chars().filter(|char| char.is_ascii_graphic()).take(64).collect();
    if name.is_empty() { "cli".to_owned() } else { format!("cli:{name}") }
}

impl From<DecideError> for Fail {
    fn from(error: DecideError) -> Self {
        match error {
            DecideError::NotFound(_) => Self::not_found(error),
            DecideError::Late(_) => Self::failed(error),
            DecideError::NotAsked { .. } => Self::usage(error),
            DecideError::Store(_) => Self::internal(error),
        }
    }
}

/// A grant as it is typed.
pub(crate) fn grant(text: &str) -> Result<Grant, String> {
    text.parse().map_err(|error: skillhost_types::GrantError| error.to_string())
}
