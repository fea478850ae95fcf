//! The configuration, the drop folder and what is hidden cannot be changed, replaced or moved.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::{Value, json};
use skillhost_tests::{World, binary};

use super::{link, world};
use crate::directories::{CHANGING, attacker, calls};
use crate::kit::{fail_with, healthy};
use crate::tree::{Tree, changes, tree};

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
        let taken: Vec<_> =
            links.filter(|name| ["renamed", "linked", "linked-across"].iter().any(|new| name == new)).collect();
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
        for tool in ["write", "open-truncate", "open-create", "set-size", "set-times", "set-times-at", "append"] {
            let before = frozen(&world);
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

#[test]
fn a_drop_folder_that_is_not_there_cannot_be_made() {
    let world = World::with(&[]);
    world.aside("attacker.wasm", &attacker("fs.write out"));
    fs::remove_dir(world.skills()).unwrap();
    world.configure("dirs: { out: . }\n");
    let lines = [("mkdir", "skills"), ("mkdir", "skills/dist"), ("open-create", "skills/dist/new.wasm")];
    for (tool, path) in lines {
        let target = format!("./attacker.wasm.{tool}");
        let input = json!({"dir": "/out", "path": path}).to_string();
        let ran = world.call(&target, &["--input", &input, "--grant", "fs.write out"]);
        assert_eq!(ran.code, Some(0), "{ran}");
        let made = fs::read_dir(world.skills()).map_or(0, Iterator::count);
        assert_eq!(made, 0, "{path}: what lies there is taken by the next start: {ran}");
    }
}
