use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

use super::*;

const SKILL: &str = "---\nname: kit\ndescription: Does things.\n---\n# Kit\n";

/// Far longer than any of these reads takes; only one that waits for ever reaches it.
const FOREVER: Duration = Duration::from_secs(20);

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        put(&folder, path, bytes);
    }
    folder
}

fn put(folder: &TempDir, path: &str, bytes: &[u8]) {
    let path = folder.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn sparse(folder: &TempDir, path: &str, size: u64) {
    put(folder, path, b"");
    OpenOptions::new().write(true).open(folder.path().join(path)).unwrap().set_len(size).unwrap();
}

fn reason(folder: &TempDir, name: &str) -> PackageError {
    read(folder.path(), name).unwrap_err()
}

fn says(error: &PackageError, text: &str) -> bool {
    error.to_string().contains(text)
}

#[test]
fn a_component_alone_is_its_bytes() {
    let package = read(folder(&[("x.wasm", b"\0asm")]).path(), "x.wasm").unwrap();
    assert_eq!(package, Package::of_component(b"\0asm".to_vec()));
    assert_eq!((package.digest, package.size), (Digest::of(b"\0asm"), 4));
}

#[test]
fn a_folder_gives_its_card_instructions_component_and_files() {
    let files: [(&str, &[u8]); 6] = [
        ("kit/SKILL.md", SKILL.as_bytes()),
        ("kit/kit.wasm", b"\0asm"),
        ("kit/references/deep/er/a.md", b"a"),
        ("kit/scripts/other.wasm", b"data"),
        ("kit/LICENSE", b"free"),
        ("kit/own/.hidden", b"h"),
    ];
    let package = read(folder(&files).path(), "kit").unwrap();
    let card = package.card.as_ref().unwrap();
    assert_eq!((card.name.as_str(), card.description.as_str()), ("kit", "Does things."));
    assert_eq!(package.instructions.as_deref(), Some(SKILL));
    assert_eq!(*package.component.unwrap().bytes, b"\0asm");
    let expected: Vec<_> = files.iter().map(|(path, bytes)| (path.strip_prefix("kit/").unwrap(), *bytes)).collect();
    assert_eq!(package.digest, Digest::of_parts(expected.iter().copied()));
    assert_eq!(package.files.len(), expected.len());
    assert_eq!(package.size, expected.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>());
}

#[test]
fn a_folder_and_an_archive_of_it_are_the_same_package() {
    let files: [(&str, &[u8]); 3] =
        [("kit/SKILL.md", SKILL.as_bytes()), ("kit/assets/a", b"a"), ("kit/.DS_Store", b"clutter")];
    let folder = folder(&files);
    let mut writer = zip::ZipWriter::new(fs::File::create(folder.path().join("kit.skill")).unwrap());
    for (path, bytes) in files {
        writer.start_file(path, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap();
    let package = read(folder.path(), "kit").unwrap();
    assert_eq!(read(folder.path(), "kit.skill").unwrap(), package);
    assert!(package.component.is_none());
}

#[test]
fn what_is_no_skill_is_refused_with_what_would_be_one() {
    let folder = folder(&[("x.txt", b""), ("y.skill", b"no zip"), ("sub/a", b"")]);
    assert!(matches!(reason(&folder, "x.txt"), PackageError::Foreign(_)));
    assert!(matches!(reason(&folder, "y.skill"), PackageError::Archive(_)));
    for name in ["", ".", "..", "sub/a", "/etc/passwd", "a\0b"] {
        assert!(matches!(reason(&folder, name), PackageError::Foreign(_)), "{name:?}");
    }
    assert!(matches!(reason(&folder, "gone.wasm"), PackageError::Read { .. }));
}

#[test]
fn a_folder_needs_its_instructions_in_this_case_and_as_text() {
    let folder = folder(&[("a/x.wasm", b""), ("b/skill.md", b""), ("c/SKILL.md", b"\xff"), ("d/SKILL.md", b"no")]);
    assert!(matches!(reason(&folder, "a"), PackageError::NoInstructions));
    assert!(says(&reason(&folder, "b"), "`skill.md`"));
    assert!(matches!(reason(&folder, "c"), PackageError::InstructionsNotText));
    assert!(matches!(reason(&folder, "d"), PackageError::FrontMatter(_)));
}

#[test]
fn two_components_are_refused_and_both_named() {
    let folder = folder(&[("k/SKILL.md", SKILL.as_bytes()), ("k/a.wasm", b""), ("k/B.WASM", b"")]);
    let error = reason(&folder, "k");
    assert!(says(&error, "a.wasm") && says(&error, "B.WASM"), "{error}");
}

#[test]
fn a_symbolic_link_anywhere_is_refused_with_its_name() {
    let outside = folder(&[("secret.wasm", b"secret")]);
    let folder = folder(&[("k/SKILL.md", SKILL.as_bytes())]);
    symlink(outside.path().join("secret.wasm"), folder.path().join("x.wasm")).unwrap();
    symlink(outside.path(), folder.path().join("linked")).unwrap();
    assert!(matches!(reason(&folder, "x.wasm"), PackageError::Symlink(_)));
    assert!(matches!(reason(&folder, "linked"), PackageError::Symlink(_)));
    // Also one that leads nowhere, or into the folder.
    symlink("SKILL.md", folder.path().join("k/inner")).unwrap();
    let error = reason(&folder, "k");
    assert!(matches!(error, PackageError::Symlink(_)) && says(&error, "inner"), "{error}");
    fs::remove_file(folder.path().join("k/inner")).unwrap();
    fs::create_dir(folder.path().join("k/references")).unwrap();
    symlink("/nowhere", folder.path().join("k/references/x")).unwrap();
    assert!(says(&reason(&folder, "k"), "`references/x`"));
}

#[test]
fn a_pipe_a_socket_and_a_device_are_refused_without_waiting() {
    let folder = folder(&[("k/SKILL.md", SKILL.as_bytes())]);
    let pipe = |name: &str| {
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, folder.path().join(name), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    };
    pipe("x.wasm");
    pipe("k/pipe");
    let _socket = UnixListener::bind(folder.path().join("s.wasm")).unwrap();
    let (done, reasons) = mpsc::channel();
    let path = folder.path().to_owned();
    std::thread::spawn(move || {
        for (folder, name) in [(path.as_path(), "x.wasm"), (&path, "k"), (&path, "s.wasm"), (Path::new("/dev"), "null")]
        {
            done.send(read(folder, name).unwrap_err()).unwrap();
        }
        // As if the pipe had come after the look and before the opening.
        let folder = disk::open_folder(&path).unwrap();
        done.send(disk::open_unseen(folder.as_fd(), b"x.wasm", Shown::new("x.wasm")).err().unwrap()).unwrap();
    });
    for what in ["named pipe", "named pipe", "socket", "device", "named pipe"] {
        let error = reasons.recv_timeout(FOREVER).unwrap();
        assert!(matches!(error, PackageError::Special { .. }) && says(&error, what), "{error}");
    }
}

#[test]
fn a_link_that_comes_between_look_and_opening_is_not_followed() {
    let folder = folder(&[("x.wasm", b"x")]);
    symlink("x.wasm", folder.path().join("y.wasm")).unwrap();
    let handle = disk::open_folder(folder.path()).unwrap();
    let opened = disk::open_unseen(handle.as_fd(), b"y.wasm", Shown::new("y.wasm"));
    assert!(matches!(opened.err().unwrap(), PackageError::Symlink(_)));
}

#[test]
fn an_unreadable_file_is_refused_with_its_reason() {
    let folder = folder(&[("x.wasm", b"x"), ("k/SKILL.md", SKILL.as_bytes())]);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["x.wasm", "k/SKILL.md"] {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o000)).unwrap();
    }
    let path = folder.path().to_owned();
    // Root reads everything, so this thread, and only it, becomes somebody else.
    let errors = std::thread::spawn(move || {
        if rustix::process::geteuid().is_root() {
            let nobody = rustix::process::Uid::from_raw(65_534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        }
        [read(&path, "x.wasm").unwrap_err(), read(&path, "k").unwrap_err()]
    });
    for error in errors.join().unwrap() {
        assert!(
            matches!(&error, PackageError::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
        );
        assert!(says(&error, "make it readable"), "{error}");
    }
}

#[test]
fn sizes_are_bounded_one_by_one_and_together() {
    let folder = folder(&[("k/SKILL.md", SKILL.as_bytes()), ("l/SKILL.md", &vec![b' '; 256 * 1024 + 1])]);
    sparse(&folder, "x.wasm", limits::COMPONENT + 1);
    sparse(&folder, "x.skill", limits::ARCHIVE + 1);
    sparse(&folder, "k/x.wasm", limits::COMPONENT + 1);
    for name in ["x.wasm", "x.skill", "k", "l"] {
        let error = reason(&folder, name);
        assert!(matches!(error, PackageError::TooLarge { .. }), "{name}: {error}");
    }
    sparse(&folder, "k/x.wasm", limits::COMPONENT);
    sparse(&folder, "k/assets/big", limits::PACKAGE - limits::COMPONENT);
    let error = reason(&folder, "k");
    assert!(matches!(error, PackageError::PackageTooLarge(_)), "{error}");
}

#[test]
fn a_component_of_the_largest_size_is_read() {
    let folder = folder(&[]);
    sparse(&folder, "x.wasm", limits::COMPONENT);
    assert_eq!(read(folder.path(), "x.wasm").unwrap().size, limits::COMPONENT);
}

#[test]
fn files_and_folders_are_bounded_in_number_and_depth() {
    let folder = folder(&[("k/SKILL.md", SKILL.as_bytes()), ("d/SKILL.md", SKILL.as_bytes())]);
    for index in 0..limits::FILES - 1 {
        put(&folder, &format!("k/{index}"), b"");
    }
    assert_eq!(read(folder.path(), "k").unwrap().files.len(), limits::FILES);
    fs::create_dir(folder.path().join("k/empty")).unwrap();
    assert!(matches!(reason(&folder, "k"), PackageError::TooManyFiles));
    fs::create_dir_all(folder.path().join("d").join(["e"; 9].join("/"))).unwrap();
    assert!(matches!(reason(&folder, "d"), PackageError::TooDeep(_)));
}

#[test]
fn names_on_disk_obey_the_rules_of_archives() {
    use std::os::unix::ffi::OsStrExt as _;
    for (name, why) in [(&b"a\\b"[..], "backslash"), (b"\xff", "UTF-8"), (b"a\nb", "control"), (b"skill.md", "case")] {
        let folder = folder(&[("k/SKILL.md", SKILL.as_bytes())]);
        fs::write(folder.path().join("k").join(std::ffi::OsStr::from_bytes(name)), b"").unwrap();
        let error = reason(&folder, "k");
        assert!(says(&error, why) && !says(&error, "\n"), "{error}");
    }
}

#[test]
fn a_file_that_is_replaced_while_it_is_open_stays_what_it_was() {
    let folder = folder(&[("x.wasm", b"old"), ("new", b"newer")]);
    let handle = disk::open_folder(folder.path()).unwrap();
    let Opened::File(file) = disk::open_in(handle.as_fd(), b"x.wasm", Shown::new("x.wasm")).unwrap() else { panic!() };
    fs::rename(folder.path().join("new"), folder.path().join("x.wasm")).unwrap();
    assert_eq!(file.read("a component", 10).unwrap(), b"old");
}

#[test]
fn a_file_that_is_written_to_while_it_is_open_is_refused() {
    let folder = folder(&[("x.wasm", b"old")]);
    let handle = disk::open_folder(folder.path()).unwrap();
    let Opened::File(file) = disk::open_in(handle.as_fd(), b"x.wasm", Shown::new("x.wasm")).unwrap() else { panic!() };
    OpenOptions::new().append(true).open(folder.path().join("x.wasm")).unwrap().write_all(b"er").unwrap();
    assert!(matches!(file.read("a component", 10), Err(PackageError::Changing(_))));
}

#[test]
fn whatever_happens_meanwhile_the_digest_is_that_of_the_bytes_in_use() {
    let folder = folder(&[("k/SKILL.md", SKILL.as_bytes()), ("k/x.wasm", &[b'a'; 70_000])]);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let place = folder.path().join("k/x.wasm");
            for byte in b"abcdefgh".iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let beside = folder.path().join("new");
                fs::write(&beside, [*byte; 70_000]).unwrap();
                fs::rename(beside, &place).unwrap();
            }
        });
        for _ in 0..300 {
            let package = read(folder.path(), "k").unwrap();
            let component = package.component.unwrap().bytes;
            assert!(component.len() == 70_000 && component.iter().all(|byte| *byte == component[0]));
            assert_eq!(package.digest, Digest::of_parts([("SKILL.md", SKILL.as_bytes()), ("x.wasm", &component)]));
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_package_is_kept_as_it_was_and_for_nobody_else() {
    let data = tempfile::tempdir().unwrap();
    let drop = folder(&[("k/SKILL.md", SKILL.as_bytes()), ("k/references/a.md", b"a"), ("x.wasm", b"\0asm")]);
    for name in ["k", "x.wasm"] {
        let package = read(drop.path(), name).unwrap();
        let dir = data.path().join("generations").join(package.digest.hex());
        package.write_to(&dir).unwrap();
        assert_eq!(read_kept(&dir).unwrap(), package);
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, PRIVATE_FOLDER);
        // Nothing but the packages is left behind, and writing again changes nothing.
        let before = fs::metadata(&dir).unwrap().modified().unwrap();
        package.write_to(&dir).unwrap();
        assert_eq!(fs::metadata(&dir).unwrap().modified().unwrap(), before);
    }
    assert_eq!(fs::read_dir(data.path().join("generations")).unwrap().count(), 2);
    let digest = read(drop.path(), "k").unwrap().digest.hex();
    let file = data.path().join("generations").join(digest).join("references/a.md");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, PRIVATE_FILE);
    assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().permissions().mode() & 0o777, PRIVATE_FOLDER);
}

#[test]
fn what_is_kept_and_was_altered_is_noticed_and_written_anew() {
    let data = tempfile::tempdir().unwrap();
    let drop = folder(&[("k/SKILL.md", SKILL.as_bytes())]);
    let package = read(drop.path(), "k").unwrap();
    let dir = data.path().join("kept");
    package.write_to(&dir).unwrap();
    fs::write(dir.join("added"), b"x").unwrap();
    assert_ne!(read_kept(&dir).unwrap().digest, package.digest);
    package.write_to(&dir).unwrap();
    assert_eq!(read_kept(&dir).unwrap(), package);
    // A link in its place is not written through.
    let outside = tempfile::tempdir().unwrap();
    fs::remove_dir_all(&dir).unwrap();
    symlink(outside.path(), &dir).unwrap();
    package.write_to(&dir).unwrap();
    assert!(fs::symlink_metadata(&dir).unwrap().is_dir());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_written_leaves_nothing_and_says_where() {
    let data = folder(&[("file", b"in the way")]);
    let package = Package::of_component(b"x".to_vec());
    let error = package.write_to(&data.path().join("file/generation")).unwrap_err();
    assert!(matches!(error, PackageError::Write { .. }) && says(&error, "file/generation"), "{error}");
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1);
}
