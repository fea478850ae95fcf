//! How soon a running host hears of a decision, and that it rests where there is none.

use std::fs;
use std::time::{Duration, Instant};

use skillhost_tests::{World, generation, guest};

use crate::{NOTICED, alone};

/// How often a time is measured before it counts.
const TRIES: u32 = 3;

/// How long a host that has nothing to do is watched.
const WATCHED: Duration = Duration::from_secs(3);

/// Reads that it may make meanwhile: a few for each look at the folder, of which there are two a second.
const READS: u64 = 60;

#[test]
fn an_approval_makes_a_skill_callable_within_a_second_of_it() {
    let _alone = alone();
    let world = World::new();
    let mut up = world.up();
    let mut took = Vec::new();
    for number in 0..TRIES {
        let (name, file) = (format!("asks-{number}"), format!("asks-{number}.wasm"));
        let bytes = generation(fs::read(guest("healthy")).unwrap(), "WANTS", "llm.complete *");
        world.put(&file, &generation(bytes, "NAME", &name));
        up.wait_for("pending", &file);
        let waiting = world.run(&["approvals", "--json"]).json();
        let ran = world.run(&["approve", waiting[0]["id"].as_str().unwrap()]);
        let decided = Instant::now();
        assert_eq!(ran.code, Some(0), "{ran}");
        up.wait_for("absorbed", &file);
        took.push(decided.elapsed());
        assert_eq!(world.call(&format!("{name}.echo"), &[]).code, Some(0));
    }
    assert!(took.iter().all(|took| *took < NOTICED), "not within {NOTICED:?}: {took:?}");
}

#[test]
fn a_host_that_has_nothing_to_do_rests() {
    let _alone = alone();
    let world = World::with(&["healthy"]);
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    let reads = || {
        let io = fs::read_to_string(format!("/proc/{}/io", up.id())).unwrap();
        let reads = io.lines().find_map(|line| line.strip_prefix("syscr: ")).unwrap();
        reads.parse::<u64>().unwrap()
    };
    // What it still does of the absorption is over by then, and a span of time is what is tested.
    std::thread::sleep(WATCHED);
    let before = reads();
    std::thread::sleep(WATCHED);
    let made = reads() - before;
    assert!(made <= READS, "{made} reads in {WATCHED:?} of nothing to do");
}
