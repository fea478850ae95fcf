//! Skills that messages wake up, under a running host.

use serde_json::Value;
use skillhost_tests::{PATIENCE, Up, World, eventually};

/// The rows of `index.md` that are tested here.
pub(crate) const GUESTS: &[&str] = &["pingpong", "failing-agent", "recorder"];

const GRANTS: &str = "
grants:
  pingpong: ['blackboard.publish ping:*', 'blackboard.write pingpong:*', 'blackboard.subscribe ping:*']
  failing-agent: ['blackboard.write failing-agent:*', 'blackboard.subscribe failing:*']
  recorder: ['blackboard.write recorder:*', 'blackboard.subscribe notes:*']
skills:
  failing-agent: { limits: { timeout: 1s } }
";

/// Far more than any chain of messages may be long.
const HOPS: usize = 64;

fn events(world: &World, kind: &str) -> Vec<Value> {
    world.run(&["events", "--json", "--after", "0", "--limit", "10000", "--kind", kind]).lines()
}

fn of(world: &World, kind: &str, source: &str) -> Vec<Value> {
    events(world, kind).into_iter().filter(|event| event["source"] == source).collect()
}

/// A host with `agent` listening.
fn listening(agent: &str) -> (World, Up) {
    let world = World::with(&["healthy", agent]);
    world.configure(GRANTS);
    let mut up = world.up();
    up.wait_for("absorbed", &format!("{agent}.wasm"));
    eventually("the agent listens", PATIENCE, || {
        events(&world, "agent.joined").iter().any(|event| event.to_string().contains(agent))
    });
    (world, up)
}

fn send(world: &World, channel: &str, message: &str) {
    let ran = world.run(&["send", channel, message]);
    assert_eq!(ran.code, Some(0), "{ran}");
}

#[test]
fn a_skill_that_wakes_itself_is_stopped_by_the_hop_limit() {
    let (world, mut up) = listening("pingpong");
    send(&world, "ping:x", "{}");
    let dropped = |event: &Value| event["data"]["hops"].as_u64() > Some(0) && event["kind"] != "message.published";
    eventually("an event says that a message was dropped", PATIENCE, || events(&world, "*").iter().any(dropped));
    eventually("all that was woken has ended", PATIENCE, || {
        let ended = of(&world, "tool.completed", "pingpong").len() + of(&world, "tool.failed", "pingpong").len();
        of(&world, "tool.called", "pingpong").len() == ended
    });
    let woken = of(&world, "tool.called", "pingpong").len();
    assert!((2..=HOPS).contains(&woken), "{woken} messages woke each other");
    // Another message begins another chain, of the same length.
    send(&world, "ping:x", "{}");
    eventually("another chain", PATIENCE, || of(&world, "tool.called", "pingpong").len() == 2 * woken);
    assert!(up.is_alive());
    assert_eq!(up.stop().code, Some(0));
    assert_eq!(of(&world, "tool.called", "pingpong").len(), 2 * woken, "and no longer");
}

#[test]
fn a_handler_that_fails_is_on_record_and_the_next_message_is_handled() {
    let (world, mut up) = listening("failing-agent");
    let ways: &[(&str, &[&str])] = &[
        ("err", &["tool-error"]),
        ("huge-err", &["output", "trap", "tool-error"]),
        ("trap", &["trap"]),
        ("panic", &["trap"]),
        ("spin", &["fuel", "deadline"]),
        ("sleep", &["deadline"]),
    ];
    for (n, (how, kinds)) in ways.iter().enumerate() {
        send(&world, "failing:x", &format!(r#"{{"how":"{how}"}}"#));
        eventually(how, PATIENCE, || of(&world, "tool.failed", "failing-agent").len() == n + 1);
        let failed = of(&world, "tool.failed", "failing-agent").pop().unwrap();
        let kind = failed["data"]["error"]["kind"].as_str().unwrap_or_default();
        assert!(kinds.contains(&kind), "{how}: {failed}");
        let wall = failed["data"]["usage"]["wall_us"].as_u64();
        assert!(wall <= Some(1_050_000), "{how}: {failed}");
        send(&world, "failing:x", "{}");
        eventually("the next one", PATIENCE, || of(&world, "tool.completed", "failing-agent").len() == n + 1);
        assert!(up.is_alive());
    }
    let health = events(&world, "agent.status");
    assert!(health.iter().any(|event| event.to_string().contains("failing-agent")), "{health:?}");
    assert_eq!(up.stop().code, Some(0));
}

#[test]
fn an_honest_agent_handles_each_message_once() {
    let (world, up) = listening("recorder");
    for n in 0..5 {
        send(&world, "notes:today", &format!(r#"{{"n":{n}}}"#));
    }
    eventually("five notes", PATIENCE, || of(&world, "tool.completed", "recorder").len() == 5);
    assert_eq!(up.stop().code, Some(0));
    assert_eq!(of(&world, "tool.called", "recorder").len(), 5);
}
