//! What the host keeps to itself, in a directory that a skill was granted: its data and secrets are not there, and what says
//! what skills may do cannot be changed.
//!
//! Contract: each is tried by its name, by other spellings of it and by links that were there or that the guest makes; what else
//! lies in the directory can be read and changed in the same way.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use skillhost_tests::{World, binary};

use crate::directories::{CHANGING, Tree, attacker, calls, changes, tree};
use crate::kit::{fail_with, healthy};

/// What lies in a file that a secret comes from.
const SECRET: &str = "EXAMPLE-key-7f3c9a1b5d2e4860";

/// A world whose whole root an attacker may read and write.
fn world() -> World {
    let world = World::with(&["healthy", "greedy"]);
    world.put("fs-attacker.wasm", &attacker("fs.read workspace;fs.write workspace"));
    world.configure(
        r#"dirs: { workspace: . }
grants:
  fs-attacker: ["fs.* workspace"]
  greedy: ["fs.* workspace"]
secrets:
  upstream: { value: "file:key.txt", hosts: ["https://api.example.com"], header: "X-Key: {}" }
"#,
    );
    world.aside("key.txt", SECRET.as_bytes());
    world.aside("readme.txt", b"for everybody");
    world.list();
    world
}

/// Links of which each leads to what is hidden, or to where it lies.
fn link(root: &Path) {
    fs::create_dir_all(root.join("nested/deeper")).unwrap();
    for (to, link) in [
        ("data", "to-data"),
        ("data/state.db", "to-state"),
        ("data/events.db", "to-events"),
        ("key.txt", "to-key"),
        (".", "to-root"),
        ("to-data", "to-link"),
        ("../..", "nested/deeper/up"),
        ("readme.txt", "to-readme"),
    ] {
        symlink(to, root.join(link)).unwrap();
    }
}

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
        let read = world.call("greedy.read-file", &["--input", &json!({"path": format!("/workspace/{path}")}).to_string()]);
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
        if made.iter().any(|call| call["call"] == "read-directory" && call["err"].is_null() && call["ok"] != json!([])) {
            faults.push(format!("{path}: {made:?}"));
        }
        let made = calls(&world, "read-hidden", &json!({ "path": "state.db" }));
        if made.iter().any(|call| call["call"] == "read state.db" && call["err"].is_null()) {
            faults.push(format!("{path}: {made:?}"));
        }
    }
    fail_with(&faults);
}

/// What says what skills may do, and what no skill may spoil.
fn frozen(world: &World) -> Tree {
    let mut all = tree(&world.root().join("config.yaml"));
    all.append(&mut tree(&world.skills()));
    all.append(&mut tree(&world.root().join("key.txt")));
    all
}

/// Makes every call that could change something on `path`, as it lies and through a link to the root; gives what it changed.
fn attack(world: &World, path: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for tool in CHANGING.iter().filter(|tool| **tool != "symlink") {
        for spelled in [path.to_owned(), format!("./{path}"), format!("to-root/{path}")] {
            let before = frozen(world);
            let made = calls(world, tool, &json!({ "path": spelled, "to": "/workspace" }));
            let changed = changes(&before, &frozen(world));
            if !changed.is_empty() {
                faults.push(format!("{tool} {spelled}: {changed:#?} by {made:?}"));
            }
        }
    }
    faults
}

#[test]
fn the_configuration_and_the_drop_folder_cannot_be_changed_and_all_else_can() {
    let world = world();
    link(world.root());
    symlink("config.yaml", world.root().join("to-config")).unwrap();
    symlink("skills", world.root().join("to-skills")).unwrap();
    let mut faults = Vec::new();
    for path in [
        "config.yaml",
        "key.txt",
        "to-config",
        "skills",
        "skills/healthy.wasm",
        "skills/new.wasm",
        "to-skills/healthy.wasm",
        "to-skills/new.wasm",
        "data",
        "data/state.db",
        "data/new",
        "to-data/new",
    ] {
        faults.extend(attack(&world, path));
        let links = fs::read_dir(world.root()).unwrap().map(|entry| entry.unwrap().file_name());
        let taken: Vec<_> = links.filter(|name| ["renamed", "linked", "linked-across"].iter().any(|new| name == new)).collect();
        // Of a link, the link itself may be moved.
        if !path.starts_with("to-") && !taken.is_empty() {
            faults.push(format!("{path}: there is {taken:?}"));
        }
        for name in taken {
            fs::remove_file(world.root().join(name)).unwrap();
        }
    }
    assert!(!world.data().join("new").exists() && world.data().join("state.db").exists());
    let made = calls(&world, "rename", &json!({ "path": "readme.txt" }));
    assert_eq!(made[0]["err"], Value::Null, "{made:?}");
    assert_eq!(fs::read_to_string(world.root().join("renamed")).unwrap(), "for everybody");
    let made = calls(&world, "write", &json!({ "path": "nested/../renamed" }));
    assert!(made.iter().any(|call| call["call"] == "write" && call["err"].is_null()), "{made:?}");
    faults.extend(healthy(&world).err());
    fail_with(&faults);
}

