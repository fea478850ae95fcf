//! Skills from Python and JavaScript: they answer as others do, and start from the cache.

use std::time::Duration;

use serde_json::json;
use skillhost_tests::{Ran, World};

use crate::alone;

/// What absorbing one skill from the cache may take.
const CACHED: Duration = Duration::from_millis(50);

/// How often a time is measured: the least of them is what the program takes, the rest is the machine's.
const TIMES: usize = 10;

/// The least time that this process took.
#[track_caller]
fn least(world: &World, arguments: &[&str]) -> Duration {
    let once = |_| {
        let ran: Ran = world.run(arguments);
        assert_eq!(ran.code, Some(0), "{ran}");
        ran.took
    };
    (0..TIMES).map(once).min().unwrap()
}

#[test]
fn skills_from_python_and_javascript_answer_and_start_from_the_cache_at_once() {
    let _alone = alone();
    let world = World::with(&["healthy"]);
    assert_eq!(world.call("healthy.echo", &["a=1"]).code, Some(0));
    let before = least(&world, &["list", "--json"]);
    let run_before = least(&world, &["run", "healthy.echo", "a=1"]);
    for (skill, added) in [("pyskill", 1_u32), ("jsskill", 2)] {
        world.add(skill);
        let entry = world.entry(&format!("{skill}.wasm"));
        assert_eq!(entry["state"], "active", "{entry}");
        assert_eq!(entry["tools"], json!(["shout", "stats"]));

        let loud = world.call(&format!("{skill}.shout"), &["text=grüße, Ada"]);
        assert_eq!(loud.data()["text"], "GRÜSSE, ADA", "{loud}");
        let figures = world.call(&format!("{skill}.stats"), &["numbers:=[4, 1]"]);
        assert_eq!(figures.data(), json!({"count": 2, "min": 1, "max": 4, "mean": 2.5, "stored": true}), "{figures}");
        for wrong in [&["numbers:=[]"] as &[&str], &["numbers:=[\"x\"]"], &[]] {
            let ran = world.call(&format!("{skill}.stats"), wrong);
            assert_eq!((ran.code, ran.kind().as_str()), (Some(4), "invalid-input"), "{ran}");
        }

        let after = least(&world, &["list", "--json"]);
        let absorbing = after.saturating_sub(before);
        assert!(absorbing < CACHED * added, "{skill}: `list` took {after:?}, {before:?} without it");
        let run_after = least(&world, &["run", &format!("{skill}.shout"), "text=a"]);
        let running = run_after.saturating_sub(run_before);
        assert!(running < CACHED * (added + 1), "{skill}: `run` took {run_after:?}, {run_before:?} of another");
    }
}
