//! Who goes away takes the run along.

use std::io::Write as _;

use serde_json::json;
use skillhost_tests::{Http, PATIENCE, Stream, World, eventually};

use super::{call, path, runs, started};

/// A call that nobody has read the answer of yet.
#[track_caller]
pub(super) fn open(http: &Http, target: &str, body: &str) -> Box<dyn Stream> {
    let mut stream = http.connect().unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
        path(target),
        http.host(),
        http.token().expect("a token"),
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    stream
}

/// Waits until the only place is taken: whoever comes then hears that there is none.
#[track_caller]
pub(super) fn until_taken(http: &Http) {
    eventually("the only place is taken", PATIENCE, || call(http, "hostile.echo", &json!({})).status == 429);
}

#[test]
fn a_caller_that_goes_away_cancels_its_run_which_is_on_record_as_cancelled() {
    let world = World::with(&["hostile"]);
    world.configure(
        "approval: { auto: [\"* *\"] }\nlimits: { timeout: 60s, fuel: 1000000000000, concurrency: 1, queue_timeout: 50ms }\n",
    );
    let (_up, admin) = started(&world);
    for (tool, input) in [("sleep", json!({"ms": 50_000})), ("spin", json!({}))] {
        let caller = open(&admin, &format!("hostile.{tool}"), &input.to_string());
        until_taken(&admin);
        drop(caller);
        let mut found = None;
        eventually("the run is on record", PATIENCE, || {
            found = runs(&admin).into_iter().find(|run| run["tool"] == tool);
            found.is_some()
        });
        assert_eq!(found.unwrap()["error"]["kind"], "cancelled");
    }
    // Its place is free again.
    assert_eq!(call(&admin, "hostile.echo", &json!({})).status, 200);
}
