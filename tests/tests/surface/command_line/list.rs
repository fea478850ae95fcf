//! `list`, `inspect`, `new`, `--help`: what there is, and where it is said.

use std::fs;

use serde_json::{Value, json};
use skillhost_tests::{World, guest};

use crate::{fields, has_fields, is_digest};

/// With `serving`, which says what serves where a newer file waits or was refused.
const ENTRY: [&str; 8] = ["name", "version", "state", "digest", "file", "tools", "reason", "serving"];

const INSPECTED: [&str; 18] = [
    "name",
    "version",
    "description",
    "kind",
    "digest",
    "file",
    "size",
    "state",
    "reason",
    "serving",
    "tools",
    "subscriptions",
    "imports",
    "wants",
    "grants",
    "imports_without_asking",
    "asks_without_importing",
    // Beyond the contract's list: the text of a skill that is told rather than called.
    "instructions",
];

#[track_caller]
fn inspected(world: &World, target: &str) -> Value {
    let ran = world.run(&["inspect", target, "--json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let object = ran.json();
    let (documented, more) = INSPECTED.split_at(17);
    has_fields(&object, documented, more);
    object
}

#[test]
fn a_list_of_nothing_is_an_empty_array() {
    assert_eq!(World::new().list(), Vec::<Value>::new());
}

#[test]
fn list_has_an_entry_for_each_file_absorbed_or_not() {
    let world = World::with(&["healthy", "plain-zoo"]);
    world.put("broken.wasm", b"no component");
    let list = world.list();
    let names: Vec<_> = list.iter().map(|entry| entry["file"].as_str().unwrap()).collect();
    assert_eq!(names, ["broken.wasm", "healthy.wasm", "plain-zoo.wasm"]);
    for entry in &list {
        has_fields(entry, &ENTRY[..7], &ENTRY[7..]);
    }
    let [broken, healthy, zoo] = &list[..] else { panic!("{list:?}") };
    assert_eq!(healthy["name"], "healthy");
    assert_eq!(healthy["version"], "1.0.0");
    assert_eq!(healthy["state"], "active");
    assert_eq!(healthy["tools"], json!(["echo", "generation", "slow", "count"]), "tools are names");
    assert!(healthy["reason"].is_null());
    assert!(is_digest(&healthy["digest"]), "{healthy}");
    assert_eq!(zoo["version"], "0.0.0", "a plain component without metadata");
    assert_eq!(broken["state"], "refused");
    assert!(!broken["reason"].as_str().unwrap().is_empty());
    let for_people = world.run(&["list"]);
    assert_eq!(for_people.code, Some(0));
    for word in ["healthy", "plain-zoo", "broken.wasm", "refused", broken["reason"].as_str().unwrap()] {
        assert!(for_people.stdout.contains(word), "`{word}`: {for_people}");
    }
}

#[test]
fn inspect_shows_what_a_native_skill_offers_and_asks() {
    let world = World::with(&["healthy"]);
    let object = inspected(&world, "healthy");
    assert_eq!(object["kind"], "native");
    assert_eq!(object["file"], "healthy.wasm");
    assert_eq!(object["size"], fs::metadata(guest("healthy")).unwrap().len());
    assert_eq!(object["state"], "active");
    assert_eq!(object["digest"], world.entry("healthy.wasm")["digest"]);
    for tool in object["tools"].as_array().unwrap() {
        has_fields(tool, &["name", "description", "input_schema", "output_schema", "hints"], &[]);
        assert_eq!(tool["input_schema"]["type"], "object");
    }
    for want in object["wants"].as_array().unwrap() {
        has_fields(want, &["capability", "scope", "reason"], &[]);
    }
    let asked: Vec<_> =
        object["wants"].as_array().unwrap().iter().map(|want| (&want["capability"], &want["scope"])).collect();
    assert_eq!(
        asked,
        [(&json!("blackboard.read"), &json!("healthy:*")), (&json!("blackboard.write"), &json!("healthy:*"))]
    );
    assert_eq!(object["grants"], json!(["blackboard.read healthy:*", "blackboard.write healthy:*"]));
    assert_eq!(object["subscriptions"], json!([]));
    let imports = object["imports"].as_array().unwrap();
    assert!(imports.contains(&json!("skillhost:skill/blackboard@0.1.0")), "{object}");
    let for_people = world.run(&["inspect", "healthy"]);
    for tool in ["echo", "generation", "slow", "count"] {
        assert!(for_people.stdout.contains(tool), "{for_people}");
    }
}

#[test]
fn inspect_compares_what_is_asked_with_what_is_imported() {
    let world = World::with(&["recorder", "errors"]);
    assert_eq!(inspected(&world, "recorder")["subscriptions"], json!(["notes:*"]));
    let hostile = World::with(&["hostile"]);
    let object = inspected(&hostile, "hostile");
    let unasked = object["imports_without_asking"].as_array().unwrap();
    assert!(unasked.contains(&json!("skillhost:skill/llm@0.1.0")), "{unasked:?}");
    assert!(!unasked.contains(&json!("skillhost:skill/blackboard@0.1.0")), "{unasked:?}");
    assert_eq!(object["asks_without_importing"], json!([]));
    let plain = World::with(&["plain-board"]);
    let object = inspected(&plain, "plain-board");
    assert_eq!(object["kind"], "plain");
    let wants = object["wants"].as_array().unwrap();
    assert!(wants.iter().any(|want| want["capability"] == "blackboard.write" && want["scope"] == "*"), "{wants:?}");
}

#[test]
fn inspect_takes_a_file_too_and_tells_what_was_refused() {
    let world = World::new();
    fs::copy(guest("healthy"), world.root().join("x.wasm")).unwrap();
    let object = inspected(&world, "./x.wasm");
    assert_eq!(object["name"], "healthy");
    assert_eq!(fields(&object["tools"][0]).len(), 5);
    world.put("broken.wasm", b"no component");
    let object = inspected(&world, "broken");
    assert_eq!(object["state"], "refused");
    assert!(!object["reason"].as_str().unwrap().is_empty());
    for nobody in ["nobody", "./nobody.wasm"] {
        for json in [&[] as &[&str], &["--json"]] {
            let ran = world.run(&[&["inspect", nobody], json].concat());
            assert_eq!(ran.code, Some(3), "{ran}");
            assert!(ran.stderr.contains("nobody"), "{ran}");
        }
    }
}

#[test]
fn new_writes_a_skill_once_under_a_name_that_a_skill_may_have() {
    let world = World::new();
    // `new` writes where one stands.
    let made = world.run(&["new", "hello"]);
    assert_eq!(made.code, Some(0), "{made}");
    for file in ["Cargo.toml", "src/lib.rs", "README.md"] {
        assert!(world.root().join("hello").join(file).is_file(), "{file}: {made}");
    }
    let written = fs::read_to_string(world.root().join("hello/src/lib.rs")).unwrap();
    let again = world.run(&["new", "hello"]);
    assert_ne!(again.code, Some(0), "{again}");
    assert_eq!(fs::read_to_string(world.root().join("hello/src/lib.rs")).unwrap(), written, "nothing is overwritten");
    let agent = world.run(&["new", "sentry", "--agent"]);
    assert_eq!(agent.code, Some(0), "{agent}");
    assert!(fs::read_to_string(world.root().join("sentry/Cargo.toml")).unwrap().contains("name = \"sentry\""));
    for name in ["Bad Name", "UPPER", "", "-x", "a_b", "9a", &"a".repeat(49)] {
        let ran = world.run(&["new", name]);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.stderr.contains("error"), "{ran}");
    }
    let mut there: Vec<_> = fs::read_dir(world.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    there.retain(|name| name != "skills" && name != "data");
    there.sort();
    assert_eq!(there, ["hello", "sentry"]);
}

#[test]
fn help_names_every_command_and_goes_to_standard_output() {
    let world = World::new();
    let help = world.run(&["--help"]);
    assert_eq!(help.code, Some(0), "{help}");
    assert!(help.stderr.is_empty(), "{help}");
    for command in ["demo", "up", "run", "list", "inspect", "new", "build", "events", "runs", "show"] {
        let line = help.stdout.lines().find(|line| line.trim_start().starts_with(&format!("{command} ")));
        assert!(line.is_some(), "`{command}` is not in {help}");
        let own = world.run(&[command, "--help"]);
        assert_eq!(own.code, Some(0), "{own}");
        for flag in ["--config", "--skills", "--data", "--json", "--verbose", "--quiet"] {
            assert!(own.stdout.contains(flag), "{flag}: {own}");
        }
    }
    let run = world.run(&["run", "--help"]);
    for flag in ["--input", "--fuel", "--timeout", "--memory", "--grant", "--tenant", "KEY=VALUE"] {
        assert!(run.stdout.contains(flag), "{flag}: {run}");
    }
    let version = world.run(&["--version"]);
    assert!(version.code == Some(0) && version.stdout.starts_with("skillhost "), "{version}");
}

#[test]
fn off_a_terminal_nothing_is_coloured() {
    let world = World::with(&["healthy"]);
    world.put("broken.wasm", b"no component");
    for arguments in [
        &["list"] as &[&str],
        &["list", "-v"],
        &["list", "-vv"],
        &["inspect", "healthy"],
        &["run", "healthy.echo", "a=1", "-v"],
        &["run", "healthy.nothing"],
        &["runs"],
        &["events"],
        &["frobnicate"],
        &["--help"],
    ] {
        let ran = world.run(arguments);
        assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran}");
    }
}

#[test]
fn a_result_that_cannot_be_written_is_no_success() {
    let world = World::with(&["healthy"]);
    for arguments in
        [&["run", "healthy.echo", "a=1"] as &[&str], &["run", "healthy.echo", "--json"], &["list", "--json"]]
    {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = world.command(arguments).stdout(full).output().unwrap();
        assert_ne!(output.status.code(), Some(0), "{arguments:?} on a full disk");
        assert!(!output.stderr.is_empty(), "{arguments:?} says why");
    }
}

#[test]
fn quiet_commands_say_nothing_but_results_and_errors() {
    let world = World::with(&["healthy"]);
    let ran = world.run(&["run", "healthy.echo", "a=1", "-q"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran}");
    assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap(), json!({"a": "1"}));
    let ran = world.run(&["run", "nobody", "-q"]);
    assert!(ran.code == Some(3) && ran.stderr.contains("nobody"), "errors are said: {ran}");
    let verbose = world.run(&["run", "healthy.echo", "a=1", "-v"]);
    assert_eq!(verbose.stdout, world.run(&["run", "healthy.echo", "a=1", "-q"]).stdout, "the results are the same");
}
