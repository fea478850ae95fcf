//! What is on disk when an outcome is given out.

use serde_json::json;
use skillhost_events::Query;
use skillhost_lifecycle::Recording;
use skillhost_types::LimitsPatch;

use crate::world::{World, request};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_durable_outcome_is_in_the_log_when_the_caller_has_it() {
    let world = World::configured(&["healthy"], |config| config.recording = Recording::Durable).await;
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let host = world.host.clone();
            tokio::spawn(async move {
                for _ in 0..50 {
                    let record = host.run(request("healthy.echo", json!({}), LimitsPatch::default())).await;
                    assert!(record.ok, "{record:?}");
                    let stored = host.events().run(record.run).unwrap();
                    assert!(stored.is_some_and(|stored| stored.ok && stored.digest == record.digest));
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_called_and_completed_once_each_in_the_log() {
    let world = World::with(&["healthy"]).await;
    let record = world.call("healthy.echo", json!({})).await;
    let failed = world.call("healthy.echo", json!([])).await;
    assert!(record.ok && !failed.ok);
    let host = world.host.clone();
    let kinds_of = |run: skillhost_types::RunId| -> Vec<String> {
        let events = host.events().last(&Query { limit: 1_000, ..Query::default() }).unwrap();
        events.into_iter().filter(|event| event.run == Some(run)).map(|event| event.kind).collect()
    };
    crate::world::until("both are written", || kinds_of(failed.run).len() == 2).await;
    assert_eq!(kinds_of(record.run), ["tool.called", "tool.completed"]);
    assert_eq!(kinds_of(failed.run), ["tool.called", "tool.failed"]);
}
