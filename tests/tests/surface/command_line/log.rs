//! `events`, `runs`, `show`: what was written down.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::mpsc;

use serde_json::{Value, json};
use skillhost_tests::{PATIENCE, World, eventually, generation, guest};

use crate::{has_fields, is_digest, is_run, is_time};

#[track_caller]
fn events(world: &World, arguments: &[&str]) -> Vec<Value> {
    let ran = world.run(&[&["events", "--json"], arguments].concat());
    assert_eq!(ran.code, Some(0), "{ran}");
    let events = ran.lines();
    for event in &events {
        has_fields(event, &["seq", "at", "kind", "source", "run", "data"], &[]);
        assert!(event["seq"].is_u64() && is_time(&event["at"]) && event["kind"].is_string(), "{event}");
        assert!(event["run"].is_null() || is_run(event["run"].as_str().unwrap()), "{event}");
        assert!(event["source"].is_string() && event["data"].is_object(), "{event}");
    }
    events
}

fn seqs(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["seq"].as_u64().unwrap()).collect()
}

#[test]
fn what_becomes_of_files_is_in_the_log() {
    let world = World::with(&["healthy"]);
    let old = world.entry("healthy.wasm")["digest"].clone();
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    world.put("broken.wasm", b"no component");
    up.wait_for("refused", "broken.wasm");
    world.put("healthy.wasm", &generation(std::fs::read(guest("healthy")).unwrap(), "GENERATION", "1"));
    up.wait_for("replaced", "healthy.wasm");
    std::fs::remove_file(world.skills().join("healthy.wasm")).unwrap();
    up.wait_for("removed", "healthy.wasm");
    assert_eq!(up.stop().code, Some(0));

    let events = events(&world, &["--kind", "skill.*"]);
    let kinds: Vec<_> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["skill.absorbed", "skill.refused", "skill.replaced", "skill.removed"], "{events:?}");
    for event in &events {
        assert!(is_digest(&event["data"]["digest"]) && event["run"].is_null(), "{event}");
    }
    let data = |at: usize| &events[at]["data"];
    assert_eq!(
        (&data(0)["skill"], &data(0)["file"], &data(0)["digest"]),
        (&json!("healthy"), &json!("healthy.wasm"), &old)
    );
    assert_eq!(data(1)["file"], "broken.wasm");
    assert!(data(1)["reason"].is_string(), "{}", events[1]);
    assert_eq!(data(2)["skill"], "healthy");
    assert_ne!(data(2)["digest"], old);
    assert_eq!((&data(3)["skill"], &data(3)["digest"]), (&json!("healthy"), &data(2)["digest"]));
}

#[test]
fn a_file_that_stays_as_it_is_makes_no_more_events_however_often_one_looks() {
    let world = World::with(&["healthy"]);
    world.put("broken.wasm", b"no component");
    world.list();
    let before = events(&world, &[]);
    for _ in 0..3 {
        world.list();
        world.run(&["inspect", "healthy"]);
    }
    assert_eq!(events(&world, &[]), before);
}

#[test]
fn a_host_that_serves_says_when_it_starts_and_stops() {
    let world = World::with(&["healthy"]);
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    assert_eq!(up.stop().code, Some(0));
    let events = events(&world, &["--kind", "system.*"]);
    let kinds: Vec<_> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["system.started", "system.stopped"]);
}

