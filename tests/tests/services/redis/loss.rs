//! Redis that is not there, goes, hangs and comes back, with memory behind it and without.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use skillhost_tests::{PATIENCE, World, eventually};

use super::{Python, Server, configuration};
use crate::hosts::{all_unavailable, ask, events, every_call, send, until_event, until_handled, until_joined};

/// Once the server answers again, agents hear again within this time.
const BACK: Duration = Duration::from_secs(2);

/// A process that finds no server, with all it does besides: the call itself is answered within two seconds.
const REFUSED: Duration = Duration::from_secs(5);

const WITHOUT: &str = "  fallback_to_memory: false\n";
const MERGING: &str = "  merge: newer\n";

fn world(server: &Server, board: &str) -> World {
    let world = World::with(&["recorder", "greedy"]);
    world.configure(&configuration(server, board, ""));
    world
}

/// Starts the server and waits until it has somebody to give a message to; gives the program in Python that found out.
#[track_caller]
fn back(server: &mut Server, message: &str) -> Python {
    let mut python = Python::beside(server);
    server.start();
    let begun = Instant::now();
    eventually("agents hear again", BACK, || python.publish("timmy:notes:day", message) == 1);
    assert!(begun.elapsed() <= BACK, "it took {:?}", begun.elapsed());
    python
}

#[test]
fn without_redis_a_host_starts_on_memory_says_so_and_says_what_it_dropped() {
    let mut server = Server::absent();
    let world = world(&server, "");
    let _up = world.up();
    let lost = until_event(&world, "system.degraded", 1);
    assert_eq!((&lost["part"], &lost["in_memory"]), (&json!("blackboard"), &json!(true)), "{lost}");
    assert!(lost["error"].as_str().unwrap().contains("refused"), "{lost}");
    until_joined(&world, 1);
    assert_eq!(send(&world, "notes:day", &json!("in memory")), 1);
    until_handled(&world, "recorder", 1);
    // Another process has a memory of its own.
    assert_eq!(ask(&world, "set", &json!({"key": "k", "value": "v"})), json!({"ok": null}));
    assert!(events(&world, "system.recovered").is_empty());

    let mut python = back(&mut server, "\"on redis\"");
    let found = until_event(&world, "system.recovered", 1);
    assert_eq!(found["part"], "blackboard", "{found}");
    assert_eq!((&found["merged"], &found["dropped"]), (&json!(0), &json!(2)), "{found}");
    let mut dropped: Vec<_> = found["dropped_keys"].as_array().unwrap().iter().map(Value::to_string).collect();
    dropped.sort_unstable();
    assert_eq!(dropped, ["\"recorder:1\"", "\"recorder:count\""], "{found}");
    // It counts from the beginning.
    until_handled(&world, "recorder", 2);
    assert_eq!(python.get("timmy:recorder:count"), "1");
    assert!(python.get("timmy:recorder:1").as_str().unwrap().contains("on redis"));
    assert_eq!(python.get("timmy:k"), Value::Null);
}

#[test]
fn what_was_written_in_memory_is_merged_where_the_server_has_no_such_key_if_that_is_wished() {
    let mut server = Server::new();
    let world = world(&server, MERGING);
    let _up = world.up();
    until_joined(&world, 1);
    Python::beside(&server).call(&json!(["set", "timmy:recorder:count", "7"]));
    server.kill();
    until_event(&world, "system.degraded", 1);
    assert_eq!(send(&world, "notes:day", &json!("in memory")), 1);
    until_handled(&world, "recorder", 1);

    let mut python = back(&mut server, "\"on redis\"");
    let found = until_event(&world, "system.recovered", 1);
    assert_eq!((&found["merged"], &found["dropped"]), (&json!(1), &json!(1)), "{found}");
    assert_eq!(found["dropped_keys"], json!(["recorder:count"]), "{found}");
    until_handled(&world, "recorder", 2);
    assert_eq!(python.get("timmy:recorder:count"), "8");
    assert!(python.get("timmy:recorder:1").as_str().unwrap().contains("in memory"));
    let lives = python.call(&json!(["ttl", "timmy:recorder:1"])).as_i64().unwrap();
    assert!((1..=3_600).contains(&lives), "the time that it has left: {lives}");
    assert!(python.get("timmy:recorder:8").as_str().unwrap().contains("on redis"));
}

