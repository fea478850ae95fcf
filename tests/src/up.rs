//! A running host.

use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;

use crate::process::{self, Ran};
use crate::{Http, PATIENCE};

/// `skillhost up --json`. Killed when dropped.
pub struct Up {
    child: Option<Child>,
    line: String,
    start: Instant,
    /// The file of the first token.
    token: PathBuf,
    stdout: Lines,
    stderr: Lines,
}

impl Up {
    #[track_caller]
    pub(crate) fn start(mut command: Command, token: PathBuf) -> Self {
        let line = process::shown(&command);
        let start = Instant::now();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("`{line}` does not start: {error}"));
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (stdout, stderr) = (Lines::of(stdout), Lines::of(stderr));
        let mut up = Self { child: Some(child), line, start, token, stdout, stderr };
        // Whatever it says first, it says when it watches.
        up.stderr.find("a first word of `up`", PATIENCE, |_| true);
        up
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Where it listens, once it lets callers in: `http://HOST:PORT`, `https://HOST:PORT` or `unix:PATH`.
    #[track_caller]
    pub fn address(&mut self) -> String {
        let line = self.stdout.find("its address", PATIENCE, |line| parsed(line)["what"] == "listening");
        parsed(&line)["address"].as_str().expect("an address").to_owned()
    }

    /// Asks it over HTTP, without a token.
    #[track_caller]
    pub fn http(&mut self) -> Http {
        Http::at(&self.address())
    }

    /// Asks it over HTTP with the administrator's token, which the first start of a world made.
    #[track_caller]
    pub fn admin(&mut self) -> Http {
        let http = self.http();
        let token = std::fs::read_to_string(&self.token).expect("the first token is in the data directory");
        http.with_token(token.trim())
    }

    /// The notices so far, oldest first.
    #[track_caller]
    pub fn notices(&mut self) -> Vec<Value> {
        self.stdout.take_what_came();
        self.stdout.seen.iter().map(|line| parsed(line)).collect()
    }

    /// How many notices there are so far: a place from which to wait for the next.
    #[track_caller]
    pub fn mark(&mut self) -> usize {
        self.notices().len()
    }

    /// Waits for a notice `what` (`absorbed`, `replaced`, `pending`, `refused`, `removed`) about `file`, and gives it.
    #[track_caller]
    pub fn wait_for(&mut self, what: &str, file: &str) -> Value {
        self.wait_after(0, what, file)
    }

    /// The same, but later than the first `mark` notices.
    #[track_caller]
    pub fn wait_after(&mut self, mark: usize, what: &str, file: &str) -> Value {
        let mut place = 0;
        let wanted = |line: &str| {
            place += 1;
            let notice = parsed(line);
            place > mark && notice["what"] == what && notice["file"] == file
        };
        parsed(&self.stdout.find(&format!("the notice `{what}` of {file}"), PATIENCE, wanted))
    }

    /// What it said on standard error so far.
    pub fn stderr(&mut self) -> String {
        self.stderr.take_what_came();
        self.stderr.seen.join("\n")
    }

    /// Does it still run?
    pub fn is_alive(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().expect("a child can be asked").is_none()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(self.child.as_ref().unwrap());
        kill_process(pid, signal).expect("a child can be signalled");
    }

    /// Asks it to end (SIGTERM) and gives how it did.
    #[track_caller]
    pub fn stop(mut self) -> Ran {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// Ctrl-C: SIGINT to all of the process group that it leads. Gives how it ended.
    #[track_caller]
    pub fn interrupt(mut self) -> Ran {
        kill_process_group(Pid::from_child(self.child.as_ref().unwrap()), Signal::INT).expect("a group of its own");
        self.ended()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.end();
    }

    #[track_caller]
    fn ended(&mut self) -> Ran {
        let child = self.child.take().unwrap();
        let (stdout, stderr) = (&mut self.stdout, &mut self.stderr);
        process::finish(child, &self.line, self.start, || (stdout.rest(PATIENCE), stderr.rest(PATIENCE)))
    }

    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.end();
    }
}

#[track_caller]
fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("a notice that is no JSON ({error}): {line}"))
}

/// The lines of a stream, as they come.
struct Lines {
    coming: Receiver<String>,
    seen: Vec<String>,
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, coming) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n') {
                let Ok(line) = line else { return };
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        Self { coming, seen: Vec::new() }
    }

    fn take_what_came(&mut self) {
        self.seen.extend(self.coming.try_iter());
    }

    /// The first line that is wanted, among those seen and those to come.
    #[track_caller]
    fn find(&mut self, what: &str, timeout: Duration, mut wanted: impl FnMut(&str) -> bool) -> String {
        if let Some(line) = self.seen.iter().find(|line| wanted(line)) {
            return line.clone();
        }
        let end = Instant::now() + timeout;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.coming.recv_timeout(left) else {
                panic!("{what} did not come within {timeout:?}; it said: {:#?}", self.seen);
            };
            self.seen.push(line.clone());
            if wanted(&line) {
                return line;
            }
        }
    }

    /// All of it, once the stream has ended; none if it does not end in time.
    fn rest(&mut self, timeout: Duration) -> Option<String> {
        let end = Instant::now() + timeout;
        loop {
            match self.coming.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => return Some(self.seen.join("\n")),
                Err(RecvTimeoutError::Timeout) => return None,
            }
        }
    }
}
