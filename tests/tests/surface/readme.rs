//! Every command of the README, as typed.

use std::path::{Path, PathBuf};
use std::process::Command;

use skillhost_tests::{World, binary};

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The lines of the README's shell blocks.
fn commands(readme: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            command if inside && !command.trim().is_empty() => found.push(command.to_owned()),
            _ => {}
        }
    }
    found
}

fn type_in(world: &World, line: &str) {
    let folder = binary().parent().unwrap().to_owned();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let ran = Command::new("bash")
        .args(["-euo", "pipefail", "-c", line])
        .current_dir(world.root())
        .env("PATH", path)
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "`{line}` ended with {}\n{stdout}\n{stderr}", ran.status);
}

/// A world with the README and the built example skills in it.
fn world() -> (World, PathBuf) {
    let world = World::new();
    world.aside("README.md", &std::fs::read(checkout().join("README.md")).unwrap());
    let folder = world.root().join("skills/dist");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["fetch", "jq", "markdown", "repo-scan", "summarize", "textkit", "triage", "units"] {
        let file = format!("{name}.wasm");
        let built = checkout().join("skills/dist").join(&file);
        std::fs::copy(&built, folder.join(file)).unwrap_or_else(|error| {
            panic!("{}: {error}; make it with: skillhost build skills", built.display());
        });
    }
    (world, folder)
}

#[test]
fn every_command_of_the_readme_works_as_typed() {
    let (world, folder) = world();
    let readme = std::fs::read_to_string(world.root().join("README.md")).unwrap();
    let lines = commands(&readme);
    assert!(lines.len() > 12, "{lines:?}");
    for line in lines {
        match line.as_str() {
            // `tests/run` does the first by itself, and the second is how the others find the program.
            "cargo run --release -- demo" | "export PATH=\"$PWD/target/release:$PATH\"" => {}
            // Until Ctrl-C.
            "skillhost up" => type_in(&world, "timeout --preserve-status --signal INT 3 skillhost up"),
            // With the running host that the text asks for.
            line if line.starts_with("skillhost send ") || line == "skillhost agents" => type_in(
                &world,
                &format!(
                    "skillhost up & trap 'kill %1; wait' EXIT
                     until skillhost agents >/dev/null 2>&1; do kill -0 %1; done
                     {line}"
                ),
            ),
            line => type_in(&world, line),
        }
        if line == "skillhost build hello" {
            type_in(&world, "cp skills/dist/hello.wasm hello-2.wasm && cd hello && cargo test --quiet");
        }
    }
    assert!(!folder.join("hello.wasm").exists(), "the last of them removed it");
}
