//! Directories that a skill was granted: read-only stays as it was, and nothing outside of them is reached.
//!
//! Contract: unchanged is what [`crate::tree`] calls so. Every attack is also made where it is allowed and must succeed there:
//! a call that fails for another reason proves nothing.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};
use skillhost_tests::{World, generation, guest};

use crate::kit::{fail_with, healthy};
use crate::tree::{changes, tree};

/// The attacks on a directory that may only be read, by their tool.
pub(crate) const CHANGING: [&str; 15] = [
    "open-truncate",
    "open-create",
    "write",
    "append",
    "set-size",
    "set-times",
    "set-times-at",
    "link",
    "symlink",
    "rename",
    "rename-across",
    "unlink",
    "rmdir",
    "mkdir",
    "link-across",
];

/// The attacks that lead outward.
pub(crate) const OUTWARD: [&str; 3] = ["dotdot", "absolute", "symlink-escape"];

/// The rest, each with a test of its own here or in [`crate::kept`].
pub(crate) const OTHER: [&str; 3] = ["read-hidden", "write-flood", "list"];

/// What the attacks are made on: a file, one deeper, one by a link, a directory, and what is not there.
const PATHS: [&str; 6] = ["victim.txt", "sub/inner.txt", "inside", "empty", "absent", "sub/absent"];

/// What lies where no skill was let in.
const OUTSIDE: &str = "what lies outside";

/// Bytes that one run may write.
const WRITTEN: u64 = 64 << 20;

/// `fs-attacker` asking for `wants`, parted by `;`.
pub(crate) fn attacker(wants: &str) -> Vec<u8> {
    generation(fs::read(guest("fs-attacker")).unwrap(), "WANTS", wants)
}

/// A world with the directories `ws` and `out`, and an attacker that was granted `grants`.
fn world(grants: &[&str]) -> World {
    let world = World::with(&["healthy"]);
    world.put("fs-attacker.wasm", &attacker(&grants.join(";")));
    world.configure(&format!("dirs: {{ workspace: ws, out: out }}\ngrants: {{ fs-attacker: {} }}\n", json!(grants)));
    lay(world.root());
    world.list();
    world
}

/// The directory anew, as it is attacked.
fn lay(root: &Path) {
    for folder in ["ws", "out", "outside"] {
        drop(fs::remove_dir_all(root.join(folder)));
    }
    fs::create_dir_all(root.join("ws/sub")).unwrap();
    fs::create_dir_all(root.join("ws/empty")).unwrap();
    fs::create_dir_all(root.join("out")).unwrap();
    fs::create_dir_all(root.join("outside")).unwrap();
    fs::write(root.join("ws/victim.txt"), "the victim").unwrap();
    fs::write(root.join("ws/sub/inner.txt"), "the inner one").unwrap();
    fs::write(root.join("out/moved"), "from the other directory").unwrap();
    fs::write(root.join("outside/file.txt"), OUTSIDE).unwrap();
    symlink("victim.txt", root.join("ws/inside")).unwrap();
    symlink("../outside/file.txt", root.join("ws/to-file")).unwrap();
    symlink("../outside", root.join("ws/to-folder")).unwrap();
    symlink(root.join("outside/file.txt"), root.join("ws/to-file-by-root")).unwrap();
    symlink(root.join("outside"), root.join("ws/to-folder-by-root")).unwrap();
}

/// The answers of `wasi:filesystem` to one tool.
#[track_caller]
pub(crate) fn calls(world: &World, tool: &str, input: &Value) -> Vec<Value> {
    let ran = world.call(&format!("fs-attacker.{tool}"), &["--input", &input.to_string()]);
    ran.data()["calls"].as_array().unwrap_or_else(|| panic!("no calls: {ran}")).clone()
}

/// Could it change something, if it were let?
fn could_change(call: &str) -> bool {
    let only_opens =
        call.starts_with("open-at") && !["CREATE", "TRUNCATE", "WRITE"].iter().any(|flag| call.contains(flag));
    !only_opens && !["get-", "read", "stat-at"].iter().any(|harmless| call.starts_with(harmless))
}

fn went_through(calls: &[Value]) -> Vec<&Value> {
    calls.iter().filter(|call| call["err"].is_null() && could_change(call["call"].as_str().unwrap())).collect()
}

