//! A host in a folder of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use skillhost_lifecycle::{Config, Host, Options, Recording, RunRequest};
use skillhost_types::{Caller, Digest, ErrorKind, LimitsPatch, RunRecord, Tenant};
use tempfile::TempDir;

/// How long anything may take before it counts as hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) host: Host,
    folder: TempDir,
}

impl World {
    /// A host that has absorbed these guests and granted them what they ask for.
    pub(crate) async fn with(guests: &[&str]) -> Self {
        Self::configured(guests, |config| config.recording = Recording::Relaxed).await
    }

    pub(crate) async fn configured(guests: &[&str], change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::Builder::new().prefix("skillhost-test-").tempdir().unwrap();
        let mut config = Config {
            skills_dir: folder.path().join("skills"),
            data_dir: folder.path().join("data"),
            ..Config::default()
        };
        config.approval.auto = vec!["* *".parse().unwrap()];
        change(&mut config);
        std::fs::create_dir(&config.skills_dir).unwrap();
        for name in guests {
            std::fs::write(config.skills_dir.join(format!("{name}.wasm")), guest(name)).unwrap();
        }
        let host = open(config).await;
        host.absorb_folder().await.unwrap();
        for entry in host.entries() {
            assert_eq!(entry.state.as_str(), "active", "{}: {:?}", entry.file, entry.reason);
        }
        Self { host, folder }
    }

    pub(crate) fn config(&self) -> Arc<Config> {
        self.host.config()
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a file into the drop folder at once.
    pub(crate) fn put(&self, file: &str, bytes: &[u8]) {
        let draft = self.root().join("draft");
        std::fs::write(&draft, bytes).unwrap();
        std::fs::rename(&draft, self.root().join("skills").join(file)).unwrap();
    }

    /// Waits until these bytes serve as `skill`.
    pub(crate) async fn serves(&self, skill: &str, bytes: &[u8]) {
        let digest = Digest::of(bytes);
        until("the new file serves", || self.host.skill(skill).is_some_and(|skill| skill.digest == digest)).await;
    }

    pub(crate) async fn call(&self, target: &str, input: Value) -> Arc<RunRecord> {
        self.limited(target, input, LimitsPatch::default()).await
    }

    pub(crate) async fn limited(&self, target: &str, input: Value, limits: LimitsPatch) -> Arc<RunRecord> {
        self.host.run(request(target, input, limits)).await
    }

    /// Nothing runs, nothing is held, and the neighbour answers.
    pub(crate) async fn is_unharmed(&self) {
        until("the pool is empty", || self.host.in_use() == Default::default()).await;
        let answer = self.call("healthy.echo", serde_json::json!({"a": 1})).await;
        assert!(answer.ok, "{answer:?}");
        until("the pool is empty", || self.host.in_use() == Default::default()).await;
    }
}

pub(crate) async fn open(config: Config) -> Host {
    Host::open(Options { compiler: compiler(), ..Options::new(config) }).await.unwrap()
}

pub(crate) fn request(target: &str, input: Value, limits: LimitsPatch) -> RunRequest {
    let (skill, tool) = target.split_once('.').unwrap();
    RunRequest {
        skill: skill.to_owned(),
        tool: Some(tool.to_owned()),
        input: input.to_string(),
        caller: Caller::Cli,
        tenant: Tenant::default(),
        limits,
        progress: None,
        cancel: None,
    }
}

/// What the tool gave; fails where it gave none.
pub(crate) fn data(record: &RunRecord) -> &Value {
    let output = record.output.as_ref().unwrap_or_else(|| panic!("{record:?}"));
    output.data.as_ref().unwrap_or_else(|| panic!("{record:?}"))
}

pub(crate) fn kind(record: &RunRecord) -> Option<ErrorKind> {
    record.error.as_ref().map(|error| error.kind)
}

/// The built guest `name`.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/guests/dist/{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|_| panic!("there is no {}; make it with: tests/guests/build", path.display()))
}

/// The same component with a custom section more: another digest, the same code.
pub(crate) fn another(component: &[u8]) -> Vec<u8> {
    let mut bytes = component.to_vec();
    // Section 0, its length, the length of its name, its name.
    bytes.extend(b"\x00\x02\x01x");
    bytes
}

/// The same component with another text in the slot `name`, which its source declares.
pub(crate) fn filled(component: &[u8], name: &str, text: &str) -> Vec<u8> {
    let find = |from: usize, what: &[u8]| {
        component[from..].windows(what.len()).position(|window| window == what).map(|at| from + at).unwrap()
    };
    let opening = format!("%%SLOT {name}=");
    let start = find(0, opening.as_bytes()) + opening.len();
    let end = find(start, b"%%");
    let mut bytes = component.to_vec();
    bytes[start..end].fill(b' ');
    bytes[start..start + text.len()].copy_from_slice(text.as_bytes());
    bytes
}

pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        // Between two looks, not in place of one: what is waited for happens on other threads, which tell nobody.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The built program, beside the test's own profile folder or where `SKILLHOST_BIN` says.
pub(crate) fn compiler() -> PathBuf {
    if let Some(path) = std::env::var_os("SKILLHOST_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().unwrap();
    let binary = test.ancestors().nth(3).unwrap().join("release/skillhost");
    assert!(binary.exists(), "there is no {}; make it with: cargo build --release", binary.display());
    binary
}
