//! The files of a folder, as version control sees them, and what was passed over on the way.
//!
//! Promises regular files in a fixed order, each with its path from the root, and none that `.gitignore`, `.ignore` or
//! `.git/info/exclude` leave out. Symbolic links are not followed, `.git` is not entered. Bounded by [`MAX_FILES`] and
//! [`MAX_DEPTH`]; costs a listing of each folder and one look at each file.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use std::time::SystemTime;

use ignore::{DirEntry, WalkBuilder};

use crate::Error;
use crate::passed::{Passed, Reason};

/// Files that are looked at. Finding one takes some 25,000 units of fuel, so that most of the default budget is left for
/// reading them.
pub(crate) const MAX_FILES: usize = 10_000;
/// Folders within folders. Deeper ones are made by programs, and paths would outgrow what systems take.
pub(crate) const MAX_DEPTH: usize = 32;
/// Entries between two looks at the budget.
const ENTRIES_BETWEEN_LOOKS: usize = 512;

/// A folder inside the root, which no path may leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder(PathBuf);

impl FromStr for Folder {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let path = Path::new(text);
        let inside = |part: &Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if !path.components().all(|part| inside(&part)) {
            return Err(Error::Outside { dir: text.to_owned() });
        }
        Ok(Self(path.components().filter(|part| matches!(part, Component::Normal(_))).collect()))
    }
}

impl Folder {
    /// As it is shown: `.` for the root.
    pub(crate) fn name(&self) -> String {
        if self.0.as_os_str().is_empty() { ".".to_owned() } else { self.0.to_string_lossy().into_owned() }
    }
}

/// A regular file.
#[derive(Debug)]
pub(crate) struct Found {
    /// Where it can be opened.
    pub(crate) path: PathBuf,
    /// From the root, with `/` between folders.
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// Where the file system knows it.
    pub(crate) modified: Option<SystemTime>,
}

/// The files of `folder`, found from `root` downwards, so that the ignore files above the folder count too; as many as are
/// found while `may_go_on` says so.
pub(crate) fn files(
    root: &Path,
    folder: &Folder,
    may_go_on: impl Fn() -> bool,
    passed: &mut Passed,
) -> Result<Vec<Found>, Error> {
    std::fs::metadata(root).map_err(|source| Error::NoWorkspace { source })?;
    let wanted = root.join(&folder.0);
    let mut found = vec![];
    let mut met = false;
    for (seen, entry) in walk(root, wanted.clone()).enumerate() {
        let entry = match entry {
            Ok(entry) if seen % ENTRIES_BETWEEN_LOOKS == ENTRIES_BETWEEN_LOOKS - 1 && !may_go_on() => {
                passed.add(Reason::BudgetSpent, &name(root, entry.path()));
                break;
            }
            Ok(entry) => entry,
            Err(error) => {
                let path = error_path(&error).unwrap_or(root);
                passed.add(Reason::Unreadable, &name(root, path));
                continue;
            }
        };
        if !entry.path().starts_with(&wanted) {
            continue;
        }
        let here = name(root, entry.path());
        let kind = entry.file_type();
        if kind.is_some_and(|kind| kind.is_dir()) {
            met = true;
            if entry.depth() == MAX_DEPTH {
                passed.add(Reason::TooDeep, &here);
            }
        } else if kind.is_some_and(|kind| kind.is_symlink()) {
            passed.add(Reason::SymbolicLink, &here);
        } else if !kind.is_some_and(|kind| kind.is_file()) {
            passed.add(Reason::SpecialFile, &here);
        } else if !met {
            return Err(Error::NoFolder { dir: folder.name() });
        } else if found.len() == MAX_FILES {
            passed.add(Reason::TooMany, &here);
            break;
        } else if let Ok(metadata) = entry.metadata() {
            let modified = metadata.modified().ok();
            found.push(Found { path: entry.into_path(), name: here, bytes: metadata.len(), modified });
        } else {
            passed.add(Reason::Unreadable, &here);
        }
    }
    if met { Ok(found) } else { Err(Error::NoFolder { dir: folder.name() }) }
}

