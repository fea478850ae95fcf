//! A world: a drop folder, a data folder, and the binary in them.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::up::Up;
use crate::{Ran, binary, guest, process, wat};

/// Folders of its own for one test: `skills` (the drop folder), `data`, and the root, which is the working directory,
/// so that a `config.yaml` there is the configuration.
pub struct World {
    root: TempDir,
    variables: Vec<(String, String)>,
}

/// Variables of the surroundings that the binary goes by: a developer's own models must not answer a test.
const SETTINGS: &[&str] = &["SKILLHOST_", "OLLAMA_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "OTEL_"];

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// An empty world.
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("skillhost-test-").tempdir().expect("a temporary folder");
        std::fs::create_dir(root.path().join("skills")).expect("a drop folder");
        // A port of its own: tests run beside each other.
        let variables = vec![("SKILLHOST_LISTEN".to_owned(), "127.0.0.1:0".to_owned())];
        Self { root, variables }
    }

    /// A world with these guests in the drop folder.
    #[track_caller]
    pub fn with(guests: &[&str]) -> Self {
        let world = Self::new();
        for name in guests {
            world.add(name);
        }
        world
    }

    /// With this variable in the environment of the binary.
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The working directory.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The drop folder.
    pub fn skills(&self) -> PathBuf {
        self.root().join("skills")
    }

    /// The data directory. The binary makes it.
    pub fn data(&self) -> PathBuf {
        self.root().join("data")
    }

    /// Copies a guest into the drop folder.
    #[track_caller]
    pub fn add(&self, name: &str) -> PathBuf {
        let bytes = std::fs::read(guest(name)).expect("a guest can be read");
        self.put(&format!("{name}.wasm"), &bytes)
    }

    /// Assembles `tests/guests/wat/NAME.wat` into the drop folder.
    #[track_caller]
    pub fn add_wat(&self, name: &str) -> PathBuf {
        self.put(&format!("{name}.wasm"), &wat(name))
    }

    /// Puts a file into the drop folder at once: written aside and renamed in.
    #[track_caller]
    pub fn put(&self, file: &str, bytes: &[u8]) -> PathBuf {
        let aside = self.aside(&format!(".{file}.new"), bytes);
        let path = self.skills().join(file);
        std::fs::rename(aside, &path).expect("a rename into the drop folder");
        path
    }

    /// Writes a file beside the drop folder.
    #[track_caller]
    pub fn aside(&self, file: &str, bytes: &[u8]) -> PathBuf {
        let path = self.root().join(file);
        std::fs::write(&path, bytes).expect("a file can be written");
        path
    }

    /// Writes `config.yaml`.
    #[track_caller]
    pub fn configure(&self, yaml: &str) {
        self.aside("config.yaml", yaml.as_bytes());
    }

    /// Grants every skill all that it asks for: for tests that are about something else. Writes `config.yaml`.
    #[track_caller]
    pub fn allowing_all(self) -> Self {
        self.configure("approval: { auto: [\"* *\"] }\n");
        self
    }

    /// A new token, by `token add`; the tenant `*` is all of them.
    #[track_caller]
    pub fn token(&self, name: &str, role: &str, tenant: &str) -> String {
        let ran = self.run(&["token", "add", name, "--role", role, "--tenant", tenant]);
        assert_eq!(ran.code, Some(0), "{ran}");
        ran.stdout.trim().to_owned()
    }

    /// The binary in this world, without settings of the surroundings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        for (name, _) in std::env::vars_os() {
            if SETTINGS.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.root()).args(arguments);
        command.arg("--skills").arg(self.skills()).arg("--data").arg(self.data());
        command
    }

    /// Runs the binary to its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        process::run(self.command(arguments), b"")
    }

    /// Runs the binary to its end with this on its standard input.
    #[track_caller]
    pub fn run_with_input(&self, arguments: &[&str], stdin: &[u8]) -> Ran {
        process::run(self.command(arguments), stdin)
    }

    /// `run TARGET --json` and the rest.
    #[track_caller]
    pub fn call(&self, target: &str, arguments: &[&str]) -> Ran {
        self.run(&[&["run", target, "--json"], arguments].concat())
    }

    /// `list --json`.
    #[track_caller]
    pub fn list(&self) -> Vec<Value> {
        let ran = self.run(&["list", "--json"]);
        assert_eq!(ran.code, Some(0), "`list` always ends well: {ran}");
        match ran.json() {
            Value::Array(entries) => entries,
            other => panic!("`list --json` prints an array, not {other}"),
        }
    }

    /// The entry of `list --json` for a file of the drop folder.
    #[track_caller]
    pub fn entry(&self, file: &str) -> Value {
        let entries = self.list();
        let found = entries.iter().find(|entry| entry["file"] == file);
        found.unwrap_or_else(|| panic!("{file} is not in the list: {entries:?}")).clone()
    }

    /// `up --json`, running. It is killed when the value is dropped.
    #[track_caller]
    pub fn up(&self) -> Up {
        self.up_with(&[])
    }

    /// `up --json` with more arguments.
    #[track_caller]
    pub fn up_with(&self, arguments: &[&str]) -> Up {
        Up::start(self.command(&[&["up", "--json"], arguments].concat()), self.data().join("token"))
    }

    /// `up --json` in a process group of its own, as a shell starts it.
    #[track_caller]
    pub fn up_in_a_group(&self) -> Up {
        let mut command = self.command(&["up", "--json"]);
        command.process_group(0);
        Up::start(command, self.data().join("token"))
    }
}
