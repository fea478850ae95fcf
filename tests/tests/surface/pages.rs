//! The README and the pages in `docs/`, as their readers follow them.
//!
//! Contract: every command of an `sh` or a `console` block is run as it is typed, in order, in one shell and one folder of
//! its own per page; what a `console` block shows is what comes (`…` stands for anything). A block `LANGUAGE file=PATH` is a
//! file that the reader saves. `json` and `toml` are parsed, `yaml` is taken by the program as its configuration, and `rust` compiles.
//! Whatever is shown and not checked stands in [`NOT_RUN`] or [`NOT_CHECKED`] with its reason, and nothing does so in vain.
//!
//! `skillhost up` is another terminal: it goes on until the page ends or starts another, and must then end well. It
//! listens on a port of its own, which takes the place of the usual one in all that is shown.
//!
//! Price: the pages build skills and install a Python package; what they share is kept in `pages` in the target folder.

mod expect;
mod read;
mod reader;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use read::{Block, Page};
use reader::Reader;
use skillhost_tests::{World, binary};

/// The pages.
const PAGES: &[&str] = &["README.md", "docs/authors.md", "docs/operators.md", "docs/integrators.md"];

/// Commands that are shown and not run: how they begin, and why.
const NOT_RUN: &[(&str, &str)] = &[
    ("cargo run --release -- demo", "`tests/run` runs it"),
    ("export PATH=\"$PWD/target/release:$PATH\"", "it is how the others find the program"),
    ("npm install @bytecodealliance/componentize-js", "`tests/guests/js/build` runs it"),
    ("npx componentize-js", "`tests/guests/js/build` runs it"),
    ("claude mcp add", "it is another program's command"),
];

/// Languages of blocks that are shown and not checked, and why.
const NOT_CHECKED: &[(&str, &str)] =
    &[("text", "there is nothing to check it against"), ("ini", "systemd reads it"), ("nginx", "nginx reads it")];

/// The example skills that the tour builds.
const EXAMPLES: &[&str] = &["fetch", "jq", "markdown", "repo-scan", "summarize", "textkit", "triage", "units"];

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn page(path: &str) -> Page {
    Page::read(path, &std::fs::read_to_string(checkout().join(path)).unwrap())
}

/// Follows a page from its first line to its last.
fn follow(path: &str, files: &[&str]) {
    let mut reader = Reader::new(path);
    reader.copy(&checkout().join("README.md"), "README.md");
    for name in files {
        let file = format!("skills/dist/{name}.wasm");
        let built = checkout().join(&file);
        assert!(built.exists(), "{} is missing; make it with: skillhost build skills", built.display());
        reader.copy(&built, &file);
    }
    let page = page(path);
    assert!(page.blocks.iter().any(Block::is_typed), "{path} has no commands");
    for block in &page.blocks {
        reader.follow(block, NOT_RUN);
    }
    reader.end();
}

#[test]
fn every_command_of_the_readme_works_as_typed() {
    follow("README.md", EXAMPLES);
}

#[test]
fn every_command_for_skill_authors_works_as_typed() {
    follow("docs/authors.md", &[]);
}

#[test]
fn every_command_for_operators_works_as_typed() {
    follow("docs/operators.md", EXAMPLES);
}

#[test]
fn every_command_for_integrators_works_as_typed() {
    follow("docs/integrators.md", EXAMPLES);
}

#[test]
fn every_configuration_on_the_pages_is_taken() {
    for path in PAGES {
        for block in page(path).blocks.iter().filter(|block| block.language == "yaml") {
            let mut world = World::new();
            world.configure(&block.text);
            // Secrets are named and not given: these are their values.
            for name in block.text.split("${").skip(1).filter_map(|rest| rest.split('}').next()) {
                world = world.with_variable(name, "EXAMPLE-0123456789");
            }
            let ran = world.run(&["list"]);
            assert_eq!(ran.code, Some(0), "{path}:{}: {ran}", block.line);
        }
    }
}

#[test]
fn the_configuration_in_the_checkout_is_taken() {
    let world = World::new();
    world.configure(&std::fs::read_to_string(checkout().join("config.yaml")).unwrap());
    let ran = world.run(&["list"]);
    assert_eq!(ran.code, Some(0), "{ran}");
}

