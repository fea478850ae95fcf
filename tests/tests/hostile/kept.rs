//! What the host keeps to itself, in a directory that a skill was granted: its data and secrets are not there, and what says
//! what skills may do cannot be changed.
//!
//! Contract: each is tried by its name, by other spellings of it and by links that were there or that the guest makes; what else
//! lies in the directory can be read and changed in the same way.

mod frozen;
mod hidden;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use skillhost_tests::World;

use crate::directories::attacker;

/// What lies in a file that a secret comes from.
const SECRET: &str = "EXAMPLE-key-7f3c9a1b5d2e4860";

/// A world whose whole root an attacker may read and write.
fn world() -> World {
    let world = World::with(&["healthy", "greedy"]);
    world.put("fs-attacker.wasm", &attacker("fs.read workspace;fs.write workspace"));
    world.configure(
        r#"dirs: { workspace: . }
grants:
  fs-attacker: ["fs.* workspace"]
  greedy: ["fs.* workspace"]
secrets:
  upstream: { value: "file:key.txt", hosts: ["https://api.example.com"], header: "X-Key: {}" }
"#,
    );
    world.aside("key.txt", SECRET.as_bytes());
    world.aside("readme.txt", b"for everybody");
    world.list();
    world
}

/// Links of which each leads to what is hidden, or to where it lies.
fn link(root: &Path) {
    fs::create_dir_all(root.join("nested/deeper")).unwrap();
    for (to, link) in [
        ("data", "to-data"),
        ("data/state.db", "to-state"),
        ("data/events.db", "to-events"),
        ("key.txt", "to-key"),
        (".", "to-root"),
        ("to-data", "to-link"),
        ("../..", "nested/deeper/up"),
        ("readme.txt", "to-readme"),
    ] {
        symlink(to, root.join(link)).unwrap();
    }
}
