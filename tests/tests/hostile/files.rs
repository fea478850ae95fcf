//! Entries of the drop folder that are no skills, or pretend to be.
//!
//! Contract: each is listed as refused with a reason that a person can act on, and nothing else changes, also while a host
//! watches the folder.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use skillhost_tests::{World, guest};

use crate::kit::{HOST_KIB, fail_with, healthy, refused_for};

/// Whoever may read nothing of the tests' own.
const NOBODY: u32 = 65_534;

/// More than any component may have.
const OVER_THE_LIMIT: u64 = 110 << 20;

/// Bytes without meaning, the same every time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn component() -> Vec<u8> {
    fs::read(guest("errors")).unwrap()
}

/// A file that is nearly all hole, so that it costs no disk.
fn huge(path: &Path) {
    let mut file = File::create(path).unwrap();
    file.write_all(b"\0asm\x0d\0\x01\0").unwrap();
    file.set_len(OVER_THE_LIMIT).unwrap();
}

/// Lays every hostile entry into the folder; gives each with the words of which its reason must hold one.
fn lay(world: &World) -> Vec<(&'static str, &'static [&'static str])> {
    let skills = world.skills();
    let whole = component();
    world.put("truncated.wasm", &whole[..whole.len() / 2]);
    world.put("head-only.wasm", &whole[..8]);
    world.put("random.wasm", &noise(100_000));
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle..middle + 64].fill(0xff);
    world.put("flipped.wasm", &flipped);
    world.put("trailing.wasm", &[whole.as_slice(), &noise(1_000)].concat());
    world.put("empty.wasm", b"");
    world.put("text.wasm", b"(component)");
    world.put("page.wasm", b"<!DOCTYPE html><html>404 not found</html>");
    world.put("core.wasm", &skillhost_tests::wat("core-module"));
    world.put("foreign.wasm", &skillhost_tests::wat("unknown-import"));
    let outside = world.aside("outside.wasm", &whole);
    symlink(&outside, skills.join("outward.wasm")).unwrap();
    symlink("/dev/zero", skills.join("endless.wasm")).unwrap();
    symlink("circle.wasm", skills.join("circle.wasm")).unwrap();
    symlink("nowhere.wasm", skills.join("dangling.wasm")).unwrap();
    symlink(world.root(), skills.join("folder-outward.wasm")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        skills.join("pipe.wasm"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    std::os::unix::net::UnixListener::bind(skills.join("socket.wasm")).unwrap();
    fs::create_dir(skills.join("folder.wasm")).unwrap();
    huge(&skills.join("huge.wasm"));
    let link: &[&str] = &["symbolic link"];
    let foreign: &[&str] = &["no WebAssembly"];
    vec![
        ("truncated.wasm", &["truncated"]),
        ("head-only.wasm", &["no function", "neither tools"]),
        ("random.wasm", foreign),
        ("flipped.wasm", &["no valid component"]),
        ("trailing.wasm", &["truncated", "trailing", "no valid component"]),
        ("empty.wasm", &["empty"]),
        ("text.wasm", foreign),
        ("page.wasm", foreign),
        ("core.wasm", &["core WebAssembly module"]),
        ("foreign.wasm", &["evil:world/thing"]),
        ("outward.wasm", link),
        ("endless.wasm", link),
        ("circle.wasm", link),
        ("dangling.wasm", link),
        ("folder-outward.wasm", link),
        ("pipe.wasm", &["pipe"]),
        ("socket.wasm", &["socket"]),
        ("folder.wasm", &["SKILL.md"]),
        ("huge.wasm", &["larger"]),
    ]
}

fn faults_in(entries: &[Value], expected: &[(&str, &[&str])]) -> Vec<String> {
    let mut faults: Vec<_> =
        expected.iter().filter_map(|(file, words)| refused_for(entries, file, words).err()).collect();
    let active = entries.iter().filter(|entry| entry["state"] == "active").map(|entry| entry["file"].clone());
    let active: Vec<_> = active.collect();
    if active != ["healthy.wasm"] {
        faults.push(format!("beside the healthy skill, {active:?} serve"));
    }
    faults
}

#[test]
fn every_entry_that_is_no_skill_is_refused_for_what_it_is() {
    let world = World::with(&["healthy"]);
    let expected = lay(&world);
    let ran = world.run(&["list", "--json"]);
    let mut faults = faults_in(ran.json().as_array().unwrap(), &expected);
    faults.extend(healthy(&world).err());
    if ran.peak_kib > HOST_KIB {
        faults.push(format!("the host took {} KiB", ran.peak_kib));
    }
    fail_with(&faults);
}

#[test]
fn a_host_that_watches_the_folder_goes_on_serving_while_such_entries_come_and_go() {
    let world = World::with(&["healthy"]);
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    let expected = lay(&world);
    for (file, _) in &expected {
        up.wait_for("refused", file);
    }
    for (file, _) in &expected {
        let path = world.skills().join(file);
        fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).unwrap();
    }
    // It has looked again when it takes something new.
    world.add("errors");
    up.wait_for("absorbed", "errors.wasm");
    let touched = |notice: &&Value| notice["file"] == "healthy.wasm" && notice["what"] != "absorbed";
    assert_eq!(up.notices().iter().find(touched), None);
    assert!(up.is_alive());
    assert_eq!(up.stop().code, Some(0));
    healthy(&world).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_is_refused_and_hides_no_other() {
    let world = World::with(&["healthy"]);
    let path = world.put("locked.wasm", &component());
    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    let mut command = world.command(&["list", "--json"]);
    // No file is locked to the superuser.
    if rustix::process::geteuid().is_root() {
        fs::set_permissions(world.root(), Permissions::from_mode(0o755)).unwrap();
        for owned in [world.root().to_owned(), world.skills(), path.clone(), world.skills().join("healthy.wasm")] {
            std::os::unix::fs::chown(owned, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let entries: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    fail_with(&faults_in(&entries, &[("locked.wasm", &["permission"])]));
}

#[test]
fn a_link_inside_the_folder_is_no_way_to_a_file_outside() {
    let world = World::with(&["healthy"]);
    let outside = world.root().join("elsewhere");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("errors.wasm"), component()).unwrap();
    fs::write(outside.join("SKILL.md"), "---\nname: errors\ndescription: Outside.\n---\nText.\n").unwrap();
    symlink(&outside, world.skills().join("linked-folder")).unwrap();
    let entries = world.list();
    let serves = |entry: &&Value| entry["state"] == "active" && entry["file"] != "healthy.wasm";
    assert_eq!(entries.iter().find(serves), None);
    assert_eq!(world.call("errors.failed", &[]).kind(), "not-found");
}

/// A component with this many functions of this many additions each.
fn work_for_the_compiler(functions: usize, additions: usize) -> Vec<u8> {
    use std::fmt::Write as _;
    let mut text = String::from("(component (core module $m ");
    for n in 0..functions {
        write!(text, "(func $f{n} (param i32) (result i32) local.get 0 ").unwrap();
        (0..additions).for_each(|n| write!(text, "i32.const {n} i32.add local.tee 0 ").unwrap());
        text.push_str(") ");
    }
    text.push_str("(func (export \"run\") (result i32) (call $f0 (i32.const 7)))) (core instance $i (instantiate $m))");
    text.push_str("(func (export \"run\") (result u32) (canon lift (core func $i \"run\"))))");
    wat::parse_str(text).unwrap()
}

#[test]
fn a_file_made_to_exhaust_the_compiler_is_refused_or_serves_and_the_host_stays_small() {
    for (name, bytes) in [("many", work_for_the_compiler(30_000, 1)), ("long", work_for_the_compiler(1, 200_000))] {
        let world = World::with(&["healthy"]);
        world.put(&format!("{name}.wasm"), &bytes);
        let ran = world.run(&["list", "--json"]);
        let entries = ran.json().as_array().unwrap().clone();
        let entry = entries.iter().find(|entry| entry["name"] == name).expect("it is listed");
        if entry["state"] == "active" {
            assert_eq!(world.call(&format!("{name}.run"), &[]).code, Some(0));
        } else {
            let words = ["compil", "functions", "validation"];
            refused_for(&entries, &format!("{name}.wasm"), &words).unwrap();
        }
        assert!(ran.peak_kib <= HOST_KIB, "{} KiB: {ran}", ran.peak_kib);
        healthy(&world).unwrap();
    }
}
