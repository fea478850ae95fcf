//! What can be typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};
use skillhost_access::{Role, Tenants};
use skillhost_events::{Hash, ParseHashError};
use skillhost_lifecycle::Listen;
use skillhost_types::{ByteSize, Grant, Tenant, parse_duration};

use crate::approvals;
use crate::logs::Format;

/// A host for agent skills: WebAssembly components that are absorbed from a folder while it runs and called
/// under capability, fuel, memory and time limits.
#[derive(Parser)]
#[command(
    name = "skillhost",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  skillhost demo                                    a guided tour
  skillhost new hello && skillhost build hello      write a skill and drop it
  skillhost run hello.greet name=Ada                call one of its tools
  skillhost up                                      absorb what is dropped, until Ctrl-C
  skillhost list                                    what is there, and what was refused and why
  skillhost approvals                               what asks for more than every skill has"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args, Clone)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Common {
    /// The configuration [default: config.yaml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The drop folder [default: skills/dist]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) skills: Option<PathBuf>,
    /// Where everything durable lies [default: data]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How lines on standard error look [default: text, or what SKILLHOST_LOG_FORMAT says]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<Format>,
    /// Say more (-vv: still more)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing but results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

/// What `up` takes.
#[derive(Args)]
pub(crate) struct Up {
    /// Where HTTP is served: `HOST:PORT` or `unix:PATH` [default: 127.0.0.1:8650]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<Listen>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// The guided tour: builds the example skills, runs them, replaces one under load
    Demo,
    /// Absorb the drop folder and serve until Ctrl-C
    Up(Up),
    /// Serve the Model Context Protocol on standard input and output, for an assistant that starts this.
    Mcp,
    /// Run one tool once and print its output
    Run(Run),
    /// What is absorbed, and what was refused and why
    List,
    /// The tools, imports, wants and grants of one skill or file
    Inspect(Inspect),
    /// What waits for a person's word, and what it asks for
    Approvals(Approvals),
    /// Say yes to what waits, or to a part of it
    Approve(Approve),
    /// Say no to what waits
    Reject(Reject),
    /// What may be spent, what is spent and what is left
    Budget,
    /// The entries behind it: tokens, money, fuel, time and bytes
    Ledger(LedgerOf),
    /// The agents of the running host, and the messages that they failed on
    Agents(Agents),
    /// Publish a message to a channel of the running host
    Send(Send),
    /// Scaffold a Rust skill
    New(New),
    /// Compile Rust skills into the drop folder
    Build(Build),
    /// The event log
    Events(Events),
    /// Past runs, newest first
    Runs(Runs),
    /// One run with its log and host calls
    Show(Show),
    /// Who may call over HTTP, and what each may do
    Token(Token),
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  skillhost run hello.greet name=Ada                KEY=VALUE, typed by the tool's schema
  skillhost run textkit.summarize text=@README.md   KEY=@FILE is the file's text, KEY=@- standard input
  skillhost run jq.query filter='.a' input:='{\"a\":1}'   KEY:=JSON as it stands
  skillhost run jq --input @query.json              the whole input; the skill's only tool
  cat query.json | skillhost run jq.query --input - --json
  skillhost run ./x.wasm.count text=abc --fuel 100000 --timeout 1s --memory 16MiB

KEY=VALUE is laid over --input.

Exit codes:
  0  the tool gave its output       5  denied
  1  the tool failed                6  a limit was reached
  2  wrong command line             7  the component trapped
  3  no such skill, or refused      8  no place in time
  4  invalid input                 70  the host's own fault")]
pub(crate) struct Run {
    /// SKILL, SKILL.TOOL, or the same with the path of a .wasm file for SKILL
    #[arg(value_name = "SKILL[.TOOL]")]
    pub(crate) target: String,
    /// Fields of the input
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) fields: Vec<String>,
    /// The whole input: JSON, the JSON in @FILE, or - for standard input
    #[arg(long, value_name = "JSON|@FILE|-")]
    pub(crate) input: Option<String>,
    /// Fuel for this run, about one per instruction
    #[arg(long, value_name = "N")]
    pub(crate) fuel: Option<u64>,
    /// Time for this run, such as 5s or 250ms
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Memory for this run, such as 64MiB
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<ByteSize>,
    /// A capability for this run only, such as 'llm.complete *' (repeatable). A skill holds nothing that it does not ask for
    #[arg(long, value_name = "CAPABILITY SCOPE", value_parser = approvals::grant)]
    pub(crate) grant: Vec<Grant>,
    /// Whose run it is
    #[arg(long, value_name = "TENANT", default_value = "default")]
    pub(crate) tenant: Tenant,
}

#[derive(Args)]
pub(crate) struct Inspect {
    /// A skill's name, or the path of a file
    #[arg(value_name = "SKILL|FILE")]
    pub(crate) skill: String,
}

