//! Compiles a stranger's component in a child process.
//!
//! Contract: whatever the bytes are, compiling them cannot crash, fill or stall the host: the child lives
//! under limits of memory, processor time and wall time, with an empty environment, and at low priority if it takes long. One
//! large component is compiled at a time, and beside it one small one, so that a tool of 200 KB does not wait
//! for an interpreter of 20 MB. A child hears no Ctrl-C and dies with its host. Price: starting a process, about 20 ms
//! beside the compilation.

use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setpriority_process, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;

use crate::config::Engine;

/// The argument that turns the host's own program into the compiling child.
const CHILD: &str = "__compile";

/// From this size on a component is large, in bytes: it compiles for more than a second.
const LARGE: usize = 1 << 20;

/// Memory of the child, in bytes. A 20 MB component from Python takes about 600 MiB.
const MEMORY: u64 = 3 << 30;
/// Processor time of the child over all its threads, in seconds: ten times what a 20 MB component needs.
const CPU_SECONDS: u64 = 120;
/// Wall time of the child: on a busy machine its processor time comes slowly.
const WALL: Duration = Duration::from_secs(180);
/// Machine code that is taken from the child, in bytes: about four times the largest component.
const LARGEST_CODE: u64 = 512 << 20;
/// What is kept of the child's complaint, in bytes.
const LONGEST_COMPLAINT: u64 = 4 << 10;
/// How much the compiling of a large component steps back behind the processes that serve. A small one is soon done, and
/// somebody waits for it.
const NICE: i32 = 10;

/// What a process is told to end with: no limit sends these.
const TO_END: [Signal; 4] = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM];

/// Why a component could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The compiler said no.
    #[error("it does not compile: {0}")]
    Refused(String),
    /// The child died under its limits.
    #[error(
        "compiling it took more than {memory} MiB of memory or {CPU_SECONDS} s of processor time; split the component",
        memory = MEMORY >> 20
    )]
    Limit,
    /// Somebody told the child to end: who stops all of a service, for example.
    #[error("compiling it was broken off from outside; copy it again")]
    Stopped,
    /// The child took too long.
    #[error("compiling it took more than {} s; split the component, or try again when the machine is less busy", WALL.as_secs())]
    Timeout,
    /// The child could not be run.
    #[error("the compiling process cannot be run: {0}")]
    Io(#[from] std::io::Error),
}

/// Runs compiling children, one of each size at a time.
pub struct Compiler {
    program: PathBuf,
    small: Semaphore,
    large: Semaphore,
}

impl Compiler {
    /// A compiler that runs `program`, whose `main` must call [`child`] first.
    pub fn new(program: PathBuf) -> Self {
        Self { program, small: Semaphore::new(1), large: Semaphore::new(1) }
    }

    /// Gives the machine code of `component`.
    pub async fn compile(&self, component: &[u8]) -> Result<Vec<u8>, CompileError> {
        let gate = if component.len() < LARGE { &self.small } else { &self.large };
        let _turn = gate.acquire().await.map_err(std::io::Error::other)?;
        let mut child = tokio::process::Command::new(&self.program)
            .arg(CHILD)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A Ctrl-C is for the host, which then goes on or ends as it sees fit.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(std::io::Error::other("no pipes to the compiling process").into());
        };
        let talk = async {
            let (mut code, mut complaint) = (Vec::new(), Vec::new());
            let send = async move {
                // A child that dies early closes the pipe; its exit says why.
                drop(stdin.write_all(component).await);
            };
            let (mut stdout, mut stderr) = (stdout.take(LARGEST_CODE), stderr.take(LONGEST_COMPLAINT));
            let ((), received, _) =
                tokio::join!(send, stdout.read_to_end(&mut code), stderr.read_to_end(&mut complaint));
            received?;
            Ok::<_, std::io::Error>((code, complaint, child.wait().await?))
        };
        let (code, complaint, status) = tokio::time::timeout(WALL, talk).await.map_err(|_| CompileError::Timeout)??;
        match status.code() {
            Some(0) => Ok(code),
            Some(1) => Err(CompileError::Refused(String::from_utf8_lossy(&complaint).trim().to_owned())),
            _ if status.signal().is_some_and(|signal| TO_END.map(Signal::as_raw).contains(&signal)) => {
                Err(CompileError::Stopped)
            }
            // Killed, or aborted because an allocation failed.
            _ => Err(CompileError::Limit),
        }
    }
}

/// In the compiling child: compiles standard input to standard output and gives the exit code. In every
/// other process: none. Call it first in `main`.
pub fn child() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(CHILD.as_ref()) || arguments.next().is_some() {
        return None;
    }
    Some(match compile_standard_input() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "{error}"));
            ExitCode::FAILURE
        }
    })
}

fn compile_standard_input() -> Result<(), Box<dyn std::error::Error>> {
    // A host that was killed wants no more of it. Of one that is gone already, the input ends early.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let hard = |bound: u64| Rlimit { current: Some(bound), maximum: Some(bound) };
    setrlimit(Resource::Data, hard(MEMORY))?;
    setrlimit(Resource::Cpu, hard(CPU_SECONDS))?;
    setrlimit(Resource::Core, hard(0))?;
    setrlimit(Resource::Fsize, hard(0))?;
    let mut component = Vec::new();
    std::io::stdin().lock().read_to_end(&mut component)?;
    if component.len() >= LARGE {
        setpriority_process(None, NICE)?;
    }
    let code =
        Engine::for_compiling()?.wasmtime().precompile_component(&component).map_err(|error| format!("{error:#}"))?;
    std::io::stdout().lock().write_all(&code)?;
    Ok(())
}
