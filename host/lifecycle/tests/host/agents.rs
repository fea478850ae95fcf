//! Skills that messages wake up.

use serde_json::{Value, json};
use skillhost_events::Query;
use skillhost_types::Tenant;

use crate::world::{World, another, data, guest, until};

async fn send(world: &World, channel: &str, payload: Value) {
    world.host.publish(&Tenant::default(), channel, &payload).await.unwrap();
}

fn kinds(world: &World) -> Vec<String> {
    let query = Query { limit: 1_000, ..Query::default() };
    world.host.events().last(&query).unwrap().into_iter().map(|event| event.kind).collect()
}

fn handled(world: &World, skill: &str) -> usize {
    let runs = world.host.events().runs(Some(skill), 1_000).unwrap();
    runs.iter().filter(|run| &*run.tool == "handle").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_handled_in_order_and_across_replacements() {
    let world = World::with(&["healthy", "greedy", "recorder"]).await;
    let watch = world.host.watch();
    for number in 0..25 {
        send(&world, "notes:a", json!({"n": number})).await;
    }
    let file = another(&guest("recorder"));
    world.put("recorder.wasm", &file);
    world.serves("recorder", &file).await;
    for number in 25..50 {
        send(&world, "notes:a", json!({"n": number})).await;
    }
    until("all are handled", || handled(&world, "recorder") == 50).await;
    let runs = world.host.events().runs(Some("recorder"), 1_000).unwrap();
    assert!(runs.iter().all(|run| run.ok), "{runs:?}");
    let digests: std::collections::HashSet<_> = runs.iter().map(|run| run.digest).collect();
    assert_eq!(digests.len(), 2, "both generations had their share");
    let keys = world.call("greedy.keys", json!({"pattern": "recorder:*", "limit": 100})).await;
    assert_eq!(data(&keys)["ok"].as_array().unwrap().len(), 51, "{:?}", keys.output);
    world.is_unharmed().await;
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_wakes_itself_is_stopped_by_the_hop_count() {
    let world = World::with(&["healthy", "pingpong"]).await;
    let watch = world.host.watch();
    send(&world, "ping:a", json!({})).await;
    until("the loop ends", || {
        kinds(&world).iter().any(|kind| kind == "system.error") && world.host.in_use() == Default::default()
    })
    .await;
    let hops = handled(&world, "pingpong");
    assert!((2..=20).contains(&hops), "{hops} hops");
    world.is_unharmed().await;
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_fails_is_on_record_and_the_next_message_is_handled() {
    let world = World::with(&["healthy", "failing-agent"]).await;
    let watch = world.host.watch();
    for how in ["ok", "err", "huge-err", "trap", "panic", "ok"] {
        send(&world, "failing:a", json!({"how": how})).await;
    }
    until("all are handled", || handled(&world, "failing-agent") == 6).await;
    let runs = world.host.events().runs(Some("failing-agent"), 10).unwrap();
    // Newest first.
    assert_eq!(runs.iter().map(|run| run.ok).collect::<Vec<_>>(), [true, false, false, false, false, true]);
    until("its health is known", || kinds(&world).iter().filter(|kind| *kind == "agent.status").count() == 5).await;
    world.is_unharmed().await;
    watch.stop().await;
}
