//! Measures what the host adds to bare wasmtime, in one process and alternating, so that a slow moment of the
//! machine meets both.
//!
//! `cargo run --release -p skillhost-bench -- --json` prints one object: times in microseconds, memory in KiB.

mod bare;
mod grants;
mod guest;
mod http;
mod load;
mod measure;
mod models;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures Host::run beside bare wasmtime in one process.
#[derive(Parser)]
struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Calls of each kind
    #[arg(long, default_value_t = 20_000)]
    calls: usize,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Fills the compile cache of a data directory
    #[command(hide = true)]
    Absorb {
        /// The data directory
        #[arg(long)]
        data: PathBuf,
        /// The drop folder
        #[arg(long)]
        skills: PathBuf,
    },
    /// Measures calls over HTTP alone
    Http {
        /// Calls for a minute and prints how many and what the process holds, every ten seconds
        #[arg(long)]
        minute: bool,
    },
    /// Asks a server that is being measured
    #[command(hide = true)]
    Ask(http::Asking),
    /// Calls a tool for ever and prints the run of each outcome as it is given out
    Load {
        /// The data directory
        #[arg(long)]
        data: PathBuf,
        /// The drop folder
        #[arg(long)]
        skills: PathBuf,
        /// SKILL.TOOL
        #[arg(long)]
        target: String,
        /// How many callers
        #[arg(long, default_value_t = 4)]
        callers: usize,
    },
}

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn over_http(minute: bool, as_json: bool) -> Result<(), Failure> {
    let (folder, bytes) = (tempfile::tempdir()?, guest::bytes()?);
    if minute {
        return http::minute(folder.path(), &bytes).await;
    }
    let measured = http::all(folder.path(), &bytes).await?;
    if as_json {
        println!("{}", serde_json::to_string(&measured)?);
    } else {
        measured.show();
    }
    Ok(())
}

fn main() -> ExitCode {
    if let Some(code) = skillhost_engine::compile::child() {
        return code;
    }
    let arguments = Arguments::parse();
    tracing_subscriber::fmt().with_env_filter("warn").with_writer(std::io::stderr).init();
    let runtime = match &arguments.command {
        // One thread asks for more than two can serve.
        Some(Command::Ask(_)) => tokio::runtime::Builder::new_current_thread().enable_all().build(),
        _ => skillhost_engine::runtime(2),
    };
    let result = runtime.map_err(Failure::from).and_then(|runtime| {
        runtime.block_on(async {
            match arguments.command {
                Some(Command::Load { data, skills, target, callers }) => {
                    load::for_ever(data, skills, &target, callers).await
                }
                Some(Command::Absorb { data, skills }) => load::absorb(data, skills).await,
                Some(Command::Http { minute }) => over_http(minute, arguments.json).await,
                Some(Command::Ask(asking)) => http::ask(asking).await,
                None => measure::all(arguments.calls, arguments.json).await,
            }
        })
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
