//! What a folder holds, to tell whether it was changed.
//!
//! Contract: a tree is the same if names, kinds, bytes, sizes, modes, link counts, link targets and times of change are. Price: all
//! of its files are read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

pub(crate) type Tree = BTreeMap<PathBuf, String>;

/// All below `path`, itself included, each as one line that tells everything but when it was read.
pub(crate) fn tree(path: &Path) -> Tree {
    let mut all = Tree::new();
    walk(path, &mut all);
    all
}

/// What is not the same in two trees, each as it was and as it is.
pub(crate) fn changes(before: &Tree, after: &Tree) -> Vec<String> {
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
    changed.map(|path| format!("{}: {:?} -> {:?}", path.display(), before.get(path), after.get(path))).collect()
}

fn walk(path: &Path, all: &mut Tree) {
    let seen = fs::symlink_metadata(path).unwrap();
    let inside = if seen.is_symlink() {
        format!("{:?}", fs::read_link(path).unwrap())
    } else if seen.is_file() {
        let mut hasher = DefaultHasher::new();
        fs::read(path).unwrap().hash(&mut hasher);
        format!("{} bytes {:x}", seen.size(), hasher.finish())
    } else {
        for entry in fs::read_dir(path).unwrap() {
            walk(&entry.unwrap().path(), all);
        }
        String::new()
    };
    let line = format!("{:o} {} {}.{} {inside}", seen.mode(), seen.nlink(), seen.mtime(), seen.mtime_nsec());
    all.insert(path.to_owned(), line);
}
