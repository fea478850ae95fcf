//! A file replaced under load, in a process of its own, whose memory is measured.
//!
//! Needs what the tests in `../host` need.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

#[path = "../host/world.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod world;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use skillhost_types::{Digest, LimitsPatch};

use world::{World, data, guest, request, until};

const SWAPS: usize = 200;
const CALLERS: usize = 4;

/// Distinct files. After the first round they come from the compile cache, so that swaps follow each other quickly.
const FILES: usize = 20;

/// What the process may hold more after all swaps than before, in KiB: some generations' worth of noise of the allocator,
/// far less than the files that came and went.
const GROWTH_KIB: u64 = 12 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_at_full_speed_lose_no_call_over_two_hundred_replacements() {
    let world = World::with(&["healthy"]).await;
    let watch = world.host.watch();
    let files: Vec<_> = (1..=FILES).map(generation).collect();
    for file in &files {
        world.put("healthy.wasm", file);
        world.serves("healthy", file).await;
    }

    let done = Arc::new(AtomicBool::new(false));
    let known: Arc<Vec<(String, Digest)>> =
        Arc::new(files.iter().enumerate().map(|(n, file)| ((n + 1).to_string(), Digest::of(file))).collect());
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (host, done, known) = (world.host.clone(), done.clone(), known.clone());
            tokio::spawn(async move {
                let mut answered = HashSet::new();
                let mut calls = 0_u64;
                while !done.load(Ordering::Relaxed) {
                    let record = host.run(request("healthy.generation", json!({}), LimitsPatch::default())).await;
                    let said = data(&record)["generation"].as_str().unwrap().to_owned();
                    // The answer is of the very generation that the record names.
                    let digest = record.digest.unwrap();
                    assert!(known.iter().any(|(name, own)| *name == said && *own == digest), "{record:?}");
                    answered.insert(said);
                    calls += 1;
                    tokio::task::yield_now().await;
                }
                (calls, answered)
            })
        })
        .collect();
    // Under load for a while already, so that what is compared is load with replacements to load without.
    until("the load is on", || world.host.events().head().is_ok_and(|head| head > 600_000)).await;
    let before = resident_kib();
    for swap in 0..SWAPS {
        let file = &files[swap % FILES];
        world.put("healthy.wasm", file);
        world.serves("healthy", file).await;
    }
    done.store(true, Ordering::Relaxed);
    let mut calls = 0;
    let mut answered = HashSet::new();
    for caller in callers {
        let (own_calls, own_answered) = caller.await.unwrap();
        calls += own_calls;
        answered.extend(own_answered);
    }
    assert!(calls > 10_000, "only {calls} calls: no load");
    assert_eq!(answered.len(), FILES, "each file answered some");
    world.is_unharmed().await;
    println!("{calls} calls; {before} KiB before, {} KiB after", resident_kib());
    until("memory is back at its level", || resident_kib() < before + GROWTH_KIB).await;
    watch.stop().await;
}

/// `healthy` as another generation: another digest, the same length.
fn generation(number: usize) -> Vec<u8> {
    let mut bytes = guest("healthy");
    let mark = b"%%SLOT GENERATION=";
    let start = bytes.windows(mark.len()).position(|window| window == mark).unwrap() + mark.len();
    let text = format!("{number:<32}");
    bytes[start..start + text.len()].copy_from_slice(text.as_bytes());
    bytes
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
