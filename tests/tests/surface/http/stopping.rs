//! How a host comes to its end: what runs is waited for, and whoever else comes is told.

use std::io::Read as _;

use rustix::process::Signal;
use serde_json::json;
use skillhost_tests::{Http, PATIENCE, Reply, World, eventually};

use super::cancelling::{open, until_taken};
use super::{call, started};
use crate::mcp;

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
    outlasts("http", |admin| {
        let reply = Reply::read(open(admin, "hostile.sleep", r#"{"ms":50000}"#).as_mut()).unwrap();
        assert_eq!(reply.json()["error"]["kind"], "cancelled", "{reply:?}");
    });
}

#[test]
fn a_run_of_an_assistant_that_outlasts_the_grace_is_broken_off_and_on_record() {
    outlasts("mcp", |admin| {
        let params = json!({"name": "hostile__sleep", "arguments": {"ms": 50_000}});
        let came = mcp::ask(admin, "tools/call", params, &json!({}));
        assert_eq!(came["result"]["_meta"]["kind"], "cancelled", "{came}");
    });
}

#[test]
fn a_run_from_a_form_that_outlasts_the_grace_is_broken_off_and_on_record() {
    outlasts("http", |admin| {
        let origin = format!("http://{}", admin.host());
        let form = [("origin", origin.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        let login = admin.send("POST", "/login", &form, format!("token={}", admin.token().unwrap()).as_bytes());
        let cookie = login.header("set-cookie").unwrap().split(';').next().unwrap();
        let page = admin.send("GET", "/skills/hostile", &[("cookie", cookie)], b"").text();
        let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let path = "/skills/hostile/tools/sleep";
        let fields = format!("csrf={csrf}&json=%7B%22ms%22%3A50000%7D");
        let page = admin.send("POST", path, &[&form[..], &[("cookie", cookie)]].concat(), fields.as_bytes());
        assert!(page.status == 200 && page.text().contains("cancelled"), "{page:?}");
    });
}

/// Stops a host while `run` runs `hostile.sleep` as a caller of this `kind`.
#[track_caller]
fn outlasts(kind: &str, run: impl FnOnce(&Http) + Send) {
    let world = world("200ms");
    let (up, admin) = started(&world);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| run(&admin));
        until_taken(&admin);
        up.signal(Signal::TERM);
        running.join().unwrap();
    });
    let ran = up.stop();
    assert_eq!(ran.code, Some(0), "{ran}");
    let runs = world.run(&["runs", "--json"]).json();
    assert_eq!((&runs[0]["tool"], &runs[0]["error"]["kind"]), (&json!("sleep"), &json!("cancelled")), "{runs}");
    assert!(runs[0]["caller"].to_string().contains(kind), "{runs}");
}