#[test]
fn without_fallback_every_call_is_unavailable_in_time_and_heals_by_itself() {
    let mut server = Server::absent();
    let world = world(&server, WITHOUT);
    // Compiles, so that the call is measured and not the compiler.
    world.list();
    let told = events(&world, "system.degraded").len();
    let ran = world.call("greedy.steps", &["--input", &every_call("x").to_string()]);
    all_unavailable(&ran, "Redis is not there");
    assert!(ran.took <= REFUSED, "{ran}");
    assert_eq!(events(&world, "system.degraded").len(), told + 1);

    let _up = world.up();
    let lost = until_event(&world, "system.degraded", told + 2);
    assert_eq!(lost["in_memory"], false, "{lost}");
    until_joined(&world, 1);
    let sent = world.run(&["send", "notes:day", "{}"]);
    assert_eq!(sent.code, Some(1), "{sent}");
    assert!(sent.stderr.contains("Redis") && sent.took <= REFUSED, "{sent}");

    let mut python = back(&mut server, "\"heard\"");
    let found = until_event(&world, "system.recovered", 1);
    assert_eq!((&found["merged"], &found["dropped"]), (&json!(0), &json!(0)), "{found}");
    until_handled(&world, "recorder", 1);
    assert_eq!(ask(&world, "set", &json!({"key": "k", "value": "v"})), json!({"ok": null}));
    assert_eq!(python.get("timmy:k"), "v");
}

/// Kills and restarts the server under a running host again and again.
#[track_caller]
fn comes_back_every_time(board: &str, in_memory: bool) {
    let mut server = Server::new();
    let world = world(&server, board);
    let up = world.up();
    until_joined(&world, 1);
    for round in 1..=3 {
        server.kill();
        let lost = until_event(&world, "system.degraded", round);
        assert_eq!(lost["in_memory"], in_memory, "{lost}");
        let mut python = back(&mut server, &format!("{round}"));
        until_event(&world, "system.recovered", round);
        until_handled(&world, "recorder", round as u64);
        assert_eq!(python.get("timmy:recorder:count"), round.to_string());
        assert_eq!(send(&world, "elsewhere", &json!({})), 0, "calls go through again");
    }
    let left = up.stop();
    assert_eq!(left.code, Some(0), "{left}");
    assert_eq!(events(&world, "agent.left"), [json!({"agent": "recorder", "missed": 0, "waiting": 0})]);
}

#[test]
fn an_agent_hears_again_each_time_that_the_server_is_back_without_fallback() {
    comes_back_every_time(WITHOUT, false);
}

#[test]
fn an_agent_hears_again_each_time_that_the_server_is_back_with_memory_meanwhile() {
    comes_back_every_time("", true);
}

#[test]
fn a_server_that_hangs_is_one_that_is_gone() {
    let server = Server::new();
    let world = world(&server, WITHOUT);
    let _up = world.up();
    until_joined(&world, 1);
    world.list();
    server.signal(Signal::STOP);
    // A newcomer finds it so at once, who was connected within two seconds.
    let ran = world.call("greedy.steps", &["--input", &every_call("x").to_string()]);
    all_unavailable(&ran, "Redis");
    assert!(ran.took <= REFUSED, "{ran}");
    let sent = world.run(&["send", "notes:day", "{}"]);
    assert_eq!(sent.code, Some(1), "{sent}");
    assert!(sent.took <= REFUSED, "{sent}");
    server.signal(Signal::CONT);
    until_event(&world, "system.recovered", 1);
    let begun = Instant::now();
    eventually("agents hear again", PATIENCE, || send(&world, "notes:day", &json!("heard")) == 1);
    assert!(begun.elapsed() <= BACK, "it took {:?}", begun.elapsed());
}
