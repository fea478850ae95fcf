//! Which process runs the agents of a data directory.
//!
//! Contract: one at a time; the system takes the lock back from a process that dies. Who holds it can be read by the others.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

/// Between two tries to take over.
pub(crate) const RETRY: Duration = Duration::from_millis(500);

/// Held until it is dropped.
pub(crate) struct DirectoryLock(#[expect(dead_code, reason = "closing the file gives the lock back")] File);

impl DirectoryLock {
    /// Takes the lock of `folder` for this process, which serves at `address`; none if another process has it.
    pub(crate) fn take(folder: &Path, address: Option<&str>) -> io::Result<Option<Self>> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path(folder))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                let at = address.map(|address| format!(" at {address}")).unwrap_or_default();
                // The lock counts, also where there is no space left to say whose it is.
                let _ = file.set_len(0).and_then(|()| write!(file, "process {}{at}", std::process::id()));
                Ok(Some(Self(file)))
            }
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whoever took the lock of `folder` last, in words.
pub(crate) fn holder(folder: &Path) -> io::Result<String> {
    std::fs::read_to_string(path(folder))
}

fn path(folder: &Path) -> PathBuf {
    folder.join("agents.lock")
}
