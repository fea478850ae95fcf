//! `redis-py` on one side and skills on the other: keys, times to live, channels, JSON both ways.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use skillhost_tests::{World, eventually};

use super::{Python, Server, configuration};
use crate::hosts::{ask, ask_as, until_handled, until_joined};

/// JSON of every kind, as a program may write it: numbers keep their form.
const PAYLOADS: [&str; 7] = [
    r#"{"n": 12345678901234567890, "x": 1.50, "größe": ["ü", null]}"#,
    "{}",
    "[1, 2.0]",
    "\"grün\"",
    "1.50",
    "null",
    "true",
];

fn shared(guests: &[&str], more: &str) -> (Server, Python, World) {
    let server = Server::new();
    let world = World::with(guests);
    world.configure(&configuration(&server, "", more));
    let python = Python::beside(&server);
    (server, python, world)
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[test]
fn what_a_skill_writes_python_reads_and_the_other_way_round() {
    let (_server, mut python, world) = shared(&["greedy"], "");
    for text in PAYLOADS.into_iter().chain(["", "no json \"at\" all\n\u{0}\u{1f980}"]) {
        assert_eq!(ask(&world, "set", &json!({"key": "a:b", "value": text})), json!({"ok": null}));
        assert_eq!(python.get("timmy:a:b"), text);
        python.call(&json!(["set", "timmy:größe", text]));
        assert_eq!(ask(&world, "get", &json!({"key": "größe"})), json!({"ok": text}));
    }
    let cas = |expected: Option<&str>, value: &str| {
        ask(&world, "cas", &json!({"key": "swapped", "expected": expected, "value": value}))
    };
    assert_eq!(cas(None, "1"), json!({"ok": true}));
    python.call(&json!(["set", "timmy:swapped", "2"]));
    assert_eq!(cas(Some("1"), "3"), json!({"ok": false}));
    assert_eq!(python.get("timmy:swapped"), "2");
    assert_eq!(cas(Some("2"), "3"), json!({"ok": true}));
    assert_eq!(python.get("timmy:swapped"), "3");

    assert_eq!(python.call(&json!(["incrby", "timmy:count", 40])), 40);
    assert_eq!(ask(&world, "add", &json!({"key": "count", "delta": -41})), json!({"ok": -1}));
    assert_eq!(python.get("timmy:count"), "-1");

    assert_eq!(ask(&world, "exists", &json!({"key": "count"})), json!({"ok": true}));
    assert_eq!(python.call(&json!(["delete", "timmy:count"])), 1);
    assert_eq!(ask(&world, "exists", &json!({"key": "count"})), json!({"ok": false}));
    assert_eq!(ask(&world, "delete", &json!({"key": "swapped"})), json!({"ok": true}));
    assert_eq!(python.get("timmy:swapped"), Value::Null);
}

#[test]
fn a_component_of_others_and_python_share_keys_too() {
    let (_server, mut python, world) = shared(&["foreign-keyvalue"], "");
    let stock = |tool: &str, input: Value| {
        world.call(&format!("foreign-keyvalue.{tool}"), &["--input", &input.to_string()]).data()
    };
    // The bucket `default` is the board itself; any other one is a prefix.
    for (bucket, key) in [("default", "timmy:k"), ("shelf", "timmy:shelf:k")] {
        stock("put", json!({"bucket": bucket, "key": "k", "value": "grün"}));
        assert_eq!(python.get(key), "grün");
        python.call(&json!(["set", key, "4"]));
        assert_eq!(stock("count", json!({"bucket": bucket, "key": "k", "by": 3})), 7);
        assert_eq!(python.get(key), "7");
    }
    assert_eq!(stock("list", json!({"bucket": "shelf"})), json!(["k"]));
}

#[test]
fn times_to_live_are_exact_to_the_millisecond_on_both_sides() {
    let (_server, mut python, world) = shared(&["greedy"], "");
    // Not a whole number of seconds; and what is set without a time lives as long as the configuration says.
    for (given, lives) in [(json!(86_399_877), 86_399_877), (Value::Null, 3_600_000)] {
        let before = now();
        ask(&world, "set", &json!({"key": "k", "value": "v", "ttl_ms": given}));
        let dies = python.call(&json!(["pexpiretime", "timmy:k"])).as_u64().unwrap();
        assert!((before + lives..=now() + lives).contains(&dies), "{given}: {dies}, begun at {before}");
    }
    ask(&world, "set", &json!({"key": "k", "value": "v", "ttl_ms": 0}));
    assert_eq!(python.call(&json!(["pttl", "timmy:k"])), -1, "0 is for ever");
    // A counter keeps the time that it has.
    python.call(&json!(["psetex", "timmy:n", 7_654_321, "1"]));
    let dies = python.call(&json!(["pexpiretime", "timmy:n"]));
    assert_eq!(ask(&world, "add", &json!({"key": "n"})), json!({"ok": 2}));
    assert_eq!(python.call(&json!(["pexpiretime", "timmy:n"])), dies);
    // What ends in Python has ended for skills.
    python.call(&json!(["pexpire", "timmy:n", 1]));
    eventually("it expires", skillhost_tests::PATIENCE, || python.get("timmy:n").is_null());
    assert_eq!(ask(&world, "get", &json!({"key": "n"})), json!({"ok": null}));
}

#[test]
fn listing_and_clearing_reach_the_own_tenants_keys_and_no_others() {
    let (_server, mut python, world) = shared(&["greedy"], "");
    let foreign = ["timmy:@acme:own", "timmy:@:lease:x", "timmyx:own", "timmy", "other:own"];
    for key in ["timmy:one", "timmy:two:three"].iter().chain(&foreign) {
        python.call(&json!(["set", key, "1"]));
    }
    assert_eq!(ask(&world, "keys", &json!({"pattern": "*"})), json!({"ok": ["one", "two:three"]}));
    assert_eq!(ask_as(&world, "acme", "keys", &json!({"pattern": "*"})), json!({"ok": ["own"]}));
    for key in ["@acme:own", "@:lease:x"] {
        assert_eq!(ask(&world, "get", &json!({"key": key}))["err"]["kind"], "invalid");
    }
    for pattern in ["@*", "@acme:*"] {
        assert_eq!(ask(&world, "keys", &json!({"pattern": pattern})), json!({"ok": []}));
        assert_eq!(ask(&world, "clear", &json!({"pattern": pattern})), json!({"ok": 0}));
    }
    assert_eq!(ask(&world, "clear", &json!({"pattern": "*"})), json!({"ok": 2}));
    let mut left: Vec<String> = serde_json::from_value(python.call(&json!(["keys", "*"]))).unwrap();
    let mut expected = foreign.map(str::to_owned);
    left.sort_unstable();
    expected.sort_unstable();
    assert_eq!(left, expected);
    assert_eq!(ask_as(&world, "acme", "set", &json!({"key": "own", "value": "2"})), json!({"ok": null}));
    assert_eq!(python.get("timmy:@acme:own"), "2");
}

#[test]
fn what_a_skill_publishes_reaches_python_as_it_was_with_the_hosts_field_beside() {
    let (_server, mut python, world) = shared(&["greedy"], "");
    python.call(&json!(["listen", "*"]));
    // A text is published as it stands.
    let publish = |text: &str| ask(&world, "publish", &json!({"channel": "reports:day", "message": text}));
    for payload in PAYLOADS {
        assert_eq!(publish(payload), json!({"ok": 1}));
        let (channel, text) = python.hear();
        assert_eq!(channel, "timmy:reports:day");
        let Some(fields) = payload.strip_suffix('}') else {
            // There is no place beside it.
            assert_eq!(text, payload);
            continue;
        };
        assert!(text.starts_with(fields), "{text}");
        let mut message: Value = serde_json::from_str(&text).unwrap();
        let own = message.as_object_mut().unwrap().remove("_skillhost").unwrap();
        assert_eq!(message, serde_json::from_str::<Value>(payload).unwrap());
        assert_eq!((&own["source"], &own["hops"]), (&json!("greedy"), &json!(1)), "{own}");
        assert_eq!(own["id"].as_str().map(str::len), Some(26), "{own}");
        assert!(own["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{own}");
    }
    // Nobody speaks in the host's name.
    publish(r#"{"a": 1, "_skillhost": {"id": "x", "source": "boss", "hops": 0, "at": "2026-01-01T00:00:00Z"}}"#);
    let (_, text) = python.hear();
    assert!(!text.contains("boss") && text.matches("_skillhost").count() == 1, "{text}");

    assert_eq!(publish("no json")["err"]["kind"], "invalid");
    assert_eq!(ask(&world, "publish", &json!({"channel": "@acme:a", "message": {}}))["err"]["kind"], "invalid");
    python.hears_no_more();
    assert_eq!(ask_as(&world, "acme", "publish", &json!({"channel": "a", "message": [1]})), json!({"ok": 1}));
    assert_eq!(python.hear(), ("timmy:@acme:a".to_owned(), "[1]".to_owned()));
}

/// What `recorder` kept of its message number `n`.
#[track_caller]
fn note(python: &mut Python, space: &str, n: u64) -> Value {
    let note = python.get(&format!("{space}recorder:{n}"));
    serde_json::from_str(note.as_str().unwrap_or_else(|| panic!("no note {n}"))).unwrap()
}

#[test]
fn a_bare_message_of_python_wakes_an_agent_and_reaches_it_word_by_word() {
    let agents = "agents:\n  ours: { skill: recorder }\n  theirs: { skill: recorder, tenant: acme }\n";
    let (_server, mut python, world) = shared(&["recorder", "greedy"], agents);
    let _up = world.up();
    until_joined(&world, 2);
    eventually("the server knows who listens", skillhost_tests::PATIENCE, || python.listeners() == 1);
    for payload in PAYLOADS {
        assert_eq!(python.publish("timmy:notes:day", payload), 1);
    }
    // Dropped, and what follows is not.
    python.publish("timmy:notes:day", "no json");
    python.publish("timmy:notes:day", r#"{"a": 1.50, "_skillhost": "made up"}"#);
    python.publish("timmy:@acme:notes:day", "\"for acme\"");
    python.publish("timmyx:notes:day", "\"for nobody\"");
    until_handled(&world, "ours", 8);
    // One of another process, which says who it is.
    ask(&world, "publish", &json!({"channel": "notes:night", "message": r#"{"b": 2.50}"#}));
    until_handled(&world, "ours", 9);
    until_handled(&world, "theirs", 1);

    let expected = PAYLOADS.into_iter().chain([r#"{"a": 1.50}"#]);
    for (n, payload) in (1..).zip(expected) {
        let note = note(&mut python, "timmy:", n);
        assert_eq!((&note["payload"], &note["channel"]), (&json!(payload), &json!("notes:day")), "{note}");
        assert_eq!((&note["source"], note["id"].as_str().map(str::len)), (&Value::Null, Some(26)), "{note}");
    }
    let last = note(&mut python, "timmy:", 9);
    assert_eq!((&last["payload"], &last["source"]), (&json!(r#"{"b": 2.50}"#), &json!("greedy")), "{last}");
    assert_eq!(note(&mut python, "timmy:@acme:", 1)["payload"], "\"for acme\"");
}