#[test]
fn each_run_has_one_event_when_it_is_called_and_one_when_it_ends() {
    let world = World::with(&["healthy", "errors", "hostile", "schemas"]);
    let cases = [
        (world.call("healthy.echo", &["a=1"]), true),
        (world.call("healthy.count", &[]), true),
        (world.call("errors.failed", &["message=no"]), false),
        (world.call("hostile.trap", &[]), false),
        (world.call("hostile.spin", &["--fuel", "5000"]), false),
        (world.call("schemas.typed", &["count=x"]), false),
    ];
    let events = events(&world, &["--kind", "tool.*"]);
    assert_eq!(events.len(), 2 * cases.len(), "{events:?}");
    for (ran, well) in &cases {
        let outcome = ran.json();
        let of_run: Vec<_> = events.iter().filter(|event| event["run"] == outcome["run"]).collect();
        let [called, ended] = of_run[..] else { panic!("{of_run:?} of {ran}") };
        assert_eq!(called["kind"], "tool.called");
        assert_eq!(ended["kind"], if *well { "tool.completed" } else { "tool.failed" });
        assert!(called["seq"].as_u64() < ended["seq"].as_u64());
        for event in of_run {
            assert!(is_digest(&event["data"]["digest"]), "{event}");
            assert_eq!(event["data"]["digest"], outcome["digest"]);
            assert_eq!(event["data"]["skill"], outcome["skill"]);
            assert_eq!(event["data"]["tool"], outcome["tool"]);
            assert_eq!(event["data"]["tenant"], outcome["tenant"]);
            assert_eq!(event["source"], outcome["skill"]);
        }
        assert_eq!(ended["data"]["usage"], outcome["usage"]);
        assert_eq!(ended["data"]["error"], outcome["error"]);
    }
}

#[test]
fn events_come_in_order_a_page_at_a_time() {
    let world = World::with(&["healthy"]);
    for _ in 0..5 {
        assert_eq!(world.call("healthy.echo", &[]).code, Some(0));
    }
    let all = events(&world, &[]);
    assert_eq!(all.len(), 11, "an absorption, five runs: {all:?}");
    let every = seqs(&all);
    assert!(every.windows(2).all(|pair| pair[0] + 1 == pair[1]), "without gaps: {every:?}");

    let mut paged = Vec::new();
    let mut after = 0;
    loop {
        let page = events(&world, &["--after", &after.to_string(), "--limit", "4"]);
        assert!(page.len() <= 4, "{page:?}");
        let Some(last) = page.last() else { break };
        after = last["seq"].as_u64().unwrap();
        paged.extend(page);
    }
    assert_eq!(paged, all, "page by page, nothing twice, nothing left out");

    let last = events(&world, &["--limit", "3"]);
    assert_eq!(last, all[8..], "without a position, the last ones, oldest first");
    let called = events(&world, &["--kind", "tool.called"]);
    assert_eq!(called.len(), 5);
    let mixed = events(&world, &["--kind", "skill.*", "--kind", "*.completed", "--limit", "100"]);
    let kinds: BTreeSet<_> = mixed.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, BTreeSet::from(["skill.absorbed", "tool.completed"]));
    assert_eq!(events(&world, &["--kind", "tool.*", "--after", &every[8].to_string()]).len(), 2);
    assert_eq!(events(&world, &["--kind", "nothing.*"]), Vec::<Value>::new());
    assert_eq!(events(&world, &["--after", "1000000"]), Vec::<Value>::new());
}

#[test]
fn without_a_limit_the_last_hundred_events_come_and_after_a_position_all() {
    let world = World::with(&["hostile"]);
    assert_eq!(world.call("hostile.event-flood", &["times=150", "bytes=10"]).code, Some(0));
    let taken = events(&world, &["--after", "0"]);
    assert!(taken.len() > 150, "{}", taken.len());
    let last = events(&world, &[]);
    assert_eq!(last, taken[taken.len() - 100..]);
}