#[test]
fn every_document_on_the_pages_can_be_read() {
    for path in PAGES {
        for block in &page(path).blocks {
            let place = format!("{path}:{}", block.line);
            match block.language.as_str() {
                "json" => {
                    let documents = serde_json::Deserializer::from_str(&block.text).into_iter::<serde_json::Value>();
                    let read: Result<Vec<_>, _> = documents.collect();
                    assert!(read.as_ref().is_ok_and(|documents| !documents.is_empty()), "{place}: {read:?}");
                }
                "toml" => {
                    let read = "import sys, tomllib; tomllib.loads(sys.argv[1])";
                    let ran = Command::new("python3").args(["-c", read, &block.text]).output().unwrap();
                    assert!(ran.status.success(), "{place}: {}", String::from_utf8_lossy(&ran.stderr));
                }
                _ => {}
            }
        }
    }
}

#[test]
fn the_rust_on_the_pages_compiles() {
    let mut code = String::from("#![allow(dead_code)]\n");
    for path in PAGES {
        for block in page(path).blocks.iter().filter(|block| block.language == "rust" && block.file.is_none()) {
            let name: String = path.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect();
            code += &format!("mod {}_{} {{\n{}}}\n", name.to_lowercase(), block.line, block.text);
        }
    }
    let folder = reader::folder("fragments");
    let manifest = format!(
        "[package]\nname = \"fragments\"\nedition = \"2024\"\n[workspace]\n[dependencies]\nschemars = \"1\"\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\nskillhost-sdk = {{ path = \"{}\" }}\n",
        checkout().join("sdk").display()
    );
    std::fs::create_dir_all(folder.join("src")).unwrap();
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(folder.join("src/lib.rs"), code).unwrap();
    let mut cargo = Command::new("cargo");
    cargo.args(["check", "--quiet"]).current_dir(&folder).env_remove("CARGO_TARGET_DIR");
    let ran = cargo.env("CARGO_BUILD_BUILD_DIR", reader::shared()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn operators_find_every_key() {
    let defaults = std::fs::read_to_string(checkout().join("config.yaml")).unwrap();
    let page = std::fs::read_to_string(checkout().join("docs/operators.md")).unwrap();
    let mut section = String::new();
    let mut count = 0;
    for line in defaults.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.split('#').next().unwrap_or_default().trim();
        let (name, is_inner) = (key.trim(), key.starts_with(' '));
        let shown = if is_inner { format!("{section}.{name}") } else { name.to_owned() };
        if !is_inner {
            section = name.to_owned();
        }
        // A section that is opened has its keys below it.
        let is_section = !is_inner && value.is_empty();
        assert!(is_section || page.contains(&format!("`{shown}`")), "docs/operators.md says nothing of `{shown}`");
        count += 1;
    }
    assert!(count > 30, "{count} keys");
}

#[test]
fn nothing_on_the_pages_goes_unchecked_without_a_reason() {
    let pages: Vec<Page> = PAGES.iter().map(|path| page(path)).collect();
    let mut excused = BTreeSet::new();
    for page in &pages {
        for block in &page.blocks {
            let language = block.language.as_str();
            let place = format!("{}:{}", page.path, block.line);
            let known = ["sh", "console", "json", "toml", "yaml", "rust"].contains(&language) || block.file.is_some();
            if !known {
                let (excuse, _) = *NOT_CHECKED
                    .iter()
                    .find(|(language, _)| *language == block.language)
                    .unwrap_or_else(|| panic!("{place}: nothing checks `{language}`"));
                excused.insert(excuse);
            }
            excused.extend(block.not_run(NOT_RUN));
        }
    }
    for (excuse, reason) in NOT_RUN.iter().chain(NOT_CHECKED) {
        assert!(excused.contains(excuse), "`{excuse}` ({reason}) stands on no page any more");
    }
}

#[test]
fn every_link_on_the_pages_leads_somewhere() {
    for path in PAGES {
        let page = page(path);
        let folder = checkout().join(path).parent().unwrap().to_owned();
        for link in &page.links {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { checkout().join(path) } else { folder.join(file) };
            assert!(target.exists(), "{path}: there is no {link}");
            if !anchor.is_empty() {
                let text = std::fs::read_to_string(&target).unwrap();
                let anchors = Page::read(link, &text).anchors;
                assert!(anchors.iter().any(|known| known == anchor), "{path}: {link}: there are {anchors:?}");
            }
        }
    }
}

#[test]
fn commands_that_the_text_names_exist() {
    let help = Command::new(binary()).arg("--help").output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let known: BTreeSet<&str> = help
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .filter(|word| word.chars().all(char::is_alphanumeric))
        .collect();
    for path in PAGES {
        for code in &page(path).code {
            let mut words = code.split_whitespace().skip_while(|word| *word != "skillhost");
            if let (Some("skillhost"), Some(command)) = (words.next(), words.next()) {
                assert!(known.contains(command) || command.starts_with('-'), "{path}: `{code}`: there are {known:?}");
            }
        }
    }
}
