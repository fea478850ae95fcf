//! Skills in the Agent Skills layout: folders, archives of them, and instructions alone.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use skillhost_tests::{PATIENCE, World, eventually, guest};
use zip::write::SimpleFileOptions;

const FRONT_MATTER: &str =
    "---\nname: notes\ndescription: Keeps notes for the tests.\n---\n\n# Notes\n\nAsk before you note.\n";

/// The files of a skill folder: path and contents.
type Files = Vec<(&'static str, Vec<u8>)>;

fn with_component() -> Files {
    vec![
        ("SKILL.md", FRONT_MATTER.into()),
        ("hostile.wasm", fs::read(guest("hostile")).unwrap()),
        ("references/facts.md", b"one fact\n".to_vec()),
        ("templates/letter.txt", b"Dear\n".to_vec()),
        ("assets/data.bin", vec![0, 1, 2]),
        ("scripts/touch.sh", b"#!/bin/sh\ntouch ran\n".to_vec()),
    ]
}

/// Writes a folder aside and renames it in.
fn put_folder(world: &World, name: &str, files: &Files) -> PathBuf {
    let aside = world.root().join(format!("aside-{name}"));
    for (path, contents) in files {
        let path = aside.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
    let folder = world.skills().join(name);
    fs::rename(aside, &folder).unwrap();
    folder
}

fn archive(prefix: &str, files: &Files) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (path, contents) in files {
        zip.start_file(format!("{prefix}{path}"), SimpleFileOptions::default()).unwrap();
        zip.write_all(contents).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Holds `notes`, made of [`with_component`], to what the contract says of such a skill.
#[track_caller]
fn is_notes(world: &World, file: &str) {
    let entry = world.entry(file);
    assert_eq!(entry["state"], "active", "{entry}");
    assert_eq!(entry["name"], "notes", "the name of the front matter wins: {entry}");
    let inspected = world.run(&["inspect", "notes", "--json"]).json();
    assert_eq!(inspected["description"], "Keeps notes for the tests.", "its description wins");
    assert_eq!(inspected["kind"], "native");
    assert_eq!(world.call("hostile.echo", &[]).code, Some(3), "the component's own name stands for nothing");

    assert_eq!(world.call("notes.echo", &["a=1"]).data(), json!({"a": "1"}));
    let listed = world.call("notes.list-dir", &["path=/skill"]).data();
    let names = ["SKILL.md", "assets", "hostile.wasm", "references", "scripts", "templates"];
    let found: Vec<&str> = listed["ok"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
    assert_eq!(found, names, "{listed}");
    let read = world.call("notes.read-file", &["path=/skill/references/facts.md"]).data();
    assert_eq!(read, json!({"ok": "one fact\n"}));
    for (tool, arguments) in [
        ("notes.write-file", ["path=/skill/references/facts.md", "text=other"]),
        ("notes.write-file", ["path=/skill/new", "text=other"]),
        ("notes.rename", ["path=/skill/SKILL.md", "to=/skill/x"]),
        ("notes.remove-file", ["path=/skill/SKILL.md", "a=b"]),
    ] {
        let answer = world.call(tool, &arguments).data();
        assert!(answer["err"].is_string(), "{tool} in /skill: {answer}");
    }
    let read = world.call("notes.read-file", &["path=/skill/references/facts.md"]).data();
    assert_eq!(read, json!({"ok": "one fact\n"}), "as it was");
    for folder in [world.root().to_owned(), world.skills(), world.data()] {
        assert!(!folder.join("ran").exists(), "scripts are data");
    }
}

#[test]
fn a_folder_with_a_component_is_a_skill_that_sees_its_own_files() {
    let world = World::new().allowing_all();
    put_folder(&world, "some-folder", &with_component());
    is_notes(&world, "some-folder");
}

#[test]
fn an_archive_of_a_folder_or_of_its_contents_is_the_same_skill() {
    let world = World::new().allowing_all();
    for (file, prefix) in [("contents.skill", ""), ("folder.skill", "notes/")] {
        let path = world.put(file, &archive(prefix, &with_component()));
        is_notes(&world, file);
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn instructions_alone_are_a_skill_without_tools_that_inspect_shows_as_text() {
    let world = World::new();
    put_folder(&world, "words", &vec![("SKILL.md", FRONT_MATTER.into()), ("references/a.md", b"a".to_vec())]);
    let inspected = world.run(&["inspect", "notes", "--json"]);
    assert_eq!(inspected.code, Some(0), "{inspected}");
    let inspected = inspected.json();
    assert_eq!(inspected["kind"], "instructions");
    assert_eq!(inspected["name"], "notes");
    assert_eq!(inspected["description"], "Keeps notes for the tests.");
    assert_eq!(inspected["state"], "active");
    assert_eq!(inspected["tools"], json!([]));
    let shown = world.run(&["inspect", "notes"]);
    assert!(shown.stdout.contains("Ask before you note."), "{shown}");
    let ran = world.call("notes", &[]);
    assert_eq!((ran.code, ran.kind().as_str()), (Some(3), "not-found"), "{ran}");
}

#[test]
fn folders_and_archives_come_change_and_go_while_the_host_watches() {
    let world = World::new().allowing_all();
    let mut up = world.up();
    let folder = put_folder(&world, "notes", &with_component());
    up.wait_for("absorbed", "notes");
    let first = world.entry("notes")["digest"].clone();

    let mark = up.mark();
    fs::write(folder.join("references/facts.md"), "another fact\n").unwrap();
    up.wait_after(mark, "replaced", "notes");
    let second = world.entry("notes")["digest"].clone();
    assert_ne!(first, second, "the digest covers all files");
    let read = world.call("notes.read-file", &["path=/skill/references/facts.md"]).data();
    assert_eq!(read, json!({"ok": "another fact\n"}));

    let mark = up.mark();
    fs::rename(&folder, world.root().join("away")).unwrap();
    up.wait_after(mark, "removed", "notes");
    assert_eq!(world.call("notes.echo", &[]).code, Some(3));

    let path = world.put("notes.skill", &archive("", &with_component()));
    up.wait_for("absorbed", "notes.skill");
    assert_eq!(world.call("notes.echo", &["a=1"]).data(), json!({"a": "1"}));
    fs::remove_file(path).unwrap();
    up.wait_for("removed", "notes.skill");
    assert_eq!(world.list(), Vec::<serde_json::Value>::new());
}

#[test]
fn a_folder_or_archive_that_is_no_skill_is_refused_with_the_reason() {
    let world = World::with(&["healthy"]);
    let component = || fs::read(guest("healthy")).unwrap();
    let skill = || ("SKILL.md", FRONT_MATTER.as_bytes().to_vec());
    put_folder(&world, "without-words", &vec![("healthy.wasm", component())]);
    put_folder(&world, "without-front-matter", &vec![("SKILL.md", b"# Title\n".to_vec())]);
    put_folder(&world, "two-components", &vec![skill(), ("a.wasm", component()), ("b.wasm", component())]);
    let truncated = component()[..5_000].to_vec();
    put_folder(
        &world,
        "half",
        &vec![("SKILL.md", b"---\nname: half\ndescription: h\n---\n".to_vec()), ("a.wasm", truncated)],
    );
    world.put("no-archive.skill", b"PK\x03\x04 and nothing more");
    world.put("climbs.skill", &archive("", &vec![skill(), ("../../climbed.txt", b"out".to_vec())]));
    // A megabyte of nothing for a kilobyte of archive.
    world.put("swells.skill", &archive("", &vec![skill(), ("assets/zeros", vec![0; 64 << 20])]));

    let list = world.list();
    for (file, word) in [
        ("without-words", "SKILL.md"),
        ("without-front-matter", "front matter"),
        ("two-components", "wasm"),
        ("half", "truncated"),
        ("no-archive.skill", ""),
        ("climbs.skill", "climbed.txt"),
        ("swells.skill", ""),
    ] {
        let entry = list.iter().find(|entry| entry["file"] == file).unwrap_or_else(|| panic!("{file} is not listed"));
        assert_eq!(entry["state"], "refused", "{entry}");
        let reason = entry["reason"].as_str().unwrap_or_default();
        assert!(!reason.is_empty() && reason.contains(word), "the reason says `{word}`: {entry}");
    }
    assert_eq!(world.call("healthy.echo", &["a=1"]).data(), json!({"a": "1"}));
    let stray = |folder: &Path| folder.join("climbed.txt").exists();
    assert!(!stray(world.root()) && !stray(&world.data()) && !stray(world.root().parent().unwrap()));
}

#[test]
fn a_folder_that_comes_file_by_file_ends_as_the_whole_skill_and_a_broken_component_changes_nothing() {
    let world = World::new().allowing_all();
    let mut up = world.up();
    let folder = world.skills().join("notes");
    for (path, contents) in with_component() {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
    eventually("the whole folder is the skill", PATIENCE, || {
        let listed = world.call("notes.list-dir", &["path=/skill"]);
        listed.code == Some(0) && listed.data()["ok"].as_array().is_some_and(|names| names.len() == 6)
    });
    is_notes(&world, "notes");
    let digest = world.entry("notes")["digest"].clone();

    let mark = up.mark();
    fs::write(folder.join("hostile.wasm"), b"\0asm").unwrap();
    up.wait_after(mark, "refused", "notes");
    let entry = world.entry("notes");
    assert_eq!(entry["state"], "refused", "{entry}");
    assert_eq!(entry["serving"], digest, "{entry}");
    let ran = world.call("notes.read-file", &["path=/skill/references/facts.md"]);
    assert_eq!(ran.data(), json!({"ok": "one fact\n"}));
    assert_eq!(ran.json()["digest"], digest);
}
