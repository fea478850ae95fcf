//! One call of a guest and what may come of it.
//!
//! Contract: a table is run to its end and fails with all of its broken rows at once, each with the command line and what
//! came. Every row is held against what holds for all: the exit code follows the kind, the answer comes in
//! time, by the host's clock and by ours, the host stays small, and then a healthy skill answers.

use std::time::Duration;

use serde_json::{Value, json};
use skillhost_tests::{Ran, World};

/// How much later than the timeout a run may end, by the host's own clock.
const SLACK: Duration = Duration::from_millis(50);

/// What a process needs besides the run itself: its start, the folder, the records. Ten times what it takes alone.
const AROUND: Duration = Duration::from_secs(5);

/// What the host may take in all: the memory of a run, its output and the host itself fit several times, an attack that
/// makes the host copy a gigabyte does not.
pub(crate) const HOST_KIB: u64 = 512 << 10;

/// The default memory limit of a run.
const MEMORY: u64 = 64 << 20;

/// In [`Row::may`]: the tool gives its output.
pub(crate) const ANSWERS: &str = "answers";

/// A call, and what may come of it.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) target: String,
    input: &'static str,
    timeout: Duration,
    more: &'static [&'static str],
    may: &'static [&'static str],
    holds: fn(&Value) -> bool,
}

/// A call of `target` with `input`, of which comes one of `may`: kinds, or [`ANSWERS`].
pub(crate) fn row(target: impl Into<String>, input: &'static str, may: &'static [&'static str]) -> Row {
    // Far more than a well-behaved call takes: what ends at this time is a finding.
    let timeout = Duration::from_secs(10);
    Row { target: target.into(), input, timeout, more: &[], may, holds: |_| true }
}

impl Row {
    /// With this timeout.
    pub(crate) fn within(mut self, milliseconds: u64) -> Self {
        self.timeout = Duration::from_millis(milliseconds);
        self
    }

    /// With these arguments.
    pub(crate) fn with(mut self, more: &'static [&'static str]) -> Self {
        self.more = more;
        self
    }

    /// And this holds for the object that `run --json` prints, whatever came.
    pub(crate) fn so(mut self, holds: fn(&Value) -> bool) -> Self {
        self.holds = holds;
        self
    }

    /// Makes the call; gives what is wrong with what came.
    fn faults(&self, world: &World) -> Vec<String> {
        let timeout = format!("{}ms", self.timeout.as_millis());
        let ran = world.call(&self.target, &[&["--input", self.input, "--timeout", &timeout], self.more].concat());
        let Ok(came) = serde_json::from_str::<Value>(&ran.stdout) else {
            return vec![format!("standard output is not one JSON object: {ran}")];
        };
        let mut faults = self.faults_of(&ran, &came);
        if let Err(fault) = healthy(world) {
            faults.push(format!("after it, {fault}"));
        }
        faults.into_iter().map(|fault| format!("{fault}: {ran}")).collect()
    }

    fn faults_of(&self, ran: &Ran, came: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        let mut must = |holds: bool, what: String| {
            if !holds {
                faults.push(what);
            }
        };
        let kind = came["error"]["kind"].as_str().unwrap_or(ANSWERS);
        must(self.may.contains(&kind), format!("expected {:?}, got `{kind}`", self.may));
        must(ran.code == exit_code(kind), format!("`{kind}` is exit {:?}", exit_code(kind)));
        must(came["ok"] == json!(kind == ANSWERS), format!("`ok` does not say `{kind}`"));
        must((self.holds)(came), "what must hold for this row does not".into());
        let wall = came["usage"]["wall_us"].as_u64().map(Duration::from_micros);
        let latest = self.timeout + SLACK;
        must(wall.is_some_and(|wall| wall <= latest), format!("it ran {wall:?}, over {latest:?}"));
        must(ran.took <= self.timeout + AROUND, format!("the process took {:?}", ran.took));
        let memory = came["usage"]["peak_memory_bytes"].as_u64();
        must(memory.is_some_and(|bytes| bytes <= MEMORY), format!("it used {memory:?} bytes, over the limit"));
        must(ran.peak_kib <= HOST_KIB, format!("the host took {} KiB", ran.peak_kib));
        faults
    }
}

/// Makes every call, and fails the test with all that is wrong.
#[track_caller]
pub(crate) fn hold(world: &World, rows: &[Row]) {
    fail_with(&faults(world, rows));
}

/// Makes every call, and gives all that is wrong.
pub(crate) fn faults(world: &World, rows: &[Row]) -> Vec<String> {
    // Compiles what is new, so that the calls are measured and not the compiler.
    world.list();
    let mut faults: Vec<_> = rows.iter().flat_map(|row| row.faults(world)).collect();
    faults.extend(untold(world));
    faults
}

/// What the event log does not tell of the runs, in a world of fewer than ten thousand events.
fn untold(world: &World) -> Option<String> {
    let read = ["events", "--json", "--kind", "tool.*", "--after", "0", "--limit", "10000"];
    let events = world.run(&read).lines();
    let runs = |wanted: fn(&str) -> bool| {
        let of = events.iter().filter(|event| event["kind"].as_str().is_some_and(wanted));
        let mut runs: Vec<_> = of.map(|event| event["run"].to_string()).collect();
        runs.sort_unstable();
        runs
    };
    let (begun, ended) = (runs(|kind| kind == "tool.called"), runs(|kind| kind != "tool.called"));
    let told = begun == ended && begun.windows(2).all(|pair| pair[0] != pair[1]);
    (!told).then(|| format!("{} runs have begun and {} have ended, by the event log", begun.len(), ended.len()))
}

/// Fails the test if there are faults.
#[track_caller]
pub(crate) fn fail_with(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n\n{}", faults.len(), faults.join("\n\n"));
}

/// A healthy skill answers, word by word.
pub(crate) fn healthy(world: &World) -> Result<(), String> {
    let ran = world.call("healthy.echo", &["--input", r#"{"still":["here",1.5]}"#]);
    let answers = ran.code == Some(0) && ran.json()["output"]["data"] == json!({"still": ["here", 1.5]});
    if answers { Ok(()) } else { Err(format!("the healthy skill does not answer: {ran}")) }
}

/// Is `file` listed as refused, with a reason that holds one of `words`?
pub(crate) fn refused_for(entries: &[Value], file: &str, words: &[&str]) -> Result<(), String> {
    let Some(entry) = entries.iter().find(|entry| entry["file"] == file) else {
        return Err(format!("{file} is not listed at all"));
    };
    let reason = entry["reason"].as_str().unwrap_or_default().to_lowercase();
    if entry["state"] != "refused" {
        return Err(format!("{file} is not refused: {entry}"));
    }
    // The file's fault is not the machine's: whoever reads this looks at the disk.
    if reason.contains("data directory") || reason.contains("internal") {
        return Err(format!("{file}: the reason blames the host: {reason}"));
    }
    let names_it = words.iter().any(|word| reason.contains(&word.to_lowercase()));
    if names_it { Ok(()) } else { Err(format!("{file}: the reason names none of {words:?}: {reason}")) }
}

/// The exit code of a kind.
pub(crate) fn exit_code(kind: &str) -> Option<i32> {
    let code = match kind {
        ANSWERS => 0,
        "tool-error" => 1,
        "usage" => 2,
        "not-found" => 3,
        "invalid-input" => 4,
        "denied" => 5,
        "fuel" | "deadline" | "memory" | "output" | "host-calls" => 6,
        "trap" => 7,
        "overloaded" => 8,
        "internal" => 70,
        _ => return None,
    };
    Some(code)
}
