//! `*.skill` files that want out of their folder, or to fill the machine.

use std::io::{Cursor, Write as _};
use std::path::Path;

use skillhost_tests::{World, guest};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::kit::{HOST_KIB, fail_with, healthy, refused_for};

/// What no archive may leave anywhere.
const MARK: &str = "escaped-from-the-archive";

const HEAD: &str = "---\nname: packed\ndescription: A skill in an archive.\n---\nWhat to do.\n";

type Zip = ZipWriter<Cursor<Vec<u8>>>;

fn deflated() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated)
}

/// An archive of an honest skill, and what `more` adds.
fn archive(more: impl FnOnce(&mut Zip)) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    file(&mut zip, "SKILL.md", HEAD.as_bytes());
    file(&mut zip, "packed.wasm", &std::fs::read(guest("errors")).unwrap());
    more(&mut zip);
    zip.finish().unwrap().into_inner()
}

fn file(zip: &mut Zip, name: &str, bytes: &[u8]) {
    zip.start_file(name, deflated()).unwrap();
    zip.write_all(bytes).unwrap();
}

/// An archive with an entry whose name is `name`, whatever a well-kept library thinks of it: written under a name of the
/// same length, which is overwritten in both places.
fn named(name: &str) -> Vec<u8> {
    let stand_in = "q".repeat(name.len());
    patched(archive(|zip| file(zip, &stand_in, MARK.as_bytes())), stand_in.as_bytes(), name.as_bytes())
}

fn patched(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut places = 0;
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
            places += 1;
        }
    }
    assert_eq!(places, 2, "the entry's own header and the list's");
    bytes
}

/// So many mebibytes of nothing.
fn zeros(zip: &mut Zip, name: &str, mebibytes: usize) {
    let block = vec![0; 1 << 20];
    zip.start_file(name, deflated()).unwrap();
    (0..mebibytes).for_each(|_| zip.write_all(&block).unwrap());
}

fn hostile_archives() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    let link = |zip: &mut Zip, name: &str, to: &str| zip.add_symlink(name, to, SimpleFileOptions::default()).unwrap();
    let bomb = archive(|zip| zeros(zip, "assets/zeros", 300));
    let nested = archive(|zip| file(zip, "assets/inner.skill", &bomb));
    let whole = archive(|_| ());
    vec![
        ("parent", named(&format!("../{MARK}")), &[".."]),
        ("deep-parent", named(&format!("assets/../../../../{MARK}")), &[".."]),
        ("absolute", named(&format!("/tmp/{MARK}")), &["absolute"]),
        ("backslashes", named(&format!("..\\..\\{MARK}")), &["backslash"]),
        ("drive", named(&format!("C:\\{MARK}")), &["backslash", "drive"]),
        ("nul", named(&format!("assets/{MARK}\0.md")), &["control"]),
        ("link", archive(|zip| link(zip, "assets/link", "/etc")), &["link"]),
        (
            "through-link",
            archive(|zip| {
                link(zip, "assets", "..");
                file(zip, &format!("assets/{MARK}"), b"out");
            }),
            &["link"],
        ),
        (
            "duplicate",
            patched(archive(|zip| file(zip, "SKILL.mq", b"---\nname: second\n---\n")), b"SKILL.mq", b"SKILL.md"),
            &["two entries", "twice", "duplicate"],
        ),
        ("case", archive(|zip| file(zip, "skill.MD", HEAD.as_bytes())), &["case"]),
        ("two-components", archive(|zip| file(zip, "other.wasm", b"\0asm")), &["components"]),
        ("bomb", bomb.clone(), &["times its size", "MiB"]),
        (
            "many",
            archive(|zip| (0..20_000).for_each(|n| file(zip, &format!("assets/{n}"), b""))),
            &["entries", "files"],
        ),
        ("truncated", whole[..whole.len() / 2].to_vec(), &["zip archive"]),
        ("random", b"PK\x03\x04 and then nothing of the kind".to_vec(), &["zip archive"]),
        ("empty", Vec::new(), &["zip archive", "empty"]),
        ("no-manifest", patched(archive(|_| ()), b"SKILL.md", b"SKILL.no"), &["SKILL.md"]),
        ("nested", nested, &[]),
    ]
}

/// Every path below `folder` whose name holds the mark.
fn escaped(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().contains(MARK) {
            found.push(path.display().to_string());
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            escaped(&path, found);
        }
    }
}

#[test]
fn a_hostile_archive_is_refused_and_leaves_nothing_anywhere() {
    let world = World::with(&["healthy"]);
    let archives = hostile_archives();
    for (name, bytes, _) in &archives {
        world.put(&format!("{name}.skill"), bytes);
    }
    let ran = world.run(&["list", "--json"]);
    let entries = ran.json().as_array().unwrap().clone();
    let mut faults = Vec::new();
    for (name, _, words) in archives.iter().filter(|(_, _, words)| !words.is_empty()) {
        faults.extend(refused_for(&entries, &format!("{name}.skill"), words).err());
    }
    let mut found = Vec::new();
    escaped(world.root(), &mut found);
    for above in [world.root().parent().unwrap(), Path::new("/tmp"), Path::new("/")] {
        found.extend(above.join(MARK).exists().then(|| above.join(MARK).display().to_string()));
    }
    faults.extend(found.iter().map(|path| format!("an archive wrote {path}")));
    if ran.peak_kib > HOST_KIB {
        faults.push(format!("the host took {} KiB", ran.peak_kib));
    }
    faults.extend(healthy(&world).err());
    fail_with(&faults);
}

#[test]
fn an_archive_within_an_archive_is_data() {
    let world = World::with(&["healthy"]);
    let bomb = archive(|zip| zeros(zip, "assets/zeros", 100));
    world.put("nested.skill", &archive(|zip| file(zip, "assets/inner.skill", &bomb)));
    let entry = world.entry("nested.skill");
    assert_eq!(entry["state"], "active", "{entry}");
    assert_eq!(entry["name"], "packed");
    healthy(&world).unwrap();
}

#[test]
fn an_honest_archive_is_absorbed() {
    let world = World::with(&["healthy"]);
    world.put("packed.skill", &archive(|zip| file(zip, "references/more.md", b"More.")));
    assert_eq!(world.entry("packed.skill")["state"], "active");
    assert_eq!(world.call("packed.failed", &["message=as packed"]).kind(), "tool-error");
}