#[test]
fn a_directory_that_may_only_be_read_stays_as_it_is_under_every_call() {
    let world = world(&["fs.read workspace", "fs.write out"]);
    let workspace = world.root().join("ws");
    let before = tree(&workspace);
    let mut faults = Vec::new();
    for tool in CHANGING {
        for path in PATHS {
            let made = calls(&world, tool, &json!({ "path": path }));
            if made.is_empty() || !went_through(&made).is_empty() {
                faults.push(format!("{tool} {path}: {made:?}"));
            }
            faults.extend(changes(&before, &tree(&workspace)).iter().map(|change| format!("{tool} {path}: {change}")));
        }
        faults.extend(healthy(&world).err());
    }
    fail_with(&faults);
}

#[test]
fn the_same_calls_do_change_a_directory_that_may_be_written() {
    let world = world(&["fs.read workspace", "fs.write workspace", "fs.write out"]);
    let workspace = world.root().join("ws");
    for tool in CHANGING {
        let path = match tool {
            "open-create" | "mkdir" => "absent",
            "rmdir" => "empty",
            _ => "victim.txt",
        };
        lay(world.root());
        let before = tree(&workspace);
        let made = calls(&world, tool, &json!({ "path": path }));
        assert!(!went_through(&made).is_empty(), "{tool}: {made:?}");
        assert_ne!(tree(&workspace), before, "{tool}: {made:?}");
    }
}

#[test]
fn a_file_that_may_only_be_read_is_not_reached_through_a_directory_that_may_be_written() {
    let world = world(&["fs.read workspace", "fs.write out"]);
    let (workspace, out) = (world.root().join("ws"), world.root().join("out"));
    let before = tree(&workspace);
    for tool in ["link-across", "rename-across"] {
        for path in PATHS {
            calls(&world, tool, &json!({ "path": path }));
        }
    }
    // Where it may write, it does; that is none of the first one's.
    for path in ["linked-across", "symlinked", "moved"] {
        calls(&world, "write", &json!({ "dir": "/out", "path": path }));
        calls(&world, "open-create", &json!({ "dir": "/out", "path": path }));
    }
    assert!(fs::read_to_string(out.join("moved")).unwrap().starts_with("written by an attacker"));
    assert_eq!(tree(&workspace), before);
    healthy(&world).unwrap();
}

#[test]
fn nothing_outside_is_reached_by_dots_by_absolute_paths_and_by_links() {
    let world = world(&["fs.read workspace", "fs.write out"]);
    let (root, outside) = (world.root().to_owned(), tree(&world.root().join("outside")));
    let absolute = root.join("ws/victim.txt").display().to_string();
    let ways = [
        (
            "dotdot",
            vec![
                "../outside/file.txt",
                "sub/../../outside/file.txt",
                "inside/../../outside/file.txt",
                "../ws/victim.txt",
            ],
        ),
        ("absolute", vec![absolute.as_str(), "/workspace/victim.txt", "///workspace/victim.txt"]),
        (
            "symlink-escape",
            vec![
                "to-file",
                "to-folder/file.txt",
                "to-file-by-root",
                "to-folder-by-root/file.txt",
                "to-folder/../ws/victim.txt",
            ],
        ),
    ];
    assert_eq!(ways.each_ref().map(|(tool, _)| *tool), OUTWARD);
    let mut faults = Vec::new();
    for (tool, path) in ways.iter().flat_map(|(tool, paths)| paths.iter().map(move |path| (*tool, *path))) {
        lay(&root);
        let made = calls(&world, tool, &json!({ "path": path }));
        let reads = |call: &&Value| call["call"].as_str().unwrap().starts_with("read ") || tool == "dotdot";
        if made.iter().filter(reads).any(|call| call["err"].is_null()) || !made.iter().any(|call| reads(&call)) {
            faults.push(format!("{tool} {path}: {made:?}"));
        }
        if format!("{made:?}").contains(OUTSIDE) {
            faults.push(format!("{tool} {path} shows what lies outside: {made:?}"));
        }
    }
    assert_eq!(tree(&root.join("outside")).len(), outside.len());
    let inside = calls(&world, "read-hidden", &json!({ "path": "sub/../inside" }));
    assert_eq!(inside[0]["ok"], "the victim", "inside, links and dots work: {inside:?}");
    faults.extend(healthy(&world).err());
    fail_with(&faults);
}

#[test]
fn a_link_that_leads_out_of_a_directory_is_no_way_to_write_there() {
    let world = world(&["fs.read workspace", "fs.write workspace", "fs.write out"]);
    let outside = world.root().join("outside");
    let before = tree(&outside);
    for tool in CHANGING {
        for path in
            ["to-file", "to-folder/file.txt", "to-folder/new.txt", "to-file-by-root", "to-folder-by-root/new.txt"]
        {
            calls(&world, tool, &json!({ "path": path }));
            assert_eq!(tree(&outside), before, "{tool} {path}");
        }
        // What was moved or removed is the link itself, which lies inside.
        let ws = world.root().join("ws");
        for (link, to) in [("to-file", "../outside/file.txt"), ("to-folder", "../outside")] {
            drop(fs::remove_file(ws.join(link)));
            symlink(to, ws.join(link)).unwrap();
        }
    }
    healthy(&world).unwrap();
}

