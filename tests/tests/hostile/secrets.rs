//! Secrets: the server that they are for gets them, and nobody else ever sees them.
//!
//! Contract: a secret is looked for in all that a person or a program can read afterwards, down to the bytes of the data
//! directory, as it is and in every form that a server gave it back in. That the server got it is seen at the server.

use std::fs;
use std::path::Path;

use serde_json::json;
use skillhost_tests::{Ran, World};

use crate::kit::{fail_with, healthy};
use crate::server::{Server, base64, escaped, hex};

/// The attacks, by their tool.
pub(crate) const TOOLS: [&str; 2] = ["everything", "fail"];

/// With characters that encodings change.
const FROM_ENVIRONMENT: &str = "EXAMPLE/env+7f3c9a1b=5d2e4860~Qz";
const FROM_FILE: &str = "EXAMPLE-file-c41d8cd98f00b204/e98=";

const GRANTS: [&str; 5] = [
    "http.request http://localhost:PORT/*",
    "secrets.use up",
    "secrets.use down",
    "blackboard.write leaker:*",
    "events.append skill.*",
];

/// A world with a leaker that was granted `grants`, and secrets for `server`.
fn world(server: &Server, grants: &[&str]) -> World {
    let world = World::with(&["healthy", "leaker", "greedy"]);
    let grants: Vec<_> = grants.iter().map(|grant| grant.replace("PORT", &server.port().to_string())).collect();
    world.aside("down.txt", format!("{FROM_FILE}\n").as_bytes());
    world.configure(&format!(
        r#"secrets:
  up: {{ value: "${{UPSTREAM_KEY}}", hosts: ["{0}"], header: "Authorization: Bearer {{}}" }}
  down: {{ value: "file:down.txt", hosts: ["{0}"], header: "X-Down-Key: {{}}" }}
grants:
  leaker: {1}
  greedy: ["skills.call *", "blackboard.* *", "events.read *"]
"#,
        server.origin(),
        json!(grants)
    ));
    run(&world, &["list"]);
    world
}

/// The binary, with the secret in its environment.
#[track_caller]
fn run(world: &World, arguments: &[&str]) -> Ran {
    let output = world.command(arguments).env("UPSTREAM_KEY", FROM_ENVIRONMENT).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (line, took, peak_kib) = (arguments.join(" "), std::time::Duration::ZERO, 0);
    Ran { line, code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr), took, peak_kib }
}

#[track_caller]
fn leak(world: &World, tool: &str, url: &str, more: &[&str]) -> Ran {
    let headers = json!({"x-own": "the guest's own", "authorization": "the guest's guess"});
    let (target, input) = (format!("leaker.{tool}"), json!({ "url": url, "headers": headers }).to_string());
    run(world, &[&["run", &target, "--json", "--input", &input], more].concat())
}

/// Every form in which one of the secrets must not be found.
fn forms() -> Vec<String> {
    let forms = |value: &str| {
        // In the middle of a longer base64 text, only some letters are the value's own.
        let within = |before: &str| {
            let text = base64(format!("{before}{value}").as_bytes());
            text[before.len() * 4 / 3 + 2..(before.len() + value.len()) * 4 / 3 - 2].to_owned()
        };
        let whole = base64(value.as_bytes());
        [
            value.to_owned(),
            whole.trim_end_matches('=').to_owned(),
            within("user:"),
            within("Bearer "),
            hex(value.as_bytes()),
            hex(value.as_bytes()).to_uppercase(),
            escaped(value),
        ]
    };
    [forms(FROM_ENVIRONMENT), forms(FROM_FILE)].concat()
}

/// Which forms are in there.
fn found(bytes: &[u8]) -> Vec<String> {
    let is_in = |form: &String| bytes.windows(form.len()).any(|window| window == form.as_bytes());
    forms().into_iter().filter(is_in).collect()
}

