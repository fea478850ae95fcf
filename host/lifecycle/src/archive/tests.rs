use std::io::Write as _;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

const SKILL: &[u8] = b"---\nname: kit\ndescription: d\n---\n";

fn deflated() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)
}

fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

/// An archive as everybody makes them; names that end in `/` are folders.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        if name.ends_with('/') {
            writer.add_directory(*name, deflated()).unwrap();
        } else {
            writer.start_file(*name, deflated()).unwrap();
            writer.write_all(bytes).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

/// Exchanges `from` for `to` wherever it stands: what no honest writer would write.
fn forged(mut archive: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let places: Vec<_> = (0..archive.len()).filter(|at| archive[*at..].starts_with(from)).collect();
    assert!(!places.is_empty());
    for at in places {
        archive[at..at + to.len()].copy_from_slice(to);
    }
    archive
}

/// Writes `value` at `offset` of every header that begins with `magic`.
fn forged_header(mut archive: Vec<u8>, magic: &[u8], offset: usize, value: &[u8]) -> Vec<u8> {
    let places: Vec<_> = (0..archive.len()).filter(|at| archive[*at..].starts_with(magic)).collect();
    assert!(!places.is_empty());
    for at in places {
        archive[at + offset..at + offset + value.len()].copy_from_slice(value);
    }
    archive
}

const LOCAL: &[u8] = b"PK\x03\x04";

fn paths(archive: &[u8]) -> Vec<String> {
    unpack(archive).unwrap().into_sorted().into_iter().map(|(path, _)| path).collect()
}

fn reason(archive: &[u8]) -> PackageError {
    unpack(archive).unwrap_err()
}

/// `SKILL.md` and an entry whose name was exchanged for `name`.
fn named(name: &[u8]) -> Vec<u8> {
    let honest = "q".repeat(name.len());
    forged(zip(&[("SKILL.md", SKILL), (&honest, b"x")]), honest.as_bytes(), name)
}

#[test]
fn an_archive_holds_the_contents_or_the_folder_itself() {
    let contents: [(&str, &[u8]); 3] = [("SKILL.md", SKILL), ("references/", b""), ("references/a.md", b"a")];
    let folder: [(&str, &[u8]); 3] = [("kit/", b""), ("kit/references/a.md", b"a"), ("kit/SKILL.md", SKILL)];
    let expected = unpack(&zip(&contents)).unwrap().into_sorted();
    assert_eq!(expected, [("SKILL.md".into(), SKILL.to_vec()), ("references/a.md".into(), b"a".to_vec())]);
    assert_eq!(unpack(&zip(&folder)).unwrap().into_sorted(), expected);
    // Two folders at the top: none of them is the skill's.
    assert_eq!(paths(&zip(&[("kit/SKILL.md", SKILL), ("other/a", b"")])), ["kit/SKILL.md", "other/a"]);
}

#[test]
fn what_file_managers_leave_behind_is_no_part_of_the_skill() {
    let archive = zip(&[
        ("kit/SKILL.md", SKILL),
        ("kit/.DS_Store", b"x"),
        ("kit/.git/config", b"x"),
        ("kit/.gitignore", b"x"),
        ("__MACOSX/kit/._SKILL.md", b"x"),
        ("kit/LICENSE", b"x"),
        ("kit/.hidden", b"x"),
    ]);
    assert_eq!(paths(&archive), [".hidden", "LICENSE", "SKILL.md"]);
}

#[test]
fn an_archive_in_an_archive_is_data() {
    let inner = zip(&[("../evil", b"x")]);
    let archive = zip(&[("SKILL.md", SKILL), ("assets/inner.zip", &inner)]);
    assert_eq!(unpack(&archive).unwrap().into_sorted()[1].1, inner);
}

#[test]
fn paths_that_lead_elsewhere_are_refused_with_their_name() {
    for (name, why) in [
        (&b"../evil"[..], "leads out"),
        (b"a/../../evil", "leads out"),
        (b"a/..", "leads out"),
        (b"/etc/passwd", "absolute"),
        (b"..\\evil", "backslash"),
        (b"C:evil", "drive letter"),
        (b"a\0b", "control characters"),
        (b"a\x1b[31m", "control characters"),
        ("a\u{202e}b".as_bytes(), "control characters"),
    ] {
        let error = reason(&named(name));
        assert!(matches!(error, PackageError::Path { .. }), "{error:?}");
        let error = error.to_string();
        assert!(error.contains(why) && !error.contains(|char: char| char.is_control()), "{error}");
    }
}

#[test]
fn harmless_oddities_of_paths_are_put_right() {
    let archive = forged(zip(&[("qqSKILL.md", SKILL), ("a/qqb", b"x")]), b"qq", b"./");
    assert_eq!(paths(&archive), ["SKILL.md", "a/b"]);
}

#[test]
fn one_name_twice_is_refused_also_in_another_case_or_spelling() {
    let twice = forged(zip(&[("a.md", b"1"), ("b.md", b"2")]), b"b.md", b"a.md");
    assert!(matches!(reason(&twice), PackageError::DuplicateEntry));
    for (one, other) in [("a.md", "A.md"), ("ä.md", "Ä.md"), ("x/a", "X/b"), ("a", "a/b"), ("a/b", "a"), ("a", ".//a")]
    {
        for pair in [[one, other], [other, one]] {
            let error = reason(&zip(&[("SKILL.md", SKILL), (pair[0], b"1"), (pair[1], b"2")]));
            assert!(matches!(error, PackageError::Duplicate(..)), "{pair:?}: {error:?}");
        }
    }
}

#[test]
fn symbolic_links_and_devices_in_an_archive_are_refused_with_their_name() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("references/link", "/etc/passwd", stored()).unwrap();
    let link = writer.finish().unwrap().into_inner();
    let error = reason(&link);
    assert!(matches!(error, PackageError::Symlink(_)) && error.to_string().contains("references/link"), "{error}");

    for kind in [0o010_000_u32, 0o020_000, 0o060_000, 0o140_000] {
        let special = forged_header(link.clone(), HEADER, 38, &((kind | 0o644) << 16).to_le_bytes());
        assert!(matches!(reason(&special), PackageError::Special { .. }), "{kind:o}");
    }
}

