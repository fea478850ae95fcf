//! `build`: compiles Rust skills and puts them into the drop folder.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::args::{Build, Common};
use crate::fail::Fail;
use crate::{print, session};

/// What skills are compiled for. Rust's own linker gives a component for it.
const TARGET: &str = "wasm32-wasip2";

pub(crate) fn build(common: &Common, build: &Build) -> Result<ExitCode, Fail> {
    let folder = session::config(common)?.skills_dir;
    let paths = if build.paths.is_empty() { vec![here()?] } else { build.paths.clone() };
    add_target(common)?;
    let mut dropped = Vec::new();
    for path in &paths {
        dropped.extend(build_into(common, path, &folder)?);
    }
    if common.json {
        print::json(&json!(dropped));
    } else if !common.quiet {
        for file in &dropped {
            print::note(&format!("built {}", file.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The skill or workspace that is meant when none is named.
fn here() -> Result<PathBuf, Fail> {
    for path in ["skills", "."] {
        let manifest = Path::new(path).join("Cargo.toml");
        // A checkout of skillhost has its skills in a workspace of their own; other folders are the skill.
        if manifest.exists() {
            return Ok(path.into());
        }
    }
    Err(Fail::usage("there is no Cargo.toml here or in skills/; name the skill's folder: `skillhost build PATH`"))
}

/// Compiles `path` and copies its components into `folder`. Gives what it wrote.
pub(crate) fn build_into(common: &Common, path: &Path, folder: &Path) -> Result<Vec<PathBuf>, Fail> {
    if !path.join("Cargo.toml").exists() {
        return Err(Fail::usage(format!("{} has no Cargo.toml; `skillhost new NAME` makes a skill", path.display())));
    }
    let artifacts = compile(common, path)?;
    if artifacts.is_empty() {
        return Err(Fail::failed(format!(
            "{} gives no component; its Cargo.toml needs `[lib] crate-type = [\"cdylib\"]`",
            path.display()
        )));
    }
    let drop_one = |artifact: &PathBuf| {
        let name = artifact.file_name().unwrap_or_default().to_string_lossy().replace('_', "-");
        drop_into(folder, &name, artifact).map_err(|error| {
            Fail::failed(format!("{} cannot be copied to {}: {error}", artifact.display(), folder.display()))
        })
    };
    artifacts.iter().map(drop_one).collect()
}

/// Copies to a hidden name and renames, so that a host that watches never meets half a file.
fn drop_into(folder: &Path, name: &str, artifact: &Path) -> std::io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let mut draft = tempfile::Builder::new().prefix(".").suffix(".part").tempfile_in(folder)?;
    draft.write_all(&fs::read(artifact)?)?;
    let path = folder.join(name);
    draft.persist(&path).map_err(|error| error.error)?;
    Ok(path)
}

/// Runs cargo; gives the paths of the components that it made.
fn compile(common: &Common, path: &Path) -> Result<Vec<PathBuf>, Fail> {
    let mut cargo = Command::new("cargo")
        .args(["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"])
        .args(common.quiet.then_some("--quiet"))
        .current_dir(path)
        .stdout(Stdio::piped())
        // Cargo shows what it compiles; on a terminal the bar does.
        .stderr(if print::is_attended() && common.verbose == 0 { Stdio::piped() } else { Stdio::inherit() })
        .spawn()
        .map_err(|error| Fail::failed(format!("cargo cannot be run: {error}; install Rust with rustup")))?;
    let bar = Bar::start(common, path);
    let complaints = cargo.stderr.take().map(|stderr| std::thread::spawn(move || collect(stderr)));
    let mut artifacts = Vec::new();
    let stdout = cargo.stdout.take();
    for line in stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines()).map_while(Result::ok) {
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        if message.get("reason").and_then(Value::as_str) != Some("compiler-artifact") {
            continue;
        }
        bar.step(message.pointer("/target/name").and_then(Value::as_str).unwrap_or_default());
        let kinds = message.pointer("/target/kind").and_then(Value::as_array);
        if kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib")) {
            let files = message.get("filenames").and_then(Value::as_array).into_iter().flatten();
            artifacts.extend(files.filter_map(Value::as_str).filter(|file| file.ends_with(".wasm")).map(PathBuf::from));
        }
    }
    let status = cargo.wait().map_err(|error| Fail::failed(format!("cargo cannot be waited for: {error}")))?;
    bar.end();
    let complaints = complaints.and_then(|thread| thread.join().ok()).unwrap_or_default();
    if !status.success() {
        // Cargo's own words, as it wrote them.
        drop(std::io::stderr().write_all(&complaints));
        return Err(Fail::failed(format!("{} does not compile", path.display())));
    }
    Ok(artifacts)
}

fn collect(mut from: impl std::io::Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What was read before an error is still worth showing.
    drop(from.read_to_end(&mut bytes));
    bytes
}

/// What is being compiled, on a terminal.
struct Bar(Option<ProgressBar>);

impl Bar {
    fn start(common: &Common, path: &Path) -> Self {
        Self((print::is_attended() && !common.quiet && common.verbose == 0).then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_message(format!("building {}", path.display()));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        }))
    }

    fn step(&self, name: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(format!("compiled {name}"));
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Adds the target to the toolchain, where rustup can.
fn add_target(common: &Common) -> Result<(), Fail> {
    let libraries = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    let installed = libraries.is_ok_and(|output| {
        Path::new(String::from_utf8_lossy(&output.stdout).trim()).exists() && output.status.success()
    });
    if installed {
        return Ok(());
    }
    if !common.quiet {
        print::note(&format!("adding the target {TARGET}"));
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).stdout(Stdio::null()).status();
    if added.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(Fail::failed(format!("Rust's target {TARGET} is missing; install it with `rustup target add {TARGET}`")))
}