#[test]
fn a_link_that_a_guest_makes_leads_to_nothing_that_is_kept() {
    let world = world();
    let mut faults = Vec::new();
    for (target, below) in [
        ("data", "symlinked/state.db"),
        ("data/state.db", "symlinked"),
        ("key.txt", "symlinked"),
        (".", "symlinked/key.txt"),
        ("config.yaml", "symlinked"),
        ("skills", "symlinked/new.wasm"),
    ] {
        drop(fs::remove_file(world.root().join("symlinked")));
        let made = calls(&world, "symlink", &json!({ "path": target }));
        assert_eq!(made[0]["err"], Value::Null, "the link itself is its own: {made:?}");
        let before = frozen(&world);
        for tool in ["write", "open-truncate", "open-create", "set-size", "set-times", "set-times-at", "append"] {
            let made = calls(&world, tool, &json!({ "path": below }));
            let changed = changes(&before, &frozen(&world));
            if !changed.is_empty() {
                faults.push(format!("{tool} {below} -> {target}: {changed:#?} by {made:?}"));
            }
        }
        let read = calls(&world, "read-hidden", &json!({ "path": below }));
        if target != "config.yaml" && read.iter().any(|call| call["err"].is_null()) {
            faults.push(format!("{target} is read: {read:?}"));
        }
    }
    fail_with(&faults);
}

/// A configuration, a drop folder and a key that are links to where they lie: whoever may replace the link replaces them.
#[test]
fn links_that_lead_to_the_configuration_the_drop_folder_and_secrets_cannot_be_replaced() {
    let world = world();
    let root = world.root();
    fs::create_dir(root.join("elsewhere")).unwrap();
    for name in ["config.yaml", "skills", "key.txt"] {
        fs::rename(root.join(name), root.join("elsewhere").join(name)).unwrap();
        symlink(format!("elsewhere/{name}"), root.join(name)).unwrap();
    }
    world.list();
    let mut faults = Vec::new();
    for name in ["config.yaml", "skills", "key.txt"] {
        for tool in ["unlink", "rename"] {
            let made = calls(&world, tool, &json!({ "path": name }));
            if fs::read_link(root.join(name)).is_err() {
                faults.push(format!("{tool} {name}: {made:?}"));
                drop(fs::remove_file(root.join("renamed")));
                symlink(format!("elsewhere/{name}"), root.join(name)).unwrap();
            }
        }
    }
    fail_with(&faults);
}

#[test]
fn a_configuration_that_is_not_there_cannot_be_made() {
    let world = World::with(&["fs-attacker"]);
    let mut command = world.command(&["run", "fs-attacker.open-create", "--json", "dir=/out", "path=config.yaml"]);
    command.args(["--grant", "fs.read workspace", "--grant", "fs.write out"]);
    command.env("SKILLHOST_DIRS__OUT", ".");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("open-at config.yaml"), "it was tried: {output:?}");
    assert!(!world.root().join("config.yaml").exists(), "the next start would read it: {output:?}");
}

#[test]
fn a_directory_above_the_data_directory_cannot_be_moved_or_removed() {
    let world = World::new();
    let root = world.root();
    world.put("fs-attacker.wasm", &attacker("fs.read workspace;fs.write workspace"));
    world.configure("dirs: { workspace: . }\ngrants: { fs-attacker: [\"fs.* workspace\"] }\n");
    fs::create_dir_all(root.join("above/deep")).unwrap();
    let run = |tool: &str, path: &str| {
        let mut command = Command::new(binary());
        command.current_dir(root).args(["run", &format!("fs-attacker.{tool}"), "--json", &format!("path={path}")]);
        let output = command.args(["--skills", "skills", "--data", "above/deep/data"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    for path in ["above", "above/deep", "above/deep/data", "above/../above", "skills"] {
        for tool in ["rename", "rename-across", "rmdir", "unlink"] {
            let said = run(tool, path);
            assert!(root.join("above/deep/data/state.db").exists(), "{tool} {path}: {said}");
            assert!(!root.join("renamed").exists(), "{tool} {path}: {said}");
        }
    }
    fs::create_dir(root.join("above/other")).unwrap();
    let said = run("rename", "above/other");
    assert!(root.join("renamed").exists(), "what lies beside it can: {said}");
}
