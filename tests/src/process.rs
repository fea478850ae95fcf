//! One finished process.

use std::io::{Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{PATIENCE, POLL};

/// What a process printed and how it ended.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The command line, for messages.
    pub line: String,
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// From start to exit.
    pub took: Duration,
    /// The most memory that the process itself (not its children) held at once, in KiB, but for what it took in the last
    /// [`POLL`].
    pub peak_kib: u64,
}

impl Ran {
    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}) from {self}"))
    }

    /// Standard output as a JSON document a line.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}) from {self}"));
        self.stdout.lines().map(parse).collect()
    }

    /// `output.data` of `run --json`; fails the test where the run gave no output.
    #[track_caller]
    pub fn data(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self}");
        self.json()["output"]["data"].clone()
    }

    /// `error.kind` of `run --json`; empty where the run gave its output.
    #[track_caller]
    pub fn kind(&self) -> String {
        self.json()["error"]["kind"].as_str().unwrap_or_default().to_owned()
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = |text: &str| text.chars().take(2_000).collect::<String>();
        let Self { line, code, took, .. } = self;
        let (stdout, stderr) = (short(&self.stdout), short(&self.stderr));
        write!(formatter, "`{line}` (exit {code:?} after {took:?})\nstdout: {stdout}\nstderr: {stderr}")
    }
}

/// Runs `command` to its end with `stdin` as its input.
#[track_caller]
pub(crate) fn run(mut command: Command, stdin: &[u8]) -> Ran {
    let line = shown(&command);
    let start = Instant::now();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("`{line}` does not start: {error}"));
    let mut input = child.stdin.take().unwrap();
    let stdin = stdin.to_vec();
    // Who does not read its input closes it, and that is its right.
    std::thread::spawn(move || drop(input.write_all(&stdin)));
    let (stdout, stderr) = (collect(child.stdout.take().unwrap()), collect(child.stderr.take().unwrap()));
    finish(child, &line, start, || (stdout.recv_timeout(PATIENCE).ok(), stderr.recv_timeout(PATIENCE).ok()))
}

/// Waits for the end of `child`, whose streams end with it.
#[track_caller]
pub(crate) fn finish(
    mut child: Child,
    line: &str,
    start: Instant,
    streams: impl FnOnce() -> (Option<String>, Option<String>),
) -> Ran {
    let peak = watch_memory(child.id());
    let (Some(stdout), Some(stderr)) = streams() else {
        drop(child.kill());
        drop(child.wait());
        panic!("`{line}` did not end within {PATIENCE:?}");
    };
    let status = child.wait().expect("a child can be waited for");
    let took = start.elapsed();
    let peak_kib = peak.join().expect("a thread that only reads");
    Ran { line: line.to_owned(), code: status.code(), stdout, stderr, took, peak_kib }
}

/// Follows the high-water mark of a process until its end, after which the kernel no longer tells it.
fn watch_memory(pid: u32) -> JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut peak = 0;
        while let Some(kib) = high_water(pid) {
            peak = kib;
            std::thread::sleep(POLL);
        }
        peak
    })
}

fn high_water(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// A command as one would type it, for messages.
pub(crate) fn shown(command: &Command) -> String {
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    let mut line = format!("skillhost {}", arguments.collect::<Vec<_>>().join(" "));
    line.truncate(line.floor_char_boundary(500));
    line
}

/// Reads `stream` to its end aside, so that neither stream can block the other.
fn collect(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        drop(stream.read_to_end(&mut bytes));
        drop(sender.send(String::from_utf8_lossy(&bytes).into_owned()));
    });
    receiver
}
