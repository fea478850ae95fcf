//! What the system says of this process.

use std::fs;

use rustix::process::{Resource, getrlimit};

/// None of a figure that the system does not give.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Process {
    /// Memory that is there, in bytes.
    pub(super) resident_bytes: Option<u64>,
    /// Open files.
    pub(super) open_fds: Option<usize>,
    /// Open files that it may have.
    pub(super) max_fds: Option<u64>,
    /// Threads.
    pub(super) threads: Option<u64>,
}

impl Process {
    /// Blocks, for some system calls.
    pub(super) fn look() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let figure = |name: &str| {
            let rest = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            rest.split_whitespace().next()?.parse::<u64>().ok()
        };
        Self {
            // It says kB and means KiB.
            resident_bytes: figure("VmRSS").map(|kib| kib << 10),
            // One of them is the folder itself.
            open_fds: fs::read_dir("/proc/self/fd").ok().map(|files| files.count().saturating_sub(1)),
            max_fds: getrlimit(Resource::Nofile).current,
            threads: figure("Threads"),
        }
    }
}
