//! Skills that messages wake up.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use skillhost_events::{Query, RunQuery};
use skillhost_lifecycle::{AgentConfig, Config, Host, Options, Recording, Reload};
use skillhost_types::{SkillName, Tenant};

use crate::world::{World, another, compiler, data, guest, open, until};

/// The `agents` section.
fn agents(yaml: &str) -> BTreeMap<SkillName, AgentConfig> {
    serde_saphyr::from_str(yaml).unwrap()
}

async fn send(world: &World, channel: &str, payload: Value) {
    world.host.publish(&Tenant::default(), channel, &payload).await.unwrap();
}

fn kinds(world: &World) -> Vec<String> {
    let query = Query { limit: 1_000, ..Query::default() };
    world.host.events().last(&query).unwrap().into_iter().map(|event| event.kind).collect()
}

fn handled(world: &World, skill: &str) -> usize {
    let runs = world.host.events().runs(&RunQuery { skill: Some(skill), limit: 1_000, ..RunQuery::default() }).unwrap();
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
    let runs =
        world.host.events().runs(&RunQuery { skill: Some("recorder"), limit: 1_000, ..RunQuery::default() }).unwrap();
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
    let world = World::configured(&["healthy", "failing-agent"], |config| {
        config.recording = Recording::Relaxed;
        config.agents = agents("failing-agent: { skill: failing-agent, restart: never }");
    })
    .await;
    let watch = world.host.watch();
    for how in ["ok", "err", "huge-err", "trap", "panic", "ok"] {
        send(&world, "failing:a", json!({"how": how})).await;
    }
    until("all are handled", || handled(&world, "failing-agent") == 6).await;
    let runs =
        world.host.events().runs(&RunQuery { skill: Some("failing-agent"), limit: 10, ..RunQuery::default() }).unwrap();
    // Newest first.
    assert_eq!(runs.iter().map(|run| run.ok).collect::<Vec<_>>(), [true, false, false, false, false, true]);
    until("its health is known", || kinds(&world).iter().filter(|kind| *kind == "agent.status").count() == 5).await;
    assert_eq!(kinds(&world).iter().filter(|kind| *kind == "agent.parked").count(), 4);
    world.is_unharmed().await;
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_fails_comes_again_and_is_parked_and_can_be_replayed() {
    let world = World::configured(&["healthy", "failing-agent"], |config| {
        config.recording = Recording::Relaxed;
        config.agents = agents("worker: { skill: failing-agent, attempts: 3, backoff: 10ms }");
    })
    .await;
    let watch = world.host.watch();
    send(&world, "failing:a", json!({"how": "err"})).await;
    send(&world, "failing:a", json!({"how": "ok"})).await;
    until("both had their end", || handled(&world, "failing-agent") == 4).await;
    let runs =
        world.host.events().runs(&RunQuery { skill: Some("failing-agent"), limit: 10, ..RunQuery::default() }).unwrap();
    assert_eq!(runs.iter().map(|run| run.ok).collect::<Vec<_>>(), [true, false, false, false]);
    until("it is parked", || kinds(&world).iter().any(|kind| kind == "agent.parked")).await;
    let parked = world.host.parked().await.unwrap();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert_eq!((parked[0].agent.as_str(), parked[0].attempts), ("worker", 3));
    assert_eq!((parked[0].payload.clone(), parked[0].channel.as_str()), (json!({"how": "err"}), "failing:a"));
    assert!(parked[0].error.contains("on cue"), "{parked:?}");

    assert_eq!(world.host.replay(Some(vec!["no such message".into()])).await.unwrap(), 0);
    assert_eq!(world.host.replay(Some(vec![parked[0].id.clone()])).await.unwrap(), 1);
    until("it was tried again", || handled(&world, "failing-agent") == 7).await;
    until("it is parked again", || kinds(&world).iter().filter(|kind| *kind == "agent.parked").count() == 2).await;
    let agent = world.host.agents().await.unwrap().remove(0);
    assert_eq!((agent.parked, agent.waiting, agent.failures), (1, 0, 3));
    world.is_unharmed().await;
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_is_handled_by_the_next_host_if_this_one_ends_before() {
    let world = World::configured(&["recorder"], |config| config.recording = Recording::Relaxed).await;
    let config = (*world.config()).clone();
    let watch = world.host.watch();
    for number in 0..500 {
        send(&world, "notes:a", json!({"n": number})).await;
    }
    watch.stop().await;
    let before = handled(&world, "recorder");
    world.host.close().await;
    let next = open(config).await;
    next.absorb_folder().await.unwrap();
    let watch = next.watch();
    let all = || {
        next.events().runs(&RunQuery { skill: Some("recorder"), limit: 1_000, ..RunQuery::default() }).unwrap().len()
    };
    until("the next host handled the rest", || all() == 500).await;
    assert!(before <= 500);
    let count = board(&next, "recorder:count").await;
    assert_eq!(count.as_deref(), Some("500"));
    watch.stop().await;
    next.close().await;
}

async fn board(host: &Host, key: &str) -> Option<String> {
    let key = skillhost_blackboard::Key::new(key).unwrap();
    host.blackboard().get(&Tenant::default(), &key).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_of_the_configuration_has_its_own_channels_tenant_and_clock() {
    let world = World::configured(&["healthy", "recorder"], |config| {
        config.recording = Recording::Relaxed;
        config.agents =
            agents("scribe: { skill: recorder, subscribe: ['other:*'], tenant: acme, every: 1s, tags: [x] }");
    })
    .await;
    let watch = world.host.watch();
    assert_eq!(world.host.agents().await.unwrap().len(), 1, "its skill is no agent of its own name");
    send(&world, "notes:a", json!({})).await;
    send(&world, "other:a", json!({})).await;
    let acme: Tenant = "acme".parse().unwrap();
    assert_eq!(world.host.publish(&acme, "notes:a", &json!({})).await.unwrap(), 0);
    assert_eq!(world.host.publish(&acme, "other:a", &json!({"for": "me"})).await.unwrap(), 1);
    until("it has heard the message and the clock", || handled(&world, "recorder") >= 2).await;
    let runs =
        world.host.events().runs(&RunQuery { skill: Some("recorder"), limit: 10, ..RunQuery::default() }).unwrap();
    assert!(runs.iter().all(|run| run.tenant == acme && run.ok), "{runs:?}");
    let callers: Vec<_> = runs.iter().map(|run| run.caller.to_string()).collect();
    assert!(callers.contains(&"channel:other:a".into()) && callers.contains(&"channel:schedule:scribe".into()));
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_are_each_handled_once_and_in_order_while_skill_and_configuration_change_a_hundred_times()
{
    const MESSAGES: u64 = 10_000;
    const CHANGES: u64 = 100;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    let written = file.clone();
    let configure = move |change: u64| {
        // The agent's patterns, tags and limits change; what it hears stays.
        let pattern = if change.is_multiple_of(2) { "notes:*" } else { "notes:a" };
        let text = format!(
            "recording: relaxed\nlimits: {{ fuel: {} }}\nagents:\n  timmy: {{ skill: recorder, subscribe: ['{pattern}'], tags: [t{change}] }}\n",
            1_000_000_000 + change
        );
        let draft = written.with_extension("draft");
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(&draft, &written).unwrap();
    };
    configure(0);
    let (skills, data, path) = (folder.path().join("skills"), folder.path().join("data"), file.clone());
    let read = move || {
        let mut config = Config::load(Some(&path), [])?;
        config.approval.auto = vec!["* *".parse().unwrap()];
        (config.skills_dir, config.data_dir) = (skills.clone(), data.clone());
        Ok(config)
    };
    let config = read().unwrap();
    std::fs::create_dir(&config.skills_dir).unwrap();
    let mut bytes = guest("recorder");
    let put = |bytes: &[u8]| {
        let draft = folder.path().join("draft");
        std::fs::write(&draft, bytes).unwrap();
        std::fs::rename(&draft, folder.path().join("skills/recorder.wasm")).unwrap();
    };
    put(&bytes);
    let host = Host::open(Options {
        compiler: compiler(),
        reload: Some(Reload { file, read: Arc::new(read) }),
        ..Options::new(config)
    })
    .await
    .unwrap();
    host.absorb_folder().await.unwrap();
    let watch = host.watch();
    for number in 0..MESSAGES {
        if number.is_multiple_of(MESSAGES / CHANGES) {
            bytes = another(&bytes);
            put(&bytes);
            configure(number / (MESSAGES / CHANGES));
        }
        // Nobody receives while the queue is full: then it was not accepted.
        let payload = json!({"n": number});
        while host.publish(&Tenant::default(), "notes:a", &payload).await.unwrap() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        // So that the changes come while there is work, and not all in one look.
        if number.is_multiple_of(MESSAGES / CHANGES / 2) {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
    let handled = || {
        host.events()
            .runs(&RunQuery { skill: Some("recorder"), limit: usize::MAX, ..RunQuery::default() })
            .unwrap()
            .len() as u64
    };
    while handled() < MESSAGES {
        // Between two looks, each of which reads the whole log.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let agents = host.agents().await.unwrap();
    assert_eq!(agents.len(), 1);
    assert_eq!((agents[0].handled, agents[0].waiting, agents[0].missed), (MESSAGES, 0, 0));
    assert_eq!(board(&host, "recorder:count").await, Some(MESSAGES.to_string()));
    for number in [1, 2, 77, 5_000, 9_999, MESSAGES] {
        let note = board(&host, &format!("recorder:{number}")).await.unwrap();
        let note: Value = serde_json::from_str(&note).unwrap();
        assert_eq!(note["payload"], json!({"n": number - 1}).to_string(), "in order");
    }
    let kinds: Vec<_> = host.events().last(&Query { limit: 100_000, ..Query::default() }).unwrap();
    let count = |kind: &str| kinds.iter().filter(|event| event.kind == kind).count();
    assert!(count("system.configured") > 20 && count("skill.replaced") > 20, "changes came while messages did");
    assert_eq!((count("agent.joined"), count("agent.left"), count("agent.parked")), (1, 0, 0));
    watch.stop().await;
    host.close().await;
}
