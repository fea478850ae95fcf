//! Skills that call skills.

use serde_json::json;
use skillhost_types::{Caller, LimitsPatch};

use skillhost_events::RunQuery;

use crate::world::{World, data, kind, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_from_skill_to_skill_end_eight_deep() {
    let world = World::with(&["healthy", "greedy", "ring-a", "ring-b"]).await;
    for (target, depth) in [("greedy.self-call", "depth"), ("ring-a.round", "depth")] {
        let record = world.call(target, json!({})).await;
        let said = data(&record);
        assert_eq!(said["err"]["kind"], "limit", "{target}: {said}");
        assert_eq!(said[depth], 7, "{target}: {said}");
        world.is_unharmed().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_lives_on_one_budget() {
    let world = World::with(&["healthy", "greedy"]).await;
    let input = json!({"skill": "greedy", "tool": "spin", "input": {}});
    let limits = LimitsPatch { fuel: Some(50_000_000), ..LimitsPatch::default() };
    let record = world.limited("greedy.call-skill", input, limits).await;
    // The inner run took all that there was, so the outer has nothing to say so with.
    assert_eq!(kind(&record), Some(skillhost_types::ErrorKind::Fuel), "{record:?}");
    assert_eq!(record.usage.fuel, 50_000_000);
    let inner = || {
        let runs =
            world.host.events().runs(&RunQuery { skill: Some("greedy"), limit: 10, ..RunQuery::default() }).unwrap();
        runs.into_iter().find(|run| matches!(&run.caller, Caller::Skill(by) if &**by == "greedy"))
    };
    until("the inner run is on record", || inner().is_some()).await;
    let inner = inner().unwrap();
    assert!(!inner.ok && inner.usage.fuel < 50_000_000, "{:?}", inner.usage);
    world.is_unharmed().await;
}
