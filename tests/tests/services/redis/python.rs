//! A program in Python with `redis-py`, as anybody may run it beside the hosts.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::Server;

/// What is installed where there is none.
const REDIS_PY: &str = "redis>=5,<8";

/// Seconds in which a message comes that comes at all.
const HEARD: u64 = 10;

/// Seconds after which there is none. What it would follow on has come already.
const UNHEARD: f64 = 0.2;

/// A running program. It ends with the value.
pub(crate) struct Python {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Python {
    #[track_caller]
    pub(crate) fn beside(server: &Server) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/services/redis/driver.py");
        let mut command = Command::new(interpreter());
        command.arg(script).arg(server.port().to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut python = Self { child, input, output: BufReader::new(output) };
        // The interpreter takes its time, which is nobody else's.
        python.call(&json!(["ready"]));
        python
    }

    /// Calls a method of `redis-py`'s client: `["set", "key", "value"]`.
    #[track_caller]
    pub(crate) fn call(&mut self, call: &Value) -> Value {
        let answer = self.attempt(call);
        answer.get("ok").unwrap_or_else(|| panic!("{call}: {answer}")).clone()
    }

    /// The same with an error as an answer: `{"ok": …}` or `{"err": …}`.
    #[track_caller]
    pub(crate) fn attempt(&mut self, call: &Value) -> Value {
        writeln!(self.input, "{call}").expect("the program in Python runs");
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{call}: no answer ({error}): {answer}"))
    }

    /// The value of a key.
    #[track_caller]
    pub(crate) fn get(&mut self, key: &str) -> Value {
        self.call(&json!(["get", key]))
    }

    /// Publishes a text as it stands; gives the count of receivers.
    #[track_caller]
    pub(crate) fn publish(&mut self, channel: &str, text: &str) -> u64 {
        self.call(&json!(["publish", channel, text])).as_u64().unwrap()
    }

    /// The next message on what it listens to: its channel and its text.
    #[track_caller]
    pub(crate) fn hear(&mut self) -> (String, String) {
        serde_json::from_value(self.call(&json!(["hear", HEARD]))).expect("a message")
    }

    /// Fails the test if there is another message.
    #[track_caller]
    pub(crate) fn hears_no_more(&mut self) {
        assert_eq!(self.call(&json!(["hear", UNHEARD])), Value::Null);
    }

    /// How many connections the server has that listen to patterns: one for each host that hears, and one if this program does.
    #[track_caller]
    pub(crate) fn listeners(&mut self) -> usize {
        let clients = self.call(&json!(["client_list"]));
        clients.as_array().unwrap().iter().filter(|client| client["psub"] != "0").count()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A Python that has `redis-py`: the system's, or one of its own beside the build's files.
#[track_caller]
fn interpreter() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let system = PathBuf::from("python3");
        if has_redis_py(&system) {
            return system;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("redis-py");
        let own = folder.join("bin/python");
        if !has_redis_py(&own) {
            let run = |command: &mut Command| command.status().is_ok_and(|status| status.success());
            let made = run(Command::new(&system).args(["-m", "venv"]).arg(&folder))
                && run(Command::new(&own).args(["-m", "pip", "install", "--quiet", REDIS_PY]));
            assert!(made, "no redis-py for `python3`; install it with: pip install redis");
        }
        own
    })
}

fn has_redis_py(python: &Path) -> bool {
    let import = Command::new(python).args(["-c", "import redis"]).stderr(Stdio::null()).status();
    import.is_ok_and(|status| status.success())
}
