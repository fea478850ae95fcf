//! Agents from outside: `agents`, `send`, what they failed on, and an edited configuration.

use serde_json::{Value, json};
use skillhost_tests::{PATIENCE, World, eventually};

use crate::has_fields;

const FIELDS: &[&str] = &[
    "name",
    "skill",
    "tenant",
    "status",
    "reason",
    "subscribe",
    "deliver",
    "tags",
    "waiting",
    "handled",
    "failed",
    "parked",
    "missed",
    "failures",
    "last_error",
    "next_at",
];

#[track_caller]
fn agents(world: &World) -> Vec<Value> {
    let ran = world.run(&["agents", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.json().as_array().unwrap().clone()
}

#[track_caller]
fn send(world: &World, channel: &str, message: &Value) -> u64 {
    let ran = world.run(&["send", channel, &message.to_string(), "--json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.json()["receivers"].as_u64().unwrap()
}

/// Read beside the world's own configuration, which may be broken.
#[track_caller]
fn events(world: &World, kind: &str) -> Vec<Value> {
    let empty = world.aside("empty.yaml", b"");
    world.run(&["events", "--json", "--kind", kind, "--config", empty.to_str().unwrap()]).lines()
}

/// Waits until the host answers and `condition` holds of its agents.
#[track_caller]
fn until(world: &World, what: &str, condition: impl Fn(&[Value]) -> bool) {
    eventually(what, PATIENCE, || {
        let ran = world.run(&["agents", "--json"]);
        ran.code == Some(0) && condition(ran.json().as_array().unwrap())
    });
}

#[test]
fn a_message_reaches_the_agent_of_a_running_host_and_the_board_keeps_what_it_did() {
    let world = World::with(&["recorder"]).allowing_all();
    let up = world.up();
    until(&world, "the agent lives", |agents| agents.len() == 1 && agents[0]["status"] == "healthy");
    has_fields(&agents(&world)[0], FIELDS, &[]);
    // Numbers come as they were sent.
    let ran = world.run(&["send", "notes:day", "{\"n\": 12345678901234567890, \"x\": 1.50}"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "1 receiver\n"), "{ran}");
    assert_eq!(send(&world, "nobody:hears", &json!("this")), 0);
    until(&world, "it was handled", |agents| agents[0]["handled"] == 1);
    assert!(up.stop().code == Some(0));
    // The board outlives the process.
    let keys = world.call("recorder.echo", &["a=1"]);
    assert_eq!(keys.code, Some(0), "{keys}");
    let runs = world.run(&["runs", "--json", "--skill", "recorder"]).json();
    let handled: Vec<_> = runs.as_array().unwrap().iter().filter(|run| run["tool"] == "handle").collect();
    assert_eq!(handled.len(), 1, "{runs}");
    assert_eq!(handled[0]["ok"], true, "{runs}");
    assert_eq!(events(&world, "agent.joined")[0]["data"]["agent"], "recorder");
    assert_eq!(events(&world, "agent.left").len(), 1);
}

#[test]
fn what_an_agent_failed_on_is_listed_and_can_be_handled_again() {
    let world = World::with(&["failing-agent"]).allowing_all();
    world.configure(
        "approval: { auto: ['* *'] }\nagents:\n  worker: { skill: failing-agent, attempts: 2, backoff: 10ms }\n",
    );
    let up = world.up();
    until(&world, "the agent lives", |agents| agents.len() == 1 && agents[0]["status"] == "healthy");
    assert_eq!(agents(&world)[0]["name"], "worker");
    send(&world, "failing:a", &json!({"how": "err"}));
    until(&world, "it is parked", |agents| agents[0]["parked"] == 1);
    assert_eq!(agents(&world)[0]["status"], "failing");
    let parked = world.run(&["agents", "parked", "--json"]).json();
    let message = &parked[0];
    assert_eq!((&message["agent"], &message["attempts"]), (&json!("worker"), &json!(2)), "{parked}");
    assert_eq!((&message["channel"], &message["payload"]), (&json!("failing:a"), &json!({"how": "err"})));
    assert!(message["error"].as_str().unwrap().contains("on cue"), "{parked}");

    let unknown = world.run(&["agents", "replay", "01K0000000000000000000000"]);
    assert_eq!(unknown.code, Some(3), "{unknown}");
    let id = message["id"].as_str().unwrap();
    let again = world.run(&["agents", "replay", id, "--json"]);
    assert_eq!((again.code, again.json()), (Some(0), json!({"replayed": 1})), "{again}");
    until(&world, "it failed again", |agents| agents[0]["failed"] == 4 && agents[0]["parked"] == 1);
    drop(up);
    // Also without a host: the next one takes it up.
    let again = world.run(&["agents", "replay", "--all"]);
    assert_eq!(again.code, Some(0), "{again}");
    let _up = world.up();
    until(&world, "the next host took it up", |agents| agents.len() == 1 && agents[0]["parked"] == 1);
}

#[test]
fn without_a_running_host_send_and_agents_say_how_to_start_one() {
    let world = World::new();
    for command in [&["send", "a", "{}"][..], &["agents"]] {
        let ran = world.run(command);
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(ran.stderr.contains("skillhost up"), "{ran}");
    }
    let ran = world.run(&["send", "a", "no json"]);
    assert_eq!(ran.code, Some(2), "{ran}");
}

#[test]
fn an_edited_configuration_takes_effect_and_one_with_an_error_changes_nothing_and_is_an_event() {
    let world = World::with(&["recorder", "healthy"]);
    world.configure("grants: { recorder: ['blackboard.* recorder:*'] }\n");
    let _up = world.up();
    until(&world, "the host runs", |agents| agents.is_empty());
    // What it hears is the operator's to say; what it asks for itself, it was not given.
    world.configure(
        "grants: { recorder: ['blackboard.* recorder:*'] }\nagents:\n  a: { skill: recorder, subscribe: ['x:*'] }\n",
    );
    until(&world, "the agent lives", |agents| {
        agents.len() == 1 && agents[0]["subscribe"] == json!(["x:*"]) && agents[0]["status"] == "healthy"
    });
    world.configure("agents:\n  a: { skil: recorder }\n");
    eventually("the error is an event", PATIENCE, || !events(&world, "system.error").is_empty());
    let error = &events(&world, "system.error")[0]["data"];
    assert!(error["error"].as_str().unwrap().contains("skil"), "{error}");
    assert_eq!(agents(&world).len(), 1, "the agent goes on");
    assert_eq!(send(&world, "x:1", &json!({})), 1);
    until(&world, "it goes on to handle", |agents| agents[0]["handled"] == 1);
    world.configure("grants: { recorder: ['blackboard.* recorder:*'] }\nblackboard: { ttl_seconds: 5 }\n");
    until(&world, "the agent left", |agents| agents.is_empty());
    let configured = events(&world, "system.configured");
    let last = &configured.last().unwrap()["data"];
    assert_eq!(last, &json!({"changed": ["agents"], "at_next_start": ["blackboard"]}), "{configured:?}");
}

#[test]
fn the_agents_of_a_data_directory_live_in_one_process_and_another_takes_over() {
    let world = World::with(&["recorder"]).allowing_all();
    let first = world.up();
    until(&world, "the agent lives", |agents| agents.len() == 1 && agents[0]["status"] == "healthy");
    let mut second = world.up();
    second.wait_for("absorbed", "recorder.wasm");
    send(&world, "notes:a", &json!({}));
    until(&world, "one of the two handled it", |agents| agents[0]["handled"] == 1);
    first.kill();
    until(&world, "the second took over", |agents| agents.len() == 1 && agents[0]["status"] == "healthy");
    // What the first had handled just before it died may come again.
    let before = agents(&world)[0]["handled"].as_u64().unwrap();
    // For some seconds the one that died counts as a receiver, too.
    assert!(send(&world, "notes:a", &json!({})) >= 1);
    until(&world, "the second handled the next", |agents| agents[0]["handled"].as_u64() > Some(before));
}