#[derive(Args)]
pub(crate) struct Approvals {
    /// Also what was decided, and how
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  skillhost approve k7m2qd                          everything that it asks for
  skillhost approve k7m2qd --only 'blackboard.read agent:*' --only 'llm.complete *'

The approval is for the bytes that `approvals` showed; a file that was changed since is proposed anew.")]
pub(crate) struct Approve {
    /// The name that `approvals` shows
    pub(crate) id: String,
    /// Only this of what it asks for, or a part of that (repeatable)
    #[arg(long, value_name = "CAPABILITY SCOPE", value_parser = approvals::grant)]
    pub(crate) only: Vec<Grant>,
}

#[derive(Args)]
pub(crate) struct Reject {
    /// The name that `approvals` shows
    pub(crate) id: String,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  skillhost ledger --account skill:summarize        what one skill used
  skillhost ledger --account provider:openai --json what one provider gave, an object a line")]
pub(crate) struct LedgerOf {
    /// Only entries of this account: tenant:T, skill:S, agent:A or provider:P
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  skillhost agents                                  who they are, what waits, what failed
  skillhost agents parked                           the messages that they failed on for good
  skillhost agents replay 01K9…                     lets one of these be handled again
  skillhost agents replay --all")]
pub(crate) struct Agents {
    #[command(subcommand)]
    pub(crate) about: Option<AboutAgents>,
}

#[derive(Subcommand)]
pub(crate) enum AboutAgents {
    /// The messages that agents failed on for good
    Parked,
    /// Let parked messages be handled again
    Replay(Replay),
}

#[derive(Args)]
pub(crate) struct Replay {
    /// The messages' ids, as `agents parked` shows them
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(crate) ids: Vec<String>,
    /// All of them
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  skillhost send dispatch:new '{\"issue\":12,\"title\":\"Crash on start\"}'
  skillhost send notes:day @note.json               the JSON in a file; - for standard input")]
pub(crate) struct Send {
    /// The channel
    pub(crate) channel: String,
    /// The message: JSON, the JSON in @FILE, or - for standard input
    #[arg(value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    pub(crate) message: String,
    /// Whose channel
    #[arg(long, value_name = "TENANT", default_value = "default")]
    pub(crate) tenant: Tenant,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  skillhost new hello && skillhost build hello && skillhost run hello.greet name=Ada")]
pub(crate) struct New {
    /// The skill's name, and its folder's
    pub(crate) name: PathBuf,
    /// A skill that messages wake up
    #[arg(long)]
    pub(crate) agent: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  skillhost build                                   the skill or workspace here, or in skills/
  skillhost build hello ../other-skill              these")]
pub(crate) struct Build {
    /// Folders of Rust skills or workspaces of them
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  skillhost events --follow --kind 'skill.*'        what becomes of files, as it happens
  skillhost events --after 120 --limit 50 --json    a page of the log, an object a line
  skillhost events --verify                         is it as it was written? prints the head to keep
  skillhost events --verify --head \"$(cat head)\"   are all events up to a kept head there?")]
pub(crate) struct Events {
    /// Go on with what comes, until Ctrl-C
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only kinds that match, such as 'tool.*' (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub(crate) kind: Vec<String>,
    /// Only events after this position; without it, the last 100
    #[arg(long, value_name = "SEQ")]
    pub(crate) after: Option<u64>,
    /// At most so many
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Check that nothing in the log was changed, added or taken away
    #[arg(long, conflicts_with_all = ["follow", "kind", "after", "limit"])]
    pub(crate) verify: bool,
    /// A head that was kept elsewhere and must be in the log: 64 hex digits, or SEQ and these
    #[arg(long, value_name = "HEX", requires = "verify", value_parser = kept_head)]
    pub(crate) head: Option<Hash>,
}

#[derive(Args)]
pub(crate) struct Runs {
    /// Only this skill's
    #[arg(long, value_name = "SKILL")]
    pub(crate) skill: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: usize,
}

#[derive(Args)]
pub(crate) struct Show {
    /// The run's name, as `runs` and `run --json` give it
    pub(crate) run: String,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  skillhost token add ci --role caller              prints a new token, this once: only its hash is kept
  skillhost token add boss --role admin --tenant '*'
  skillhost token list
  skillhost token revoke ci                         a running host notices at once")]
pub(crate) struct Token {
    #[command(subcommand)]
    pub(crate) about: AboutTokens,
}

#[derive(Subcommand)]
pub(crate) enum AboutTokens {
    /// Make a token and print it
    Add(AddToken),
    /// The tokens there are
    List,
    /// Take a token back
    Revoke(RevokeToken),
}

#[derive(Args)]
pub(crate) struct AddToken {
    /// What to call it: 1 to 64 of a-z, 0-9, `-`, `_` and `.`
    pub(crate) name: String,
    /// What it may do: a viewer reads, a caller also runs tools, an admin also decides approvals
    #[arg(long, value_name = "viewer|caller|admin")]
    pub(crate) role: Role,
    /// Whose it is; '*' for all tenants
    #[arg(long, value_name = "TENANT", default_value = "default")]
    pub(crate) tenant: Tenants,
}

#[derive(Args)]
pub(crate) struct RevokeToken {
    /// What it is called
    pub(crate) name: String,
}

/// The hash of a head, also of one that is written `SEQ HEX`.
fn kept_head(text: &str) -> Result<Hash, ParseHashError> {
    let hash = match text.trim().split_once(' ') {
        Some((seq, hash)) if seq.parse::<u64>().is_ok() => hash,
        _ => text.trim(),
    };
    hash.parse()
}

fn duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err("no time at all; give more than 0".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}