/// What shows a secret in all that is printed and kept.
fn shown(world: &World, printed: &[Ran]) -> Vec<String> {
    let mut faults = Vec::new();
    for ran in printed {
        for (stream, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
            let found = found(text.as_bytes());
            if !found.is_empty() {
                faults.push(format!("{stream} shows {found:?}: {ran}"));
            }
        }
    }
    let mut is_kept = false;
    each_file(&world.data(), &mut |path, bytes| {
        is_kept |= String::from_utf8_lossy(bytes).contains("[redacted:");
        let found = found(bytes);
        if !found.is_empty() {
            faults.push(format!("{} holds {found:?}", path.display()));
        }
    });
    if !is_kept {
        faults.push("no file of the data directory holds what was leaked in a form that can be searched".to_owned());
    }
    faults
}

fn each_file(folder: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            each_file(&path, look);
        } else {
            look(&path, &fs::read(&path).unwrap());
        }
    }
}

fn received(server: &Server) -> bool {
    server.seen().iter().any(|head| {
        let head = head.to_lowercase();
        head.contains(&format!("authorization: bearer {}\r\n", FROM_ENVIRONMENT.to_lowercase()))
            && head.contains(&format!("x-down-key: {}\r\n", FROM_FILE.to_lowercase()))
    })
}

#[test]
fn the_upstream_receives_a_secret_and_nothing_that_can_be_read_ever_shows_it() {
    let mut faults = Vec::new();
    for tool in TOOLS {
        for path in ["/echo", "/pieces", "/headers", "/refusing"] {
            let server = Server::new();
            let world = world(&server, &GRANTS);
            let url = format!("{}{path}", server.origin());
            let ran = leak(&world, tool, &url, &["-vv"]);
            if !received(&server) {
                faults.push(format!("{tool} {path}: the server did not receive them: {:?}, {ran}", server.seen()));
            }
            if (tool == "fail") != (ran.kind() == "tool-error") {
                faults.push(format!("{tool} {path}: {ran}"));
            }
            if !ran.stdout.contains("[redacted:up]") || !ran.stdout.contains("[redacted:down]") {
                faults.push(format!("{tool} {path} was not given back: {ran}"));
            }
            let id = ran.json()["run"].as_str().unwrap().to_owned();
            let mut printed = vec![ran];
            for line in [
                vec!["show", &id],
                vec!["show", &id, "--json"],
                vec!["show", &id, "-vv"],
                vec!["runs", "--json"],
                vec!["events", "--json", "--after", "0", "--limit", "10000"],
                vec!["events", "-vv"],
                vec!["inspect", "leaker"],
                vec!["list", "--json", "-vv"],
                vec!["run", "leaker.everything", &format!("url={url}")],
                vec!["run", "leaker.everything", &format!("url={url}"), "-vv", "--timeout", "1ms"],
            ] {
                printed.push(run(&world, &line));
            }
            assert!(printed[1].stdout.contains("redacted"), "the run's log was shown: {}", printed[1]);
            faults.extend(shown(&world, &printed).into_iter().map(|fault| format!("{tool} {path}: {fault}")));
            faults.extend(healthy(&world).err());
        }
    }
    fail_with(&faults);
}

#[test]
fn another_skill_finds_no_secret_on_the_board_and_in_the_events() {
    let server = Server::new();
    let world = world(&server, &GRANTS);
    let leak = json!({"call": "call-skill", "skill": "leaker", "tool": "everything", "input": {"url": format!("{}/pieces", server.origin())}});
    let steps =
        json!({"steps": [leak, {"call": "get", "key": "leaker:everything"}, {"call": "events-read", "kinds": ["*"]}]});
    let ran = run(&world, &["run", "greedy.steps", "--json", "--input", &steps.to_string()]);
    assert!(received(&server), "{:?}, {ran}", server.seen());
    let data = ran.data();
    assert!(data[1]["ok"].to_string().contains("[redacted:up]"), "it is on the board: {ran}");
    assert!(data[2]["ok"].to_string().contains("skill.leaked"), "it is among the events: {ran}");
    fail_with(&shown(&world, &[ran]));
}

