//! Replacements that wait for a person while callers go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::json;
use skillhost_lifecycle::{Config, FileState, Recording};
use skillhost_types::{Digest, LimitsPatch};

use crate::world::{World, filled, guest, request, until};

/// Callers who each have a call under way all the time.
const CALLERS: usize = 1_000;

fn undecided(config: &mut Config) {
    config.recording = Recording::Relaxed;
    config.approval = Config::default().approval;
}

/// The neighbour again, as another generation that asks for one capability more.
fn wanting_more() -> Vec<u8> {
    let wants = "blackboard.read healthy:*;blackboard.write healthy:*;llm.complete *";
    filled(&filled(&guest("healthy"), "GENERATION", "1"), "WANTS", wants)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_hear_the_old_generation_until_the_approval_and_the_new_one_after_it() {
    let world = World::configured(&["healthy"], undecided).await;
    let watch = world.host.watch();
    let (decided, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (old, new) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (host, decided, stop) = (world.host.clone(), decided.clone(), stop.clone());
            let (old, new) = (old.clone(), new.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Acquire) {
                    let call = request("healthy.generation", json!({}), LimitsPatch::default());
                    let record = host.run(call).await;
                    let output = record.output.as_ref().unwrap_or_else(|| panic!("a call was lost: {record:?}"));
                    match output.data.as_ref().and_then(|data| data["generation"].as_str()) {
                        Some("0") => old.fetch_add(1, Ordering::Relaxed),
                        Some("1") => {
                            assert!(
                                decided.load(Ordering::Acquire),
                                "the new generation served before it was approved"
                            );
                            new.fetch_add(1, Ordering::Relaxed)
                        }
                        other => panic!("{other:?}"),
                    };
                }
            })
        })
        .collect();
    until("the calls have begun", || old.load(Ordering::Relaxed) > 1_000).await;

    let replacement = wanting_more();
    world.put("healthy.wasm", &replacement);
    until("the replacement waits", || !world.host.approvals(false).unwrap().is_empty()).await;
    let entry = world.host.entries().remove(0);
    assert_eq!(entry.state, FileState::Pending, "{:?}", entry.reason);
    assert_eq!(entry.digest, Some(Digest::of(&replacement)));
    assert_eq!(entry.serving.unwrap().digest, Digest::of(&guest("healthy")));
    let proposal = world.host.approvals(false).unwrap().remove(0);
    assert_eq!(proposal.new, ["llm.complete *"]);
    let before = old.load(Ordering::Relaxed);
    until("the old generation goes on", || old.load(Ordering::Relaxed) > before + 1_000).await;

    decided.store(true, Ordering::Release);
    world.host.approve(&proposal.id, None, "test").await.unwrap();
    world.serves("healthy", &replacement).await;
    let served = new.load(Ordering::Relaxed);
    until("the new generation answers", || new.load(Ordering::Relaxed) > served + 1_000).await;
    let (last_old, at) = (old.load(Ordering::Relaxed), new.load(Ordering::Relaxed));
    until("and it alone", || new.load(Ordering::Relaxed) > at + 2_000).await;
    assert_eq!(old.load(Ordering::Relaxed), last_old, "the old generation answered after the new one had");

    stop.store(true, Ordering::Release);
    for caller in callers {
        caller.await.unwrap();
    }
    world.is_unharmed().await;
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_is_for_the_bytes_that_it_was_shown_with() {
    let world = World::configured(&["healthy"], undecided).await;
    world.put("healthy.wasm", &wanting_more());
    world.host.absorb_folder().await.unwrap();
    let shown = world.host.approvals(false).unwrap().remove(0);
    let changed = filled(&wanting_more(), "GENERATION", "2");
    world.put("healthy.wasm", &changed);
    let error = world.host.approve(&shown.id, None, "test").await.unwrap_err().to_string();
    assert!(error.contains("superseded") && error.contains("was changed"), "{error}");
    assert_eq!(world.host.skill("healthy").unwrap().digest, Digest::of(&guest("healthy")));
    let now = world.host.approvals(false).unwrap().remove(0);
    assert_eq!(now.digest, Digest::of(&changed));
    world.host.approve(&now.id, None, "test").await.unwrap();
    assert_eq!(world.host.skill("healthy").unwrap().digest, Digest::of(&changed));
}
