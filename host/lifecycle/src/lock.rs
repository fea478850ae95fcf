//! Which process runs the agents of a data directory.
//!
//! Contract: one at a time; the system takes the lock back from a process that dies.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

/// Between two tries to take over.
pub(crate) const RETRY: Duration = Duration::from_millis(500);

/// Held until it is dropped.
pub(crate) struct DirectoryLock(#[expect(dead_code, reason = "closing the file gives the lock back")] File);

impl DirectoryLock {
    /// Takes the lock of `folder`; none if another process has it.
    pub(crate) fn take(folder: &Path) -> io::Result<Option<Self>> {
        let path: PathBuf = folder.join("agents.lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
