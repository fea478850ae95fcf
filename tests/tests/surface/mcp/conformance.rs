//! The official conformance suite against `/mcp`.
//!
//! The suite calls tools by the names that they have on its own server. Tools here are `{skill}__{tool}`, so a proxy puts the names of
//! guests that give the same in their place; it also sends the token. Every scenario of the suite is either in [`RUN`], where
//! none may fail, or in [`NOT_APPLICABLE`] with the reason; one that is in neither fails the test.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::{add_notes, serving, token};

/// What is installed, and the Node.js that it asks for.
const SUITE: [&str; 2] = ["@modelcontextprotocol/conformance@0.1.16", "node@22.23.3"];

/// The suite's names, longest first, and what stands for them here.
const NAMES: [(&str, &str); 7] = [
    ("test_simple_text", "hostile__all-content"),
    ("test_image_content", "hostile__all-content"),
    ("test_audio_content", "hostile__all-content"),
    ("test_error_handling", "errors__failed"),
    (
        "\"name\":\"test_tool_with_progress\",\"arguments\":{}",
        "\"name\":\"hostile__progress-flood\",\"arguments\":{\"times\":5,\"bytes\":3}",
    ),
    ("test://static-text", "skill://notes/SKILL.md"),
    ("test://static-binary", "skill://notes/assets/dot.png"),
];

const RUN: &[&str] = &[
    "server-initialize",
    "ping",
    "tools-list",
    "tools-call-simple-text",
    "tools-call-image",
    "tools-call-audio",
    "tools-call-error",
    "tools-call-with-progress",
    "server-sse-multiple-streams",
    "server-sse-polling",
    "resources-list",
    "resources-read-text",
    "resources-read-binary",
    "prompts-list",
    "completion-complete",
    "dns-rebinding-protection",
];

const NOT_APPLICABLE: &[(&str, &str)] = &[
    ("logging-set-level", "the protocol has deprecated logging; a run's log is in its record"),
    ("tools-call-with-logging", "the same"),
    ("tools-call-sampling", "the protocol has deprecated sampling; skills ask models through the host"),
    ("tools-call-embedded-resource", "a tool's content is text, images and audio"),
    ("tools-call-mixed-content", "it asks for an embedded resource"),
    ("tools-call-elicitation", "a tool asks nobody in the middle of a run"),
    ("elicitation-sep1034-defaults", "the same"),
    ("elicitation-sep1330-enums", "the same"),
    ("json-schema-2020-12", "it asks for a tool of a name that no tool can have here"),
    ("prompts-get-simple", "there are no prompts; what a skill tells is its SKILL.md"),
    ("prompts-get-with-args", "the same"),
    ("prompts-get-embedded-resource", "the same"),
    ("prompts-get-with-image", "the same"),
    ("resources-templates-read", "files of skills are listed; there are no templates"),
    ("resources-subscribe", "the bytes of a file never change; `list_changed` tells of another generation"),
    ("resources-unsubscribe", "the same"),
];

/// A process that ends with the value.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Where the suite is installed.
#[track_caller]
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mcp-conformance");
    if !folder.join("node_modules/.bin/conformance").exists() || !folder.join("node_modules/.bin/node").exists() {
        std::fs::create_dir_all(&folder).unwrap();
        let made = Command::new("npm")
            .args(["install", "--silent", "--no-save", "--prefix"])
            .arg(&folder)
            .args(SUITE)
            .status();
        assert!(
            made.is_ok_and(|status| status.success()),
            "no suite; install it with: npm install {}",
            SUITE.join(" ")
        );
    }
    folder
}

fn node(suite: &Path) -> Command {
    Command::new(suite.join("node_modules/.bin/node"))
}

fn conformance(suite: &Path) -> Command {
    let mut command = node(suite);
    command.arg(suite.join("node_modules/@modelcontextprotocol/conformance/dist/index.js"));
    command
}

#[test]
fn every_scenario_that_applies_passes() {
    let suite = installed();
    let list = conformance(&suite).args(["list", "--server"]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let all: BTreeSet<&str> =
        list.lines().filter_map(|line| line.trim().strip_prefix("- ")?.split(' ').next()).collect();
    let known: BTreeSet<&str> = RUN.iter().copied().chain(NOT_APPLICABLE.iter().map(|(name, _)| *name)).collect();
    assert_eq!(all, known, "every scenario is run or has its reason");

    let (world, mut up) = serving(&["hostile", "errors"]);
    add_notes(&world);
    up.wait_for("absorbed", "notes");
    let how = json!({"upstream": up.address(), "token": token(&world, "suite", "caller"), "names": NAMES});
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/surface/mcp/authorize.mjs");
    let proxy = node(&suite).arg(script).arg(how.to_string()).stdout(Stdio::piped()).spawn().unwrap();
    let mut proxy = Ends(proxy);
    let mut port = String::new();
    BufReader::new(proxy.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let url = format!("http://127.0.0.1:{}/mcp", port.trim());
    let failed: Vec<String> = RUN
        .iter()
        .filter_map(|scenario| {
            let mut command = conformance(&suite);
            command.current_dir(world.root()).args(["server", "--url", &url, "--scenario", scenario]);
            let ran = command.output().unwrap();
            let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
            (!ran.status.success()).then(|| format!("{scenario}:\n{said}"))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