#[test]
fn encrypted_entries_and_foreign_methods_are_refused_with_the_way_out() {
    let archive = zip(&[("SKILL.md", SKILL)]);
    let encrypted = forged_header(forged_header(archive.clone(), HEADER, 8, &[1, 0]), LOCAL, 6, &[1, 0]);
    assert!(matches!(reason(&encrypted), PackageError::Encrypted(_)));
    // 14 is LZMA.
    let lzma = forged_header(forged_header(archive, HEADER, 10, &[14, 0]), LOCAL, 8, &[14, 0]);
    assert!(matches!(reason(&lzma), PackageError::Compression(_)));
}

#[test]
fn a_bomb_is_stopped_while_it_unpacks() {
    let bomb = zip(&[("SKILL.md", SKILL), ("assets/zeros", &vec![0; 8 << 20])]);
    assert!(bomb.len() < 16 << 10);
    let error = reason(&bomb);
    assert!(matches!(error, PackageError::Ratio(_)) && error.to_string().contains("assets/zeros"), "{error}");
    // Spread over many files it is the same bomb.
    let names: Vec<_> = (0..64).map(|index| format!("assets/{index}")).collect();
    let zeros = vec![0; 128 << 10];
    let spread: Vec<_> = names.iter().map(|name| (name.as_str(), zeros.as_slice())).collect();
    assert!(matches!(reason(&zip(&spread)), PackageError::Ratio(_)));
}

#[test]
fn what_an_entry_says_of_its_size_is_not_believed() {
    let honest = zip(&[("SKILL.md", SKILL), ("assets/zeros", &vec![0; 8 << 20])]);
    for lie in [0_u32, 10, u32::MAX - 1] {
        let lying =
            forged_header(forged_header(honest.clone(), HEADER, 24, &lie.to_le_bytes()), LOCAL, 22, &lie.to_le_bytes());
        assert!(unpack(&lying).is_err(), "{lie}");
    }
    // Headers that contradict each other.
    assert!(matches!(reason(&forged_header(honest, LOCAL, 22, &[9; 4])), PackageError::Archive(_)));
}

#[test]
fn headers_that_disagree_about_a_name_and_entries_that_overlap_are_refused() {
    let archive = zip(&[("SKILL.md", SKILL), ("qq.md", b"x")]);
    let mut cloaked = archive.clone();
    let local = (0..archive.len()).find(|at| archive[*at..].starts_with(b"qq.md")).unwrap();
    cloaked[local] = b'r';
    assert!(matches!(reason(&cloaked), PackageError::Archive(_)));

    // The second entry in the list points at the first one's bytes.
    let at = (0..archive.len()).filter(|at| archive[*at..].starts_with(HEADER)).nth(1).unwrap();
    let mut overlapping = archive;
    overlapping[at + 42..at + 46].copy_from_slice(&[0; 4]);
    assert!(matches!(reason(&overlapping), PackageError::Archive(_)));
}

#[test]
fn more_entries_than_a_skill_has_are_refused_before_they_are_listed() {
    let archive = |count: usize| {
        let names: Vec<_> = (0..count).map(|index| format!("assets/{index}")).collect();
        zip(&names.iter().map(|name| (name.as_str(), &b""[..])).collect::<Vec<_>>())
    };
    // The folder counts too, but it is left out here: it is the only one at the top.
    assert_eq!(paths(&archive(1_000)).len(), 1_000);
    assert!(matches!(reason(&archive(1_001)), PackageError::TooManyFiles));
    assert!(matches!(reason(&archive(ENTRIES + 1)), PackageError::TooManyEntries));
    assert!(matches!(reason(&HEADER.repeat(HEADERS + 1)), PackageError::TooManyEntries));
}

#[test]
fn a_path_is_bounded_in_depth_and_length() {
    let deep = |parts: usize| zip(&[("SKILL.md", SKILL), (&vec!["d"; parts].join("/"), b"x")]);
    assert_eq!(paths(&deep(8)).len(), 2);
    assert!(matches!(reason(&deep(9)), PackageError::TooDeep(_)));
    let long = |length: usize| zip(&[("SKILL.md", SKILL), (&"l".repeat(length), b"x")]);
    assert_eq!(paths(&long(255)).len(), 2);
    let error = reason(&long(256));
    assert!(matches!(error, PackageError::TooLong(_)) && error.to_string().len() < 400, "{error}");
}

#[test]
fn an_archive_that_is_cut_or_damaged_anywhere_is_refused_or_gives_its_files() {
    let archive = zip(&[("SKILL.md", SKILL), ("kit.wasm", b"\0asm")]);
    let whole = unpack(&archive).unwrap().into_sorted();
    for cut in 0..archive.len() {
        assert!(unpack(&archive[..cut]).is_err(), "{cut}");
    }
    // Bytes that carry nothing of the files (times, comments) may change; the files may not.
    for at in 0..archive.len() {
        let mut damaged = archive.clone();
        damaged[at] ^= 0xff;
        if let Ok(files) = unpack(&damaged) {
            for (_, bytes) in files.into_sorted() {
                assert!(whole.iter().any(|(_, known)| *known == bytes), "{at}");
            }
        }
    }
}
