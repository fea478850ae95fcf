//! Several hosts on one Redis: who hears what, and who takes over.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use skillhost_tests::{PATIENCE, Up, World, eventually};

use super::{Python, Server, configuration};
use crate::hosts::{agents, ask, handled, runs_of, send, until_handled, until_joined};

/// Messages in a test that counts them: half of them Python's, a quarter from each host.
const MESSAGES: u64 = 200;

/// A host tries to become an agent's every 1.5 s, and this is twice that: it need not wait until a lease runs out.
const AT_ONCE: Duration = Duration::from_secs(3);

/// A lease of five seconds, and a try to get it.
const AFTER_A_DEATH: Duration = Duration::from_secs(7);

/// Two worlds with one Redis, of which both run the agent `keeper`.
struct Two {
    server: Server,
    python: Python,
    worlds: [World; 2],
}

impl Two {
    fn new(deliver: &str) -> Self {
        Self::with("recorder", deliver)
    }

    fn with(skill: &str, deliver: &str) -> Self {
        let server = Server::new();
        let agents = format!("agents:\n  keeper: {{ skill: {skill}, deliver: {deliver} }}\n");
        let worlds = [(); 2].map(|()| World::with(&[skill]));
        for world in &worlds {
            world.configure(&configuration(&server, "", &agents));
        }
        let python = Python::beside(&server);
        Self { server, python, worlds }
    }

    /// Both hosts, hearing.
    fn up(&mut self) -> [Up; 2] {
        let ups = self.worlds.each_ref().map(World::up);
        self.worlds.iter().for_each(|world| until_joined(world, 1));
        let python = &mut self.python;
        eventually("the server knows who listens", PATIENCE, || python.listeners() == 2);
        ups
    }

    fn publish(&mut self, message: &Value) {
        self.python.publish("timmy:notes:day", &message.to_string());
    }

    /// How many messages were handled, on both hosts together, as the agent itself counts.
    fn count(&mut self) -> u64 {
        self.python.get("timmy:recorder:count").as_str().map_or(0, |count| count.parse().unwrap())
    }

    fn until_count(&mut self, count: u64) {
        eventually(&format!("{count} messages are handled"), PATIENCE, || self.count() >= count);
    }

