//! The data directory and the files that secrets come from are not there.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use skillhost_tests::World;

use super::{SECRET, link, world};
use crate::directories::calls;
use crate::kit::{fail_with, healthy};

const HIDDEN: [&str; 22] = [
    "data",
    "data/",
    "data/.",
    "data/state.db",
    "data/events.db",
    "./data/state.db",
    "data//state.db",
    "data/./events.db",
    "data/cache/../state.db",
    "nested/../data/state.db",
    "nested/deeper/up/data/events.db",
    "to-data/state.db",
    "to-link/state.db",
    "to-state",
    "to-events",
    "to-root/data/state.db",
    "to-root/to-root/to-data/events.db",
    "key.txt",
    "./key.txt",
    "to-key",
    "to-root/key.txt",
    "nested/deeper/up/key.txt",
];

#[test]
fn data_and_secrets_are_not_there_by_any_name() {
    let world = world();
    link(world.root());
    let mut faults = Vec::new();
    for path in HIDDEN {
        for tool in ["read-hidden", "open-truncate", "write"] {
            let made = calls(&world, tool, &json!({ "path": path }));
            if made.is_empty() || made.iter().any(|call| call["err"].is_null()) {
                faults.push(format!("{tool} {path}: {made:?}"));
            }
        }
        let made = calls(&world, "dotdot", &json!({ "path": path }));
        let asked = format!("stat-at {path}");
        if made.iter().any(|call| call["call"] == asked && call["err"].is_null()) {
            faults.push(format!("{asked} finds it"));
        }
    }
    for path in ["readme.txt", "./readme.txt", "to-readme", "to-root/readme.txt", "nested/deeper/up/readme.txt"] {
        let made = calls(&world, "read-hidden", &json!({ "path": path }));
        if made[0]["ok"] != "for everybody" {
            faults.push(format!("{path} is for everybody: {made:?}"));
        }
    }
    // All of this as a program sees it that knows of no WASI.
    for path in HIDDEN {
        let read =
            world.call("greedy.read-file", &["--input", &json!({"path": format!("/workspace/{path}")}).to_string()]);
        if read.data()["err"].is_null() {
            faults.push(format!("greedy reads {path}: {read}"));
        }
    }
    assert_eq!(fs::read_to_string(world.root().join("key.txt")).unwrap(), SECRET);
    faults.extend(healthy(&world).err());
    fail_with(&faults);
}

#[test]
fn what_is_hidden_is_in_no_listing() {
    let world = world();
    link(world.root());
    let names = |path: &str| {
        let ran = world.call("greedy.list-dir", &["--input", &json!({ "path": path }).to_string()]);
        ran.data()
    };
    let mut faults = Vec::new();
    for path in ["/workspace", "/workspace/", "/workspace/to-root", "/workspace/nested/.."] {
        let seen = names(path);
        let listed: Vec<_> = seen["ok"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !listed.contains(&"readme.txt") || listed.contains(&"data") || listed.contains(&"key.txt") {
            faults.push(format!("{path}: {seen}"));
        }
    }
    for path in ["/workspace/data", "/workspace/to-data", "/workspace/to-link", "/workspace/data/cache"] {
        let seen = names(path);
        if !seen["ok"].is_null() {
            faults.push(format!("{path}: {seen}"));
        }
    }
    fail_with(&faults);
}

#[test]
fn a_link_inside_the_directory_that_leads_up_is_followed() {
    let world = world();
    link(world.root());
    symlink("../readme.txt", world.root().join("nested/to-readme")).unwrap();
    let made = calls(&world, "read-hidden", &json!({ "path": "nested/to-readme" }));
    assert_eq!(made[0]["ok"], "for everybody", "{made:?}");
    let listed = world.call("greedy.list-dir", &["path=/workspace/nested/deeper/up"]).data();
    assert!(listed["ok"].to_string().contains("readme.txt"), "{listed}");
    assert!(!listed["ok"].to_string().contains("key.txt"), "{listed}");
}

#[test]
fn a_directory_that_lies_in_the_data_directory_shows_nothing() {
    let world = World::with(&["fs-attacker"]);
    let mut faults = Vec::new();
    for path in ["data", "data/generations"] {
        world.configure(&format!("dirs: {{ workspace: {path} }}\ngrants: {{ fs-attacker: [\"fs.* *\"] }}\n"));
        world.list();
        let made = calls(&world, "list", &json!({}));
        if made.iter().any(|call| call["call"] == "read-directory" && call["err"].is_null() && call["ok"] != json!([]))
        {
            faults.push(format!("{path}: {made:?}"));
        }
        let made = calls(&world, "read-hidden", &json!({ "path": "state.db" }));
        if made.iter().any(|call| call["call"] == "read state.db" && call["err"].is_null()) {
            faults.push(format!("{path}: {made:?}"));
        }
    }
    fail_with(&faults);
}
