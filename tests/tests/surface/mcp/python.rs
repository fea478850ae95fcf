//! The official client, in Python.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use skillhost_tests::{World, binary};

/// What is installed: another one may speak another protocol.
const CLIENT: &str = "mcp==2.3.0";

/// A connected client. It leaves with the value.
pub(super) struct Python {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Python {
    /// One that speaks to the server at `address` with this token. `mode`: `legacy`, `auto` or an era without handshake.
    #[track_caller]
    pub(super) fn over_http(address: &str, token: &str, mode: &str) -> Self {
        Self::start(json!({"url": format!("{address}/mcp"), "token": token, "mode": mode, "elicitation": true}))
    }

    /// One that starts `skillhost mcp` in `world`.
    #[track_caller]
    pub(super) fn over_stdio(world: &World, mode: &str) -> Self {
        let (skills, data) = (world.skills(), world.data());
        let args = ["mcp", "--skills", skills.to_str().unwrap(), "--data", data.to_str().unwrap()];
        Self::start(json!({
            "command": binary(), "args": args, "cwd": world.root(), "mode": mode, "elicitation": false,
        }))
    }

    #[track_caller]
    fn start(how: Value) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/surface/mcp/driver.py");
        let mut child = Command::new(interpreter())
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the interpreter starts");
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        let mut python = Self { child, input, output: BufReader::new(output) };
        python.say(&how);
        python
    }

    /// Has the client do something, and gives what came of it.
    #[track_caller]
    pub(super) fn say(&mut self, command: &Value) -> Value {
        writeln!(self.input.as_mut().unwrap(), "{command}").expect("the client runs");
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{command}: no answer ({error}): {answer}"))
    }

    /// Calls a tool.
    #[track_caller]
    pub(super) fn call(&mut self, name: &str, arguments: Value) -> Value {
        self.say(&json!(["call", name, arguments]))
    }

    /// The names of all tools, in the order in which they are listed.
    #[track_caller]
    pub(super) fn tools(&mut self) -> Vec<String> {
        let tools = self.say(&json!(["list"]));
        tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Leaves as a client does. Fails the test if that goes wrong.
    #[track_caller]
    pub(super) fn leave(mut self) {
        self.input = None;
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the client ended with {status}");
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A Python of its own beside the build's files, with the client.
#[track_caller]
fn interpreter() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mcp-client");
        let python = folder.join("bin/python");
        let found = Command::new(&python).args(["-c", "import mcp"]).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            let run = |command: &mut Command| command.status().is_ok_and(|status| status.success());
            let made = run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
                && run(Command::new(&python).args(["-m", "pip", "install", "--quiet", CLIENT]));
            assert!(made, "the client is not there for `python3`; install it with: python3 -m pip install {CLIENT}");
        }
        python
    })
}
