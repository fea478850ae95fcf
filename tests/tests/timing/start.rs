//! How soon `run` gives its output.

use std::path::Path;
use std::time::Duration;

use skillhost_tests::World;

use crate::alone;

/// From the start of the process to its end.
const LIMIT: Duration = Duration::from_millis(60);

/// How often it is measured: the least is what the program takes, the rest is what else the machine had to do.
const TIMES: usize = 15;

#[test]
fn a_run_on_a_warm_cache_takes_less_than_sixty_milliseconds_from_start_to_output() {
    let _alone = alone();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let world = World::new();
    let textkit = checkout.join("skills/dist/textkit.wasm");
    let bytes = std::fs::read(&textkit).unwrap_or_else(|error| {
        panic!("{}: {error}; make it with: skillhost build skills", textkit.display());
    });
    world.put("textkit.wasm", &bytes);
    world.aside("README.md", &std::fs::read(checkout.join("README.md")).unwrap());
    let run = || world.run(&["run", "textkit.summarize", "text=@README.md"]);
    assert_eq!(run().code, Some(0));
    let times: Vec<_> = (0..TIMES).map(|_| run().took).collect();
    assert!(times.iter().min().unwrap() < &LIMIT, "{times:?}");
}
