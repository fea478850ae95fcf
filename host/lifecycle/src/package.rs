//! The one place where bytes from the drop folder are read.
//!
//! Contract: what lies there is read once and within limits, without following anything out of the folder;
//! the digest is that of the very bytes that are handed on. Whatever is refused is refused with what it is
//! called and what to do about it.
//!
//! Price: a package is in memory as a whole, its component twice: up to 192 MiB, and 256 MiB while an archive
//! is unpacked. Writing one waits for the disk once per file.

mod disk;
mod error;
mod files;
mod limits;
mod shown;

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::CWD;
use skillhost_types::{Digest, SkillName};

use self::disk::Opened;
use self::files::is_component;
use crate::{archive, front_matter};

pub(crate) use self::error::PackageError;
pub(crate) use self::files::{Files, PackagePath};
pub(crate) use self::limits::{DESCRIPTION, ENTRIES, FRONT_MATTER};
pub(crate) use self::shown::{Shown, is_deceptive};

/// What a component that came alone is called where it is kept.
const LONE_COMPONENT: &str = "component.wasm";

/// Nobody but the host's own user looks into or changes what is kept.
const PRIVATE_FOLDER: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o400;

/// What one entry of the drop folder holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    /// Of the component's bytes where it came alone, of all files with their paths otherwise.
    pub(crate) digest: Digest,
    /// All files together, in bytes, unpacked.
    pub(crate) size: u64,
    /// Without one, the skill is its instructions.
    pub(crate) component: Option<Component>,
    /// What the front matter of `SKILL.md` says.
    pub(crate) card: Option<Card>,
    /// `SKILL.md` as it stands, front matter included.
    pub(crate) instructions: Option<String>,
    /// Every file with its path in the folder, ordered by path; empty for a component that came alone.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

/// The bytes of a component, shared and not copied on their way through, and their digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Component {
    pub(crate) digest: Digest,
    pub(crate) bytes: Arc<Vec<u8>>,
}

/// What a skill says of itself in the front matter of its `SKILL.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) name: SkillName,
    /// On one line, at most 1,024 characters.
    pub(crate) description: String,
}

/// Reads the entry `name` of the drop folder: a `*.wasm` file, a `*.skill` archive or a folder with a `SKILL.md`.
pub(crate) fn read(folder: &Path, name: &str) -> Result<Package, PackageError> {
    let shown = Shown::new(name);
    if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
        return Err(PackageError::Foreign(shown));
    }
    let folder = disk::open_folder(folder)?;
    match disk::open_in(folder.as_fd(), name.as_bytes(), shown.clone())? {
        Opened::Folder(below) => Package::of_files(disk::walk(below)?.into_sorted()),
        Opened::File(file) if files::has_suffix(name, ".wasm") => {
            Ok(Package::of_component(file.read("a component", limits::COMPONENT)?))
        }
        Opened::File(file) if files::has_suffix(name, ".skill") => {
            let archive = file.read("an archive", limits::ARCHIVE)?;
            let files = archive::unpack(&archive)?;
            drop(archive);
            Package::of_files(files.into_sorted())
        }
        Opened::File(_) => Err(PackageError::Foreign(shown)),
    }
}

/// Reads what `Package::write_to` wrote. That it is still the same, its digest tells.
pub(crate) fn read_kept(dir: &Path) -> Result<Package, PackageError> {
    let shown = Shown::new(&dir.to_string_lossy());
    let Opened::Folder(folder) = disk::open_in(CWD, dir.as_os_str().as_bytes(), shown.clone())? else {
        return Err(PackageError::Foreign(shown));
    };
    let mut files = disk::walk(folder)?.into_sorted();
    match files.pop_if(|(path, _)| path == LONE_COMPONENT) {
        Some((_, bytes)) if files.is_empty() => Ok(Package::of_component(bytes)),
        other => Package::of_files(files.into_iter().chain(other).collect()),
    }
}

impl Package {
    fn of_component(bytes: Vec<u8>) -> Self {
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        Self {
            digest,
            size,
            component: Some(Component { digest, bytes: Arc::new(bytes) }),
            card: None,
            instructions: None,
            files: Vec::new(),
        }
    }

    fn of_files(files: Vec<(String, Vec<u8>)>) -> Result<Self, PackageError> {
        let instructions = instructions(&files)?.to_owned();
        let card = front_matter::parse(&instructions)?;
        Ok(Self {
            digest: Digest::of_parts(files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))),
            size: files.iter().map(|(_, bytes)| bytes.len() as u64).sum(),
            component: component(&files)?
                .map(|bytes| Component { digest: Digest::of(bytes), bytes: Arc::new(bytes.to_vec()) }),
            card: Some(card),
            instructions: Some(instructions),
            files,
        })
    }

    /// Writes the files, or the component that came alone, to the new folder `dir`: whole and on the disk, or
    /// not at all. What is there already stays if it is the same, and gives way if it is not.
    pub(crate) fn write_to(&self, dir: &Path) -> Result<(), PackageError> {
        if read_kept(dir).is_ok_and(|kept| kept.digest == self.digest) {
            return Ok(());
        }
        self.write_anew(dir).map_err(|source| PackageError::Write { path: Shown::new(&dir.to_string_lossy()), source })
    }

    fn write_anew(&self, dir: &Path) -> io::Result<()> {
        let parent = dir.parent().ok_or(io::ErrorKind::InvalidInput)?;
        private_folder(parent)?;
        // Beside its place, since renaming does not cross file systems. Whatever fails, it goes away with `work`.
        let work = tempfile::Builder::new().prefix(".unpacking-").tempdir_in(parent)?;
        let fresh = work.path().join("fresh");
        private_folder(&fresh)?;
        let alone = self
            .component
            .iter()
            .filter(|_| self.files.is_empty())
            .map(|component| (LONE_COMPONENT, &*component.bytes));
        for (path, bytes) in self.files.iter().map(|(path, bytes)| (path.as_str(), bytes)).chain(alone) {
            let path = fresh.join(path);
            if let Some(folder) = path.parent() {
                private_folder(folder)?;
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE_FILE).open(&path)?;
            file.write_all(bytes)?;
            file.sync_all()?;
        }
        sync_folders(&fresh)?;
        if fs::symlink_metadata(dir).is_ok() {
            fs::rename(dir, work.path().join("replaced"))?;
        }
        fs::rename(&fresh, dir)?;
        fs::File::open(parent)?.sync_all()
    }
}

/// The text of `SKILL.md`.
fn instructions(files: &[(String, Vec<u8>)]) -> Result<&str, PackageError> {
    match files.iter().find(|(path, _)| path == files::INSTRUCTIONS) {
        Some((_, bytes)) => str::from_utf8(bytes).map_err(|_| PackageError::InstructionsNotText),
        None => Err(files
            .iter()
            .find(|(path, _)| path.eq_ignore_ascii_case(files::INSTRUCTIONS))
            .map_or(PackageError::NoInstructions, |(path, _)| PackageError::InstructionsMisnamed(Shown::new(path)))),
    }
}

/// The only component at the top, if there is one; those below are data.
fn component(files: &[(String, Vec<u8>)]) -> Result<Option<&[u8]>, PackageError> {
    let mut components = files.iter().filter(|(path, _)| is_component(path));
    let first = components.next();
    match (first, components.next()) {
        (Some((one, _)), Some((two, _))) => Err(PackageError::TwoComponents(Shown::new(one), Shown::new(two))),
        _ => Ok(first.map(|(_, bytes)| bytes.as_slice())),
    }
}

fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(path)
}

/// A file is only there after a loss of power if the folders that name it were written too.
fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