#[test]
fn a_secret_that_a_guest_writes_itself_is_known_as_well() {
    let server = Server::new();
    let world = world(&server, &GRANTS);
    // As if it had found it elsewhere.
    let input = json!({ "a": FROM_FILE, "b": [base64(FROM_ENVIRONMENT.as_bytes())], "c": hex(FROM_FILE.as_bytes()) });
    let ran = run(&world, &["run", "healthy.echo", "--json", "--input", &input.to_string()]);
    assert!(ran.stdout.contains("redacted"), "{ran}");
    let events = run(&world, &["events", "--json", "--after", "0"]);
    fail_with(&shown(&world, &[ran, events]));
}

#[test]
fn without_a_grant_of_it_a_secret_is_not_sent() {
    for without in [vec![GRANTS[0]], vec![GRANTS[0], "secrets.use sideways"], GRANTS[..2].to_vec()] {
        let server = Server::new();
        let world = world(&server, &without);
        let ran = leak(&world, "everything", &format!("{}/echo", server.origin()), &[]);
        assert_eq!(ran.code, Some(0), "{ran}");
        let head = server.seen().concat();
        assert!(head.contains("the guest's own"), "the request was sent: {head}");
        assert_eq!(head.contains(FROM_ENVIRONMENT), without.contains(&"secrets.use up"), "{head}");
        assert!(!head.contains(FROM_FILE), "{head}");
    }
}

#[test]
fn a_secret_goes_to_its_host_alone() {
    let (server, other) = (Server::new(), Server::new());
    let granted = format!("http.request {}/*", other.origin());
    let by_address = format!("http.request http://127.0.0.1:{}/*", server.port());
    let world = world(&server, &[&GRANTS[..], &[&granted, &by_address]].concat());
    for url in [format!("{}/echo", other.origin()), format!("http://127.0.0.1:{}/echo", server.port())] {
        let ran = leak(&world, "everything", &url, &[]);
        assert_eq!(ran.code, Some(0), "{ran}");
    }
    for (server, name) in [(&other, "another port"), (&server, "another name")] {
        let head = server.seen().concat();
        assert!(head.contains("the guest's own"), "{name}: the request was sent: {head}");
        assert_eq!(found(head.as_bytes()), Vec::<String>::new(), "{name}: {head}");
    }
}

#[test]
fn a_secret_does_not_follow_a_redirect() {
    let other = Server::new();
    let server = Server::leading_to(&format!("{}/echo", other.origin()));
    let granted = format!("http.request {}/*", other.origin());
    let world = world(&server, &[&GRANTS[..], &[&granted]].concat());
    let ran = leak(&world, "everything", &format!("{}/away", server.origin()), &[]);
    assert_eq!(ran.data()["seen"]["answer"]["status"], 302, "it is the guest's to follow: {ran}");
    assert!(received(&server), "{:?}", server.seen());
    assert_eq!(other.seen(), Vec::<String>::new());
}

#[test]
fn a_secret_in_clear_is_an_error_that_does_not_repeat_it() {
    let world = World::with(&["healthy"]);
    for value in [FROM_ENVIRONMENT, "$UPSTREAM_KEY-in-clear-1234", "file:"] {
        let secret = json!({"value": value, "hosts": ["https://api.example.com"], "header": "X-Key: {}"});
        world.configure(&format!("secrets:\n  up: {secret}\n"));
        for line in [["list", "-vv"], ["up", "-v"]] {
            let ran = run(&world, &line);
            assert_eq!(ran.code, Some(2), "{ran}");
            assert!(ran.stderr.contains("secret") && ran.stderr.contains("line 2"), "{ran}");
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(value == "file:" || !said.contains(value), "{ran}");
        }
    }
}

#[test]
fn a_secret_that_would_go_to_anybody_or_in_the_clear_is_an_error() {
    let world = World::with(&["healthy"]);
    for hosts in [json!(["*"]), json!(["https://*"]), json!(["http://example.com"]), json!([])] {
        let secret = json!({"value": "${UPSTREAM_KEY}", "hosts": hosts, "header": "X-Key: {}"});
        world.configure(&format!("secrets:\n  up: {secret}\n"));
        let ran = run(&world, &["list"]);
        assert_eq!(ran.code, Some(2), "{hosts}: {ran}");
        assert!(ran.stderr.contains("`up`"), "names the secret: {ran}");
        assert_eq!(found(ran.stderr.as_bytes()), Vec::<String>::new(), "{ran}");
    }
}