/// Enters nothing but the folders on the way to `wanted` and those inside it. One thread, as WebAssembly has.
fn walk(root: &Path, wanted: PathBuf) -> ignore::Walk {
    WalkBuilder::new(root)
        .follow_links(false)
        .max_depth(Some(MAX_DEPTH))
        // Files that begin with a dot are part of a repository; its own folder is not.
        .hidden(false)
        .require_git(false)
        // What lies above the root is nobody's business, and where it may be seen, the result would depend on it.
        .parents(false)
        .git_global(false)
        .sort_by_file_name(OsStr::cmp)
        .filter_entry(move |entry: &DirEntry| {
            entry.file_name() != ".git" && (entry.path().starts_with(&wanted) || wanted.starts_with(entry.path()))
        })
        .build()
}

fn name(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}

/// What an error is about, where it says so.
fn error_path(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => error_path(err),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use std::fs;

    /// The names of the files, and what was passed over with its count.
    type Names = (Vec<String>, Vec<(Reason, u64)>);

    fn names(root: &Path, dir: &str) -> Result<Names, Error> {
        let mut passed = Passed::default();
        let found = files(root, &dir.parse()?, || true, &mut passed)?;
        let passed = passed.list().iter().map(|skipped| (skipped.reason, skipped.count)).collect();
        Ok((found.into_iter().map(|file| file.name).collect(), passed))
    }

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn ignored_files_and_the_folder_of_version_control_are_left_out() {
        let root = tree(&[
            (".gitignore", "target\n*.log\n"),
            (".git/HEAD", "ref"),
            ("a.log", ""),
            ("src/lib.rs", ""),
            ("src/target/b", ""),
            ("src/.gitignore", "!kept.log\n"),
            ("src/kept.log", ""),
            ("target/debug/c", ""),
        ]);
        let (names, passed) = names(root.path(), ".").unwrap();
        assert_eq!(names, [".gitignore", "src/.gitignore", "src/kept.log", "src/lib.rs"]);
        assert_eq!(passed, []);
    }

    #[test]
    fn a_folder_is_read_alone_under_the_ignore_files_above_it() {
        let root = tree(&[(".gitignore", "*.log"), ("a/b/c.rs", ""), ("a/b/d.log", ""), ("a/e", ""), ("ab/f", "")]);
        assert_eq!(names(root.path(), "./a/b").unwrap().0, ["a/b/c.rs"]);
        assert_eq!(names(root.path(), "a").unwrap().0, ["a/b/c.rs", "a/e"]);
    }

    #[test]
    fn a_folder_that_is_outside_or_not_there_is_refused() {
        let root = tree(&[("a", ""), (".gitignore", "no"), ("no/b", "")]);
        for dir in ["..", "a/../..", "/etc", "./../x"] {
            assert!(matches!(names(root.path(), dir), Err(Error::Outside { .. })), "{dir}");
        }
        for dir in ["b", "a", "no"] {
            assert!(matches!(names(root.path(), dir), Err(Error::NoFolder { .. })), "{dir}");
        }
        assert!(matches!(names(&root.path().join("gone"), "."), Err(Error::NoWorkspace { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn symbolic_links_are_not_followed() {
        let outside = tree(&[("secret", "")]);
        let root = tree(&[("a", "")]);
        std::os::unix::fs::symlink(outside.path(), root.path().join("out")).unwrap();
        std::os::unix::fs::symlink("a", root.path().join("b")).unwrap();
        let (found, passed) = names(root.path(), ".").unwrap();
        assert_eq!((found, passed), (vec!["a".to_owned()], vec![(Reason::SymbolicLink, 2)]));
        assert!(matches!(names(root.path(), "out"), Err(Error::NoFolder { .. })));
    }

    #[test]
    fn what_lies_too_deep_is_counted_and_not_entered() {
        let deep = format!("{}file", "d/".repeat(MAX_DEPTH));
        let root = tree(&[(&deep, ""), ("d/a", "")]);
        let (found, passed) = names(root.path(), ".").unwrap();
        assert_eq!((found, passed), (vec!["d/a".to_owned()], vec![(Reason::TooDeep, 1)]));
    }

    #[test]
    fn the_walk_ends_when_the_budget_nears_its_end() {
        let root = tempfile::tempdir().unwrap();
        (0..ENTRIES_BETWEEN_LOOKS * 2)
            .for_each(|number| fs::write(root.path().join(format!("{number:04}")), "").unwrap());
        let mut passed = Passed::default();
        let found = files(root.path(), &".".parse().unwrap(), || false, &mut passed).unwrap();
        // The first entry is the folder itself.
        assert_eq!(found.len(), ENTRIES_BETWEEN_LOOKS - 2);
        assert_eq!(passed.list().first().map(|skipped| skipped.reason), Some(Reason::BudgetSpent));
    }
}
