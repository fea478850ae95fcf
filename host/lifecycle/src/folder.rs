//! What lies in the drop folder, and whether it is whole.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How long a file must not have been written to before it is read. Copies write without pause; a copy that
/// stops for longer is read too early, refused, and read again when it goes on.
pub(crate) const SETTLE: Duration = Duration::from_millis(150);

/// Entries of the drop folder that are looked at, and files within one of its folders. More is not a folder
/// of skills, and looking at it several times a second would cost.
const ENTRIES: usize = 4_096;
/// How deep a folder is looked into, as deep as a package may be.
const DEPTH: usize = 8;

/// Changes whenever a file does: its place, size and times, or those of all files of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    parts: Vec<(u64, u64, i128, i128)>,
    written: Option<SystemTime>,
}

impl Fingerprint {
    /// Has it been left alone for long enough?
    pub(crate) fn is_settled(&self) -> bool {
        // A time in the future says nothing; then it is taken as it is.
        self.written.is_none_or(|written| written.elapsed().map_or(true, |age| age >= SETTLE))
    }

    /// Bytes of all its files.
    pub(crate) fn size(&self) -> u64 {
        self.parts.iter().map(|(_, size, _, _)| size).sum()
    }

    fn add(&mut self, data: &std::fs::Metadata) {
        let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        self.parts.push((
            data.ino(),
            data.len(),
            nanos(data.mtime(), data.mtime_nsec()),
            nanos(data.ctime(), data.ctime_nsec()),
        ));
        self.written = self.written.max(data.modified().ok());
    }
}

/// The entries of `folder` that may be skills: `*.wasm`, `*.skill` and folders, but nothing hidden, which is
/// where copying programs keep what is not whole yet.
pub(crate) fn scan(folder: &Path) -> io::Result<BTreeMap<String, Fingerprint>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        // Not cut short in silence: what was left out would look like deleted.
        if found.len() >= ENTRIES {
            return Err(io::Error::other(format!("it holds more than {ENTRIES} skills; move some out")));
        }
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') {
            continue;
        }
        // It may be gone by now; then the next scan sees so too.
        let Ok(data) = entry.metadata() else { continue };
        if data.is_dir() || name.ends_with(".wasm") || name.ends_with(".skill") {
            let mut fingerprint = Fingerprint { parts: Vec::new(), written: None };
            fingerprint.add(&data);
            if data.is_dir() {
                walk(&entry.path(), DEPTH, &mut fingerprint);
            }
            found.insert(name, fingerprint);
        }
    }
    Ok(found)
}

fn walk(folder: &Path, depth: usize, fingerprint: &mut Fingerprint) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).take(ENTRIES).collect();
    paths.sort();
    for path in paths {
        let Ok(data) = std::fs::symlink_metadata(&path) else { continue };
        fingerprint.add(&data);
        if data.is_dir() && depth > 0 && fingerprint.parts.len() < ENTRIES {
            walk(&path, depth - 1, fingerprint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn hidden_and_foreign_files_are_not_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.wasm", ".a.wasm.tmp", "notes.txt", "b.skill"] {
            fs::write(folder.path().join(name), b"x").unwrap();
        }
        fs::create_dir(folder.path().join("c")).unwrap();
        let names: Vec<_> = scan(folder.path()).unwrap().into_keys().collect();
        assert_eq!(names, ["a.wasm", "b.skill", "c"]);
    }

    #[test]
    fn a_change_deep_in_a_folder_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c/references/x.md");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, b"x").unwrap();
        let before = scan(folder.path()).unwrap();
        assert_eq!(before, scan(folder.path()).unwrap());
        fs::write(&file, b"xy").unwrap();
        assert_ne!(before, scan(folder.path()).unwrap());
    }

    #[test]
    fn a_file_that_is_still_written_to_is_not_settled_and_an_old_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        fs::write(&path, b"x").unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now()).unwrap();
        let fresh = scan(folder.path()).unwrap();
        file.set_modified(SystemTime::now() - SETTLE).unwrap();
        let old = scan(folder.path()).unwrap();
        assert!(!fresh["a.wasm"].is_settled() && old["a.wasm"].is_settled());
    }
}