    /// How often each message was handled, by what the agent kept.
    fn notes(&mut self) -> BTreeMap<String, u64> {
        let mut notes = BTreeMap::new();
        for n in 1..=self.count() {
            // One that was counted and is not kept yet comes.
            let note = self.python.get(&format!("timmy:recorder:{n}"));
            let Some(note) = note.as_str() else { continue };
            let note: Value = serde_json::from_str(note).unwrap();
            *notes.entry(note["payload"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        notes
    }

    /// Waits until the lease of the agent, which is the only key of the hosts themselves, lives for so many milliseconds more.
    fn until_lease_has(&mut self, left: Range<i64>) {
        let python = &mut self.python;
        eventually("the lease is that old", PATIENCE, || {
            let keys = python.call(&json!(["keys", "timmy:@:*"]));
            let lease = keys.get(0).expect("somebody holds it");
            left.contains(&python.call(&json!(["pttl", lease])).as_i64().unwrap())
        });
    }

    /// Publishes until this host handles something, and gives how long that took.
    fn until_taken_by(&mut self, world: usize) -> Duration {
        let (begun, mut probes) = (Instant::now(), 0);
        eventually("the other host takes the messages", PATIENCE, || {
            probes += 1;
            self.publish(&json!(["probe", probes]));
            handled(&self.worlds[world], "keeper") > 0
        });
        begun.elapsed()
    }

    /// Fails the test if a message was handled more than once.
    #[track_caller]
    fn nothing_came_twice(&mut self) {
        let twice: Vec<_> = self.notes().into_iter().filter(|(_, times)| *times != 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    /// Publishes so many messages and waits until each is handled.
    fn until_all_are_handled(&mut self, round: &str, messages: u64) {
        let sent: BTreeSet<_> = (0..messages).map(|n| json!([round, n]).to_string()).collect();
        for message in &sent {
            assert!(self.python.publish("timmy:notes:day", message) >= 1);
        }
        eventually(&format!("all is handled {round}"), PATIENCE, || {
            let notes = self.notes();
            sent.iter().all(|message| notes.contains_key(message))
        });
    }
}

#[test]
fn a_message_of_one_host_wakes_an_agent_of_another() {
    let server = Server::new();
    let (sends, hears) = (World::with(&["greedy"]), World::with(&["recorder"]));
    for world in [&sends, &hears] {
        world.configure(&configuration(&server, "", ""));
    }
    let _ups = [sends.up(), hears.up()];
    until_joined(&hears, 1);
    let mut python = Python::beside(&server);
    eventually("the server knows who listens", PATIENCE, || python.listeners() == 1);
    eventually("the other host runs", PATIENCE, || agents(&sends).is_some());
    assert_eq!(send(&sends, "notes:a", &json!({"by": "a person"})), 1);
    until_handled(&hears, "recorder", 1);
    // A skill's too, in a process of its own.
    let published = ask(&sends, "publish", &json!({"channel": "notes:a", "message": {"by": "a skill"}}));
    assert_eq!(published, json!({"ok": 1}));
    until_handled(&hears, "recorder", 2);
    let note = |n: u64| ask(&sends, "get", &json!({"key": format!("recorder:{n}")}))["ok"].to_string();
    assert!(note(1).contains("a person"), "{}", note(1));
    assert!(note(2).contains("a skill") && note(2).contains("greedy"), "{}", note(2));
}

/// Sends all messages to two hosts, and gives how many runs each has on record and how often each message was kept.
fn all_messages(deliver: &str, copies: u64) -> ([u64; 2], BTreeMap<String, u64>) {
    let mut two = Two::new(deliver);
    let ups = two.up();
    for n in 0..MESSAGES {
        let message = json!({"n": n});
        match n % 4 {
            0 => drop(send(&two.worlds[0], "notes:day", &message)),
            1 => drop(send(&two.worlds[1], "notes:day", &message)),
            _ => two.publish(&message),
        }
    }
    two.until_count(MESSAGES * copies);
    // Who stops takes what was heard first: after it, nothing more can come.
    for up in ups {
        assert_eq!(up.stop().code, Some(0));
    }
    let runs = two.worlds.each_ref().map(|world| runs_of(world, "recorder") as u64);
    (runs, two.notes())
}

#[test]
fn delivered_to_all_each_message_is_handled_once_on_every_host() {
    let (runs, notes) = all_messages("all", 2);
    assert_eq!(runs, [MESSAGES; 2]);
    assert_eq!(notes, (0..MESSAGES).map(|n| (json!({"n": n}).to_string(), 2)).collect());
}

#[test]
fn delivered_to_one_each_message_is_handled_once_in_all() {
    let (runs, notes) = all_messages("one", 1);
    assert_eq!(runs.iter().sum::<u64>(), MESSAGES, "{runs:?}");
    assert_eq!(notes, (0..MESSAGES).map(|n| (json!({"n": n}).to_string(), 1)).collect());
}

/// Ends the host that takes the messages while more of them come, and gives how long the other needed. It then takes each once, and
/// goes on to when the first one is back.
fn taken_over_after(end: Signal) -> Duration {
    let mut two = Two::new("one");
    let ups = two.up();
    two.publish(&json!("first"));
    two.until_count(1);
    eventually("it is known who", PATIENCE, || {
        two.worlds.iter().map(|world| handled(world, "keeper")).sum::<u64>() == 1
    });
    let holder = usize::from(handled(&two.worlds[0], "keeper") == 0);
    let [first, second] = ups;
    let (held, other) = if holder == 0 { (first, second) } else { (second, first) };
    held.signal(end);
    let took = two.until_taken_by(1 - holder);
    let ended = held.stop();
    assert_eq!(ended.code, (end == Signal::TERM).then_some(0), "{ended}");
    two.until_all_are_handled("by the other", 50);
    let again = two.worlds[holder].up();
    until_joined(&two.worlds[holder], 2);
    let python = &mut two.python;
    eventually("the server knows who listens", PATIENCE, || python.listeners() == 2);
    two.until_all_are_handled("with both", 50);
    assert_eq!(handled(&two.worlds[holder], "keeper"), 0, "the other keeps what it has");
    // Who stops takes what was heard first: after it, nothing more can come.
    assert_eq!([again, other].map(|up| up.stop().code), [Some(0); 2]);
    two.nothing_came_twice();
    took
}

#[test]
fn a_host_that_stops_lets_another_take_its_messages_at_once() {
    let took = taken_over_after(Signal::TERM);
    assert!(took <= AT_ONCE, "it took {took:?}");
}

#[test]
fn a_host_that_stops_while_a_handler_runs_lets_another_take_its_messages_at_once() {
    let mut two = Two::with("failing-agent", "one");
    let ups = two.up();
    two.python.publish("timmy:failing:a", r#"{"how": "sleep", "ms": 8000}"#);
    // One that is being handled counts until its end.
    let has_it = |world: &World| agents(world).expect("a running host")[0]["waiting"] == 1;
    eventually("somebody has the message", PATIENCE, || two.worlds.iter().any(has_it));
    let holder = usize::from(!has_it(&two.worlds[0]));
    ups[holder].signal(Signal::TERM);
    let begun = Instant::now();
    eventually("the other host takes the messages", PATIENCE, || {
        two.python.publish("timmy:failing:b", r#"{"how": "ok"}"#);
        handled(&two.worlds[1 - holder], "keeper") > 0
    });
    assert!(begun.elapsed() <= AT_ONCE, "it took {:?}", begun.elapsed());
    assert_eq!(ups.map(|up| up.stop().code), [Some(0); 2]);
    assert_eq!(runs_of(&two.worlds[holder], "failing-agent"), 1, "what ran came to its end");
}

#[test]
fn a_host_that_dies_is_followed_by_another_when_its_lease_has_run_out() {
    let took = taken_over_after(Signal::KILL);
    assert!(took <= AFTER_A_DEATH, "it took {took:?}");
}

#[test]
fn delivered_to_one_each_message_is_handled_once_also_when_every_host_has_been_on_its_own() {
    let mut two = Two::new("one");
    let ups = two.up();
    two.server.kill();
    // With a memory of its own, each is the only one that it knows of.
    for world in &two.worlds {
        eventually("it takes its own messages", PATIENCE, || {
            send(world, "notes:day", &json!("alone"));
            handled(world, "keeper") > 0
        });
    }
    two.server.start();
    let python = &mut two.python;
    eventually("the server knows who listens", PATIENCE, || python.listeners() == 2);
    two.until_all_are_handled("together again", 50);
    for up in ups {
        assert_eq!(up.stop().code, Some(0));
    }
    two.nothing_came_twice();
}

#[test]
fn delivered_to_one_no_message_is_handled_twice_when_the_server_has_forgotten_everything() {
    let mut two = Two::new("one");
    // Compiles, so that a host starts when it is told to.
    two.worlds.iter().for_each(|world| drop(world.list()));
    let first = two.worlds[0].up();
    until_joined(&two.worlds[0], 1);
    // The second one looks at the lease between two looks of the first one.
    two.until_lease_has(3_900..4_300);
    let second = two.worlds[1].up();
    until_joined(&two.worlds[1], 1);
    // The first one has just looked, so the second one is first to see that there is none.
    two.until_lease_has(4_800..5_001);
    two.server.lose();
    two.server.start();
    let begun = Instant::now();
    let mut sent = 0;
    eventually("both have looked", PATIENCE, || {
        sent += 1;
        two.publish(&json!(["meanwhile", sent]));
        begun.elapsed() > AT_ONCE
    });
    two.until_all_are_handled("after it", 5);
    for up in [first, second] {
        assert_eq!(up.stop().code, Some(0));
    }
    two.nothing_came_twice();
}
