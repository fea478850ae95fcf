//! `skillhost`: the command line. It translates what is typed into calls to the host and what comes back
//! into text, JSON and exit codes; it decides nothing.

mod agents;
mod approvals;
mod args;
mod budget;
mod build;
mod demo;
mod events;
mod fail;
mod input;
mod list;
mod logs;
mod mcp;
mod new;
#[cfg(feature = "otlp")]
mod otlp;
mod parameters;
mod print;
mod run;
mod runs;
mod session;
mod token;
mod up;

use std::process::ExitCode;

use clap::Parser as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use skillhost_types::ErrorKind;

use crate::args::{Arguments, Command};
use crate::fail::Fail;
use crate::logs::Logs;

/// A call takes and gives back memory some hundred times, much of it on another thread than it was taken on: the system's allocator
/// spends a quarter of a call's time on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The compiling child is this same program; nothing of a host may start in it.
    if let Some(code) = skillhost_engine::compile::child() {
        return code;
    }
    allow_open_files();
    let arguments = Arguments::parse();
    let command = &arguments.command;
    let runs = matches!(command, Command::Demo | Command::Up(_) | Command::Run(_) | Command::Mcp);
    let failed = |fail: Fail| {
        fail.print();
        ExitCode::from(fail.exit_code())
    };
    let logs = match Logs::start(&arguments.common, runs) {
        Ok(logs) => logs,
        Err(fail) => return failed(fail),
    };
    let code = dispatch(&arguments).unwrap_or_else(failed);
    logs.end();
    if print::all_written() { code } else { ExitCode::from(ErrorKind::Internal.exit_code()) }
}

/// As many open files as the system lets this process have: each request and each file of a guest is one.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // Without them there are fewer, and that is all.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

fn dispatch(arguments: &Arguments) -> Result<ExitCode, Fail> {
    // These need neither a host nor an executor.
    match &arguments.command {
        Command::New(new) => return new::new(&arguments.common, new),
        Command::Build(build) => return build::build(&arguments.common, build),
        Command::Token(asked) => return token::token(&arguments.common, asked),
        _ => {}
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = skillhost_engine::runtime(threads).map_err(Fail::internal)?;
    let common = &arguments.common;
    let code = runtime.block_on(async {
        match &arguments.command {
            Command::Demo => demo::demo(common).await,
            Command::Up(asked) => up::up(common, asked).await,
            Command::Mcp => mcp::mcp(common).await,
            Command::Run(run) => run::run(common, run).await,
            Command::List => list::list(common).await,
            Command::Inspect(inspect) => list::inspect(common, inspect).await,
            Command::Approvals(asked) => approvals::approvals(common, asked).await,
            Command::Approve(approve) => approvals::approve(common, approve).await,
            Command::Reject(reject) => approvals::reject(common, reject).await,
            Command::Budget => budget::budget(common).await,
            Command::Ledger(asked) => budget::ledger(common, asked).await,
            Command::Agents(asked) => agents::agents(common, asked).await,
            Command::Send(send) => agents::send(common, send).await,
            Command::Events(query) => events::events(common, query).await,
            Command::Runs(query) => runs::runs(common, query).await,
            Command::Show(show) => runs::show(common, show).await,
            Command::New(new) => new::new(common, new),
            Command::Build(build) => build::build(common, build),
            Command::Token(asked) => token::token(common, asked),
        }
    });
    // A file operation of a guest that hangs in the system must not keep the program.
    runtime.shutdown_background();
    code
}
