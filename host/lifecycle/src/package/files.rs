//! The files of one package while they are gathered, from a folder or an archive alike.
//!
//! Contract: what is in here obeys every limit on paths, counts and sizes, so the same files are accepted or
//! refused wherever they come from. Price: at most one byte is read beyond a limit.

use std::collections::HashMap;
use std::io::{self, Read};

use super::error::PackageError;
use super::limits;
use super::shown::{Shown, is_deceptive};

/// The file that makes a folder a skill.
pub(crate) const INSTRUCTIONS: &str = "SKILL.md";

/// A path within a package: relative, with `/` between its parts and nothing in it that leads elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackagePath(Vec<String>);

impl PackagePath {
    /// Checks a path as an archive or a folder gives it. `.` and doubled slashes are harmless and left out.
    pub(crate) fn parse(text: &str) -> Result<Self, PackageError> {
        let refuse = |why| Err(PackageError::Path { path: Shown::new(text), why });
        if text.chars().any(is_deceptive) {
            return refuse("holds control characters");
        }
        if text.starts_with('/') {
            return refuse("is absolute");
        }
        if text.contains('\\') {
            return refuse("holds a backslash");
        }
        if matches!(text.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic()) {
            return refuse("begins with a drive letter");
        }
        let parts: Vec<_> =
            text.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect();
        if parts.iter().any(|part| part == "..") {
            return refuse("leads out of the folder with `..`");
        }
        Ok(Self(parts))
    }

    pub(crate) fn parts(&self) -> &[String] {
        &self.0
    }

    /// The path without its first part.
    pub(crate) fn below_top(mut self) -> Self {
        self.0.drain(..self.0.len().min(1));
        self
    }

    /// Is it, or does it lie in, what file managers and version control leave behind?
    pub(crate) fn is_clutter(&self) -> bool {
        self.0.iter().any(|part| {
            matches!(part.as_str(), ".DS_Store" | "__MACOSX" | "Thumbs.db" | "desktop.ini")
                || part.starts_with(".git")
                || part.starts_with("._")
        })
    }
}

/// What a path stands for, in `Files::seen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

/// The files gathered so far.
#[derive(Debug)]
pub(crate) struct Files {
    files: Vec<(String, Vec<u8>)>,
    /// By the path in lower case, since some file systems see no difference.
    seen: HashMap<String, (String, Kind)>,
    room: u64,
    exhausted: fn(Shown) -> PackageError,
}

impl Files {
    /// For files that lie on disk as they are.
    pub(crate) fn new() -> Self {
        Self {
            files: Vec::new(),
            seen: HashMap::new(),
            room: limits::PACKAGE,
            exhausted: PackageError::PackageTooLarge,
        }
    }

    /// For files that come out of an archive of `size` bytes.
    pub(crate) fn unpacked_from(size: u64) -> Self {
        let room = size.saturating_mul(limits::RATIO);
        if room < limits::PACKAGE { Self { room, exhausted: PackageError::Ratio, ..Self::new() } } else { Self::new() }
    }

    /// Adds a folder and those it lies in.
    pub(crate) fn add_folder(&mut self, path: &PackagePath) -> Result<(), PackageError> {
        self.see(path, Kind::Folder).map(drop)
    }

    /// Adds a file, reading it to its end or to its limit.
    pub(crate) fn add(&mut self, path: &PackagePath, from: impl Read) -> Result<(), PackageError> {
        let path = self.see(path, Kind::File)?;
        let shown = || Shown::new(&path);
        let (what, limit) = limit_of(&path);
        let read = read_at_most(from, limit.min(self.room), 0)
            .map_err(|source| PackageError::Read { path: shown(), source })?;
        let Some(bytes) = read else {
            return Err(if limit <= self.room {
                PackageError::TooLarge { path: shown(), what, limit }
            } else {
                (self.exhausted)(shown())
            });
        };
        self.room = self.room.saturating_sub(bytes.len() as u64);
        self.files.push((path, bytes));
        Ok(())
    }

    /// The files, ordered by path.
    pub(crate) fn into_sorted(mut self) -> Vec<(String, Vec<u8>)> {
        self.files.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        self.files
    }

    fn see(&mut self, path: &PackagePath, kind: Kind) -> Result<String, PackageError> {
        let (parts, mut whole) = (path.parts(), String::new());
        if parts.len() > limits::DEPTH {
            return Err(PackageError::TooDeep(Shown::new(&parts.join("/"))));
        }
        for (index, part) in parts.iter().enumerate() {
            if !whole.is_empty() {
                whole.push('/');
            }
            whole.push_str(part);
            if whole.len() > limits::PATH {
                return Err(PackageError::TooLong(Shown::new(&whole)));
            }
            let kind = if index + 1 == parts.len() { kind } else { Kind::Folder };
            match self.seen.get(&whole.to_lowercase()) {
                Some((known, Kind::Folder)) if *known == whole && kind == Kind::Folder => {}
                Some((known, _)) => return Err(PackageError::Duplicate(Shown::new(known), Shown::new(&whole))),
                None if self.seen.len() >= limits::FILES => return Err(PackageError::TooManyFiles),
                None => drop(self.seen.insert(whole.to_lowercase(), (whole.clone(), kind))),
            }
        }
        if whole.is_empty() && kind == Kind::File {
            return Err(PackageError::Path { path: Shown::new(""), why: "is empty" });
        }
        Ok(whole)
    }
}

/// Is `path` a component by its place and name?
pub(crate) fn is_component(path: &str) -> bool {
    !path.contains('/') && has_suffix(path, ".wasm")
}

/// Does `name` end in `suffix`, whatever the case?
pub(crate) fn has_suffix(name: &str, suffix: &str) -> bool {
    name.len()
        .checked_sub(suffix.len())
        .and_then(|start| name.get(start..))
        .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

fn limit_of(path: &str) -> (&'static str, u64) {
    if is_component(path) {
        ("a component", limits::COMPONENT)
    } else if path == INSTRUCTIONS {
        ("the instructions", limits::INSTRUCTIONS)
    } else {
        ("a file", limits::PACKAGE)
    }
}

/// Reads to the end, or says `None` where there are more than `limit` bytes. About `expected` bytes will come.
pub(crate) fn read_at_most(from: impl Read, limit: u64, expected: u64) -> io::Result<Option<Vec<u8>>> {
    // One byte more, for which the end is looked for.
    let mut bytes = Vec::with_capacity(usize::try_from(expected.min(limit).saturating_add(1)).unwrap_or_default());
    from.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}