#[test]
fn follow_goes_on_with_what_comes_from_other_processes() {
    let world = World::with(&["healthy"]);
    assert_eq!(world.call("healthy.echo", &["a=0"]).code, Some(0));
    let mut command = world.command(&["events", "--follow", "--json", "--kind", "tool.*"]);
    let mut follower = command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null()).spawn().unwrap();
    let (sender, lines) = mpsc::channel();
    let stream = BufReader::new(follower.stdout.take().unwrap());
    std::thread::spawn(move || stream.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
    let next = || -> Value { serde_json::from_str(&lines.recv_timeout(PATIENCE).expect("an event")).unwrap() };
    let mut seen = vec![next(), next()];
    for _ in 0..3 {
        let run = world.call("healthy.echo", &[]).json()["run"].clone();
        let (called, completed) = (next(), next());
        assert_eq!((&called["kind"], &called["run"]), (&json!("tool.called"), &run));
        assert_eq!((&completed["kind"], &completed["run"]), (&json!("tool.completed"), &run));
        seen.extend([called, completed]);
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&follower), rustix::process::Signal::INT).unwrap();
    let mut ended = None;
    eventually("Ctrl-C ends it", PATIENCE, || {
        ended = follower.try_wait().unwrap();
        ended.is_some()
    });
    assert_eq!(ended.unwrap().code(), Some(0), "as it is meant to end");
    assert_eq!(seen, events(&world, &["--kind", "tool.*"]), "the same as are in the log");
}

#[test]
fn runs_come_newest_first_as_run_printed_them() {
    let world = World::with(&["healthy", "errors"]);
    let mut printed: Vec<Value> = Vec::new();
    for number in 0..3 {
        printed.push(world.call("healthy.echo", &[&format!("n:={number}")]).json());
        printed.push(world.call("errors.failed", &["message=no"]).json());
    }
    printed.reverse();
    let list = |arguments: &[&str]| -> Vec<Value> {
        let ran = world.run(&[&["runs", "--json"], arguments].concat());
        assert_eq!(ran.code, Some(0), "{ran}");
        ran.json().as_array().unwrap().clone()
    };
    let all = list(&[]);
    assert_eq!(all.len(), printed.len());
    for (kept, printed) in all.iter().zip(&printed) {
        assert!(is_time(&kept["started_at"]), "{kept}");
        for field in ["run", "skill", "tool", "digest", "tenant", "ok", "output", "error", "usage"] {
            assert_eq!(kept[field], printed[field], "{field}");
        }
    }
    let started: Vec<_> = all.iter().map(|run| run["run"].as_str().unwrap()).collect();
    assert!(started.is_sorted_by(|newer, older| newer > older), "newest first: {started:?}");
    let only = list(&["--skill", "errors"]);
    assert_eq!(only, all.iter().filter(|run| run["skill"] == "errors").cloned().collect::<Vec<_>>());
    assert_eq!(list(&["--skill", "nobody"]), Vec::<Value>::new());
    assert_eq!(World::new().run(&["runs", "--json"]).json(), json!([]), "nothing has run yet");
}

#[test]
fn show_gives_one_run_with_its_host_calls_and_its_log() {
    let world = World::with(&["hostile", "healthy"]);
    let counted = world.call("healthy.count", &[]).json();
    let run = counted["run"].as_str().unwrap();
    let shown = world.run(&["show", run, "--json"]);
    assert_eq!(shown.code, Some(0), "{shown}");
    for field in ["run", "skill", "tool", "digest", "tenant", "ok", "output", "error", "usage"] {
        assert_eq!(shown.json()[field], counted[field], "{field}");
    }
    let for_people = world.run(&["show", run]);
    assert_eq!(for_people.code, Some(0), "{for_people}");
    for text in [run, "healthy.count", "blackboard", "healthy:count"] {
        assert!(for_people.stdout.contains(text), "`{text}`: {for_people}");
    }
    let logged = world.call("hostile.log", &["level=warn", "message=look here"]).json();
    let shown = world.run(&["show", logged["run"].as_str().unwrap()]);
    assert!(shown.stdout.contains("look here"), "{shown}");

    for unknown in ["01K0000000000000000000000X", "nonsense", "../../etc/passwd"] {
        for json in [&[] as &[&str], &["--json"]] {
            let ran = world.run(&[&["show", unknown], json].concat());
            assert_eq!(ran.code, Some(3), "{ran}");
            assert!(ran.stdout.is_empty() && ran.stderr.contains(unknown), "{ran}");
        }
    }
}
