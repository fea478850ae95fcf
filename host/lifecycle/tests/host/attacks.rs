//! What attacks from inside a run: the outcome's kind, the deadline, and that nothing of it is left.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skillhost_types::ErrorKind::{self, Deadline, Fuel, HostCalls, Memory, Output, ToolError, Trap};
use skillhost_types::LimitsPatch;

use crate::world::{World, data, kind};

/// How late a run may be stopped, by the contract.
const LATE: Duration = Duration::from_millis(50);

fn within(timeout: Duration) -> LimitsPatch {
    LimitsPatch { timeout: Some(timeout), fuel: Some(u64::MAX / 2), ..LimitsPatch::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_never_ends_is_stopped_by_its_deadline_and_leaves_nothing() {
    let world = World::with(&["healthy", "hostile"]).await;
    let timeout = Duration::from_millis(300);
    let mut missed = Vec::new();
    for tool in ["spin", "host-call-loop", "clock-loop", "fill-loop", "copy-loop", "sleep", "sleep-loop"] {
        let limits = LimitsPatch { host_calls: Some(u64::MAX), ..within(timeout) };
        let begun = Instant::now();
        let record = world.limited(&format!("hostile.{tool}"), json!({}), limits).await;
        let took = begun.elapsed();
        assert_eq!(kind(&record), Some(Deadline), "{tool}: {record:?}");
        assert!(took >= timeout, "{tool} was stopped after {took:?}");
        if took > timeout + LATE {
            missed.push((tool, took));
        }
        world.is_unharmed().await;
    }
    assert!(missed.is_empty(), "later than {LATE:?} after {timeout:?}: {missed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlines_are_kept_while_every_thread_is_busy() {
    let world = World::with(&["healthy", "hostile"]).await;
    let timeout = Duration::from_millis(500);
    let runs: Vec<_> = (0..8)
        .map(|_| {
            let host = world.host.clone();
            tokio::spawn(async move {
                let begun = Instant::now();
                let record = host.run(crate::world::request("hostile.spin", json!({}), within(timeout))).await;
                (kind(&record), begun.elapsed())
            })
        })
        .collect();
    for run in runs {
        let (kind, took) = run.await.unwrap();
        assert_eq!(kind, Some(Deadline));
        assert!(took < timeout + LATE, "{took:?}");
    }
    world.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_attack_ends_as_what_it_is() {
    let world = World::with(&["healthy", "hostile"]).await;
    let fuel = LimitsPatch { fuel: Some(20_000_000), ..LimitsPatch::default() };
    let calls = LimitsPatch { host_calls: Some(100), ..LimitsPatch::default() };
    let plain = LimitsPatch::default();
    let cases: [(&str, Value, &LimitsPatch, &[ErrorKind]); 17] = [
        ("spin", json!({}), &fuel, &[Fuel]),
        ("fill-loop", json!({}), &fuel, &[Fuel]),
        ("copy-loop", json!({}), &fuel, &[Fuel]),
        ("host-call-loop", json!({}), &calls, &[HostCalls]),
        ("recurse", json!({}), &plain, &[Trap]),
        ("grow", json!({}), &plain, &[Memory]),
        ("allocate", json!({"bytes": 100_000_000}), &plain, &[Memory]),
        ("leak-handles", json!({"kind": "pollable"}), &plain, &[Trap]),
        ("leak-handles", json!({"kind": "stream"}), &plain, &[Trap]),
        ("trap", json!({}), &plain, &[Trap]),
        ("panic", json!({}), &plain, &[Trap]),
        ("oob", json!({}), &plain, &[Trap]),
        ("abort-exit", json!({"ok": true}), &plain, &[Trap]),
        ("huge-output", json!({"as": "text"}), &plain, &[Output]),
        ("amplified-output", json!({}), &plain, &[Output]),
        ("deep-json-output", json!({}), &plain, &[Output, ToolError]),
        ("huge-random", json!({}), &plain, &[Trap]),
    ];
    for (tool, input, limits, kinds) in cases {
        let record = world.limited(&format!("hostile.{tool}"), input, limits.clone()).await;
        assert!(kind(&record).is_some_and(|kind| kinds.contains(&kind)), "{tool} is none of {kinds:?}: {record:?}");
        world.is_unharmed().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_lives_with_a_refusal_goes_on() {
    let world = World::with(&["healthy", "hostile"]).await;
    let grown = world.call("hostile.grow-politely", json!({})).await;
    let pages = data(&grown)["pages"].as_u64().unwrap();
    assert!(pages * 65_536 <= 64 << 20, "{pages} pages");
    assert!(grown.usage.peak_memory_bytes <= 64 << 20, "{:?}", grown.usage);

    let flood = world.call("hostile.log-flood", json!({})).await;
    assert!(flood.ok && flood.usage.dropped > 0 && flood.usage.log_bytes <= 64 << 10, "{:?}", flood.usage);
    let flood = world.call("hostile.publish-flood", json!({})).await;
    assert!(data(&flood)["refused"].as_u64().unwrap() > 0, "{:?}", flood.output);
    assert_eq!(data(&flood)["err"]["kind"], "limit");
    world.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_takes_its_run_along() {
    let world = World::with(&["healthy", "hostile"]).await;
    let host = world.host.clone();
    let run = tokio::spawn(async move {
        host.run(crate::world::request("hostile.spin", json!({}), within(Duration::from_secs(60)))).await
    });
    crate::world::until("it runs", || world.host.in_use().0 == 1).await;
    run.abort();
    run.await.unwrap_err();
    world.is_unharmed().await;
}