#[test]
fn a_run_writes_so_much_and_no_more() {
    let world = world(&["fs.write out"]);
    let made = calls(&world, "write-flood", &json!({ "dir": "/out", "path": "flood", "bytes": 2 * WRITTEN }));
    let last = made.last().unwrap();
    assert_eq!(last["err"], "quota", "{made:?}");
    let on_disk = fs::metadata(world.root().join("out/flood")).unwrap().len();
    assert!(on_disk <= WRITTEN && on_disk > WRITTEN - (1 << 20), "{on_disk}");
    assert_eq!(last["written"], on_disk);
    let made = calls(&world, "write-flood", &json!({ "dir": "/out", "path": "small" }));
    assert!(made.last().unwrap()["err"].is_null(), "the limit is each run's own: {made:?}");
    // A hole counts as much: whoever copies the file meets it in full.
    let made = calls(&world, "set-size", &json!({ "dir": "/out", "path": "small" }));
    assert!(!went_through(&made).is_empty(), "{made:?}");
    healthy(&world).unwrap();
}

#[test]
fn what_may_be_written_and_not_read_shows_nothing_of_what_it_holds() {
    const KEPT: &str = "what was written before";
    let world = world(&["fs.write out", "fs.read workspace", "fs.write workspace"]);
    let kept = world.root().join("out/kept.txt");
    let mut faults = Vec::new();
    for tool in ["list", "read-hidden", "open-truncate", "dotdot", "link-across", "rename-across", "symlink-escape"] {
        lay(world.root());
        fs::write(&kept, KEPT).unwrap();
        // Keeps what was moved from being moved back.
        fs::create_dir(world.root().join("out/moved-back")).unwrap();
        let mut made = calls(&world, tool, &json!({ "dir": "/out", "path": "kept.txt", "to": "/workspace" }));
        // Whoever writes it after the attack writes to what was linked or moved, where that went through.
        if kept.exists() {
            fs::write(&kept, KEPT).unwrap();
        }
        for (dir, path) in [("/workspace", "moved"), ("/workspace", "linked-across"), ("/out", "./kept.txt")] {
            made.append(&mut calls(&world, "read-hidden", &json!({ "dir": dir, "path": path })));
        }
        if format!("{made:?}").contains(KEPT) {
            faults.push(format!("{tool}: {made:?}"));
        }
    }
    let made = calls(&world, "list", &json!({ "dir": "/out" }));
    assert!(made.iter().any(|call| call["call"] == "read-directory" && call["err"].is_string()), "{made:?}");
    fs::write(&kept, KEPT).unwrap();
    calls(&world, "append", &json!({ "dir": "/out", "path": "kept.txt" }));
    assert_eq!(fs::read_to_string(&kept).unwrap(), format!("{KEPT}written by an attacker"), "it may be written");
    fail_with(&faults);
}

#[test]
fn without_a_grant_there_is_no_directory() {
    let given = |grants: &[&str], dirs: &str| {
        let world = World::with(&["fs-attacker"]);
        fs::create_dir(world.root().join("ws")).unwrap();
        world.configure(&format!("dirs: {{ {dirs} }}\ngrants: {{ fs-attacker: {} }}\n", json!(grants)));
        calls(&world, "list", &json!({}))[0].clone()
    };
    let not_given = json!({"call": "get-directories /workspace", "err": "not given"});
    assert_eq!(given(&[], "workspace: ws, out: ws"), not_given);
    assert_eq!(given(&["fs.write out"], "workspace: ws, out: ws"), not_given);
    assert_eq!(given(&["fs.read workspace"], "out: ws"), not_given, "what is configured under no name is nowhere");
    assert_eq!(
        given(&["fs.read *"], "workspace: ws, out: ws")["ok"],
        json!(["/workspace"]),
        "no more than it asked for"
    );
}

#[test]
fn a_skill_that_waits_reads_nothing() {
    let world = World::with(&["fs-attacker"]);
    world.configure("dirs: { workspace: . }\n");
    let ran = world.call("fs-attacker.list", &[]);
    assert_eq!((ran.kind().as_str(), ran.code), ("denied", Some(5)), "{ran}");
}
