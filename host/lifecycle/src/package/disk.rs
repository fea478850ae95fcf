//! Opening what lies in the drop folder.
//!
//! Contract: every step goes from the handle of one folder to a name directly in it and never through a link,
//! so nothing outside is reached, whatever is renamed meanwhile; nothing but regular files and folders is
//! opened for longer than it takes to see that, and opening never waits. Price: three system calls per file.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, open, openat, statat};
use rustix::io::Errno;

use super::error::PackageError;
use super::files::{Files, PackagePath, read_at_most};
use super::limits;
use super::shown::Shown;

/// An open regular file or folder.
pub(crate) enum Opened {
    File(OpenFile),
    Folder(OwnedFd),
}

/// An open regular file, and how it was when it was opened.
pub(crate) struct OpenFile {
    file: File,
    shown: Shown,
    before: Stat,
}

/// Opens the drop folder itself. It is named by the configuration, so it may lie behind a link.
pub(crate) fn open_folder(path: &Path) -> Result<OwnedFd, PackageError> {
    open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| PackageError::Read { path: Shown::new(&path.to_string_lossy()), source: errno.into() })
}

/// Opens `name`, which lies directly in `folder`.
pub(crate) fn open_in(folder: BorrowedFd<'_>, name: &[u8], shown: Shown) -> Result<Opened, PackageError> {
    // Looked at first, since merely opening a device may do something.
    let unreadable = |errno: Errno| PackageError::Read { path: shown.clone(), source: errno.into() };
    let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(unreadable)?;
    check_kind(&stat, &shown)?;
    open_unseen(folder, name, shown)
}

/// As `open_in`, but without a look first: what lies there may have been exchanged since.
pub(super) fn open_unseen(folder: BorrowedFd<'_>, name: &[u8], shown: Shown) -> Result<Opened, PackageError> {
    // Without NONBLOCK, opening a FIFO would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let handle = openat(folder, name, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::LOOP => PackageError::Symlink(shown.clone()),
        errno => PackageError::Read { path: shown.clone(), source: errno.into() },
    })?;
    let before = fstat(&handle).map_err(|errno| PackageError::Read { path: shown.clone(), source: errno.into() })?;
    Ok(match check_kind(&before, &shown)? {
        FileType::Directory => Opened::Folder(handle),
        _ => Opened::File(OpenFile { file: handle.into(), shown, before }),
    })
}

fn check_kind(stat: &Stat, shown: &Shown) -> Result<FileType, PackageError> {
    let what = match FileType::from_raw_mode(stat.st_mode) {
        kind @ (FileType::RegularFile | FileType::Directory) => return Ok(kind),
        FileType::Symlink => return Err(PackageError::Symlink(shown.clone())),
        FileType::Fifo => "named pipe",
        FileType::Socket => "socket",
        FileType::CharacterDevice | FileType::BlockDevice => "device",
        FileType::Unknown => "file of an unknown kind",
    };
    Err(PackageError::Special { path: shown.clone(), what })
}

impl OpenFile {
    /// The whole file, if it has at most `limit` bytes; `what` names it in the message.
    pub(crate) fn read(mut self, what: &'static str, limit: u64) -> Result<Vec<u8>, PackageError> {
        let too_large = || PackageError::TooLarge { path: self.shown.clone(), what, limit };
        // Not the bound, but it spares reading what is too large by far.
        let expected = u64::try_from(self.before.st_size).unwrap_or_default();
        if expected > limit {
            return Err(too_large());
        }
        let read = read_at_most(&mut self.file, limit, expected);
        let bytes = read.map_err(|source| PackageError::Read { path: self.shown.clone(), source })?;
        let bytes = bytes.ok_or_else(too_large)?;
        self.check_unchanged()?;
        Ok(bytes)
    }

    /// A file that is being written to is not whole. One that is replaced by another is: the handle keeps it.
    fn check_unchanged(&self) -> Result<(), PackageError> {
        let after =
            fstat(&self.file).map_err(|errno| PackageError::Read { path: self.shown.clone(), source: errno.into() })?;
        let state = |stat: &Stat| (stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
        if state(&self.before) == state(&after) { Ok(()) } else { Err(PackageError::Changing(self.shown.clone())) }
    }
}

impl Read for OpenFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

/// All files of `folder`, to any depth, but clutter.
pub(crate) fn walk(folder: OwnedFd) -> Result<Files, PackageError> {
    let mut files = Files::new();
    let mut entries = 0;
    walk_into(&folder, "", &mut entries, &mut files)?;
    Ok(files)
}

/// `within` is the way here. The depth is bounded since every folder on it is in `files`.
fn walk_into(folder: &OwnedFd, within: &str, entries: &mut usize, files: &mut Files) -> Result<(), PackageError> {
    for name in names(folder, within, entries)? {
        let shown = Shown::within(within, &name);
        let Ok(text) = str::from_utf8(&name) else {
            return Err(PackageError::Path { path: shown, why: "is not UTF-8" });
        };
        let whole = if within.is_empty() { text.to_owned() } else { format!("{within}/{text}") };
        let path = PackagePath::parse(&whole)?;
        if path.is_clutter() {
            continue;
        }
        match open_in(folder.as_fd(), &name, shown)? {
            Opened::File(mut file) => {
                files.add(&path, &mut file)?;
                file.check_unchanged()?;
            }
            Opened::Folder(below) => {
                files.add_folder(&path)?;
                walk_into(&below, &whole, entries, files)?;
            }
        }
    }
    Ok(())
}

/// The names in `folder`, ordered, so that the same folder gives the same reason every time.
fn names(folder: &OwnedFd, within: &str, entries: &mut usize) -> Result<Vec<Vec<u8>>, PackageError> {
    let unreadable = |errno: Errno| PackageError::Read { path: Shown::within(within, b"."), source: errno.into() };
    let mut names = Vec::new();
    for entry in Dir::read_from(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        *entries += 1;
        if *entries > limits::ENTRIES {
            return Err(PackageError::TooManyEntries);
        }
        names.push(name.to_owned());
    }
    names.sort_unstable();
    Ok(names)
}
