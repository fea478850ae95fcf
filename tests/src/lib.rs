//! What the end-to-end tests share: a world of temporary folders, the built binary run in it, and the guests.
//!
//! Contract: nothing here knows the host's code; what the tests see is what people and programs see. A [`World`] leaves
//! nothing behind, every process in it ends with it, and nothing waits without an end: a binary that hangs fails
//! the test after [`PATIENCE`]. Price: a process per call, about 30 ms; a first absorption compiles, about half a second.
//!
//! The binary is `SKILLHOST_BIN`, else `release/skillhost` in the target folder that the test itself was built in.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod browser;
mod guests;
mod http;
mod process;
mod up;
mod world;

use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use browser::{Browser, Element};
pub use guests::{generation, guest, guests_folder, wat};
pub use http::{Http, Reply, Stream};
pub use process::Ran;
pub use up::Up;
pub use world::World;

/// How long anything may take before it counts as hung: ten times the slowest step on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often another process is looked at.
const POLL: Duration = Duration::from_millis(10);

/// Waits until `condition` holds; fails the test with `what` if it does not within `timeout`.
#[track_caller]
pub fn eventually(what: &str, timeout: Duration, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < timeout, "not within {timeout:?}: {what}");
        // What is waited for happens in another process, which tells nobody.
        std::thread::sleep(POLL);
    }
}

/// The binary under test.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("SKILLHOST_BIN") {
        return PathBuf::from(path);
    }
    // TARGET/PROFILE/deps/TEST; whoever set another target folder built the test there as well.
    let test = std::env::current_exe().expect("the test's own path");
    let target = test.ancestors().nth(3).expect("a target folder above the test");
    let binary = target.join("release/skillhost");
    assert!(binary.exists(), "there is no {}; make it with: cargo build --release", binary.display());
    binary
}
