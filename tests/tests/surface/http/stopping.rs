//! How a host comes to its end: what runs is waited for, and whoever else comes is told.

use std::io::Read as _;

use rustix::process::Signal;
use serde_json::json;
use skillhost_tests::{PATIENCE, Reply, World, eventually};

use super::cancelling::{open, until_taken};
use super::{call, started};

/// One run at a time, so that it can be seen from outside that one runs.
fn world(grace: &str) -> World {
    let world = World::with(&["hostile"]);
    world.configure(&format!(
        "approval: {{ auto: [\"* *\"] }}\nhttp: {{ grace: {grace} }}\n\
         limits: {{ timeout: 60s, concurrency: 1, queue_timeout: 50ms }}\n"
    ));
    world
}

#[test]
fn a_run_in_flight_comes_to_its_end_while_new_ones_are_turned_away() {
    let world = world("50s");
    let (up, admin) = started(&world);
    // Long enough to look around, also on a busy machine.
    let mut running = open(&admin, "hostile.sleep", r#"{"ms":3000}"#);
    until_taken(&admin);
    let mut idle = admin.connect().unwrap();
    up.signal(Signal::TERM);
    eventually("it is not ready any more", PATIENCE, || admin.get("/ready").status == 503);
    assert_eq!(admin.get("/health").status, 200, "it lives as long as something runs");
    let refused = call(&admin, "hostile.echo", &json!({}));
    assert_eq!((refused.status, refused.header("retry-after").is_some()), (503, true), "{refused:?}");
    admin.get("/api/skills").problem(503);
    assert_eq!(idle.read(&mut [0]).unwrap(), 0, "who says nothing is not waited for");
    let reply = Reply::read(running.as_mut()).unwrap();
    assert_eq!((reply.status, &reply.json()["ok"]), (200, &json!(true)), "{reply:?}");
    let ran = up.stop();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(admin.connect().is_err());
}

#[test]
fn a_run_that_outlasts_the_grace_is_broken_off_and_on_record() {
    let world = world("200ms");
    let (up, admin) = started(&world);
    let mut running = open(&admin, "hostile.sleep", r#"{"ms":50000}"#);
    until_taken(&admin);
    up.signal(Signal::TERM);
    let reply = Reply::read(running.as_mut()).unwrap();
    assert_eq!(reply.json()["error"]["kind"], "cancelled", "{reply:?}");
    let ran = up.stop();
    assert_eq!(ran.code, Some(0), "{ran}");
    let runs = world.run(&["runs", "--json"]).json();
    assert_eq!((&runs[0]["tool"], &runs[0]["error"]["kind"]), (&json!("sleep"), &json!("cancelled")), "{runs}");
}
