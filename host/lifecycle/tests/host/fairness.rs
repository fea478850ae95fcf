//! Places are few, and no skill has them all.

use std::time::{Duration, Instant};

use serde_json::json;
use skillhost_types::{ErrorKind, LimitsPatch};

use crate::world::{World, kind, request, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_skill_that_fills_the_queue_does_not_starve_the_others() {
    let world = World::configured(&["healthy", "hostile"], |config| config.limits.concurrency = 4).await;
    let busy: Vec<_> = (0..64)
        .map(|_| {
            let host = world.host.clone();
            tokio::spawn(
                async move { host.run(request("hostile.sleep", json!({"ms": 200}), LimitsPatch::default())).await },
            )
        })
        .collect();
    until("the busy skill holds all places that it may", || world.host.in_use().0 >= 3).await;
    let begun = Instant::now();
    let answer = world.call("healthy.echo", json!({})).await;
    let took = begun.elapsed();
    assert!(answer.ok, "{answer:?}");
    assert!(took < Duration::from_millis(500), "behind 64 others it took {took:?}");
    for run in busy {
        assert!(run.await.unwrap().ok);
    }
    world.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_place_in_time_the_call_is_overloaded() {
    let world = World::configured(&["healthy", "hostile"], |config| {
        config.limits.concurrency = 1;
        config.limits.queue_timeout = Duration::from_millis(50);
    })
    .await;
    let host = world.host.clone();
    let sleeper =
        tokio::spawn(
            async move { host.run(request("hostile.sleep", json!({"ms": 1_000}), LimitsPatch::default())).await },
        );
    until("it holds the place", || world.host.in_use().0 == 1).await;
    let turned_away = world.call("healthy.echo", json!({})).await;
    assert_eq!(kind(&turned_away), Some(ErrorKind::Overloaded), "{turned_away:?}");
    assert!(sleeper.await.unwrap().ok);
    world.is_unharmed().await;
}
