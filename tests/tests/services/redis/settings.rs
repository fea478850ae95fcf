//! What the configuration says of the board: whether there is one, and the password.

use serde_json::json;
use skillhost_tests::{Ran, World};

use super::{Server, configuration};
use crate::hosts::{all_unavailable, ask, events, every_call, send, until_event, until_handled, until_joined};

const PASSWORD: &str = "correct-horse-battery-staple";
const ANOTHER: &str = "wrong-mule-generator-nail";

const FROM_THE_ENVIRONMENT: &str = "${REDIS_PASSWORD}";

/// A world with the board on `server`, whose password is `given` in the configuration and `value` in the environment.
fn world(server: &Server, given: &str, value: &str, board: &str) -> World {
    let world = World::with(&["greedy", "recorder"]).with_variable("REDIS_PASSWORD", value);
    let yaml = configuration(server, board, "");
    world.configure(&yaml.replace(" }\n  keyspace", &format!(", password: '{given}' }}\n  keyspace")));
    world
}

/// Neither password is in what was printed, nor in any file of the data directory.
#[track_caller]
fn hidden(world: &World, printed: &[&Ran]) {
    for word in [PASSWORD, ANOTHER] {
        for ran in printed {
            assert!(!ran.stdout.contains(word) && !ran.stderr.contains(word), "`{word}` is in the output of {ran}");
        }
        let mut folders = vec![world.data()];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry);
                    continue;
                }
                // A socket cannot be read, and a temporary file may be gone.
                let Ok(bytes) = std::fs::read(&entry) else { continue };
                files += 1;
                let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
                assert!(!found, "`{word}` is in {}", entry.display());
            }
        }
        assert!(files > 1, "there is no data directory");
    }
}

/// The run did not come to be, for a fault of the configuration that is told with these words.
#[track_caller]
fn misconfigured(world: &World, words: &[&str]) {
    let ran = world.call("greedy.get", &["key=k"]);
    assert_eq!((ran.code, ran.kind().as_str()), (Some(2), "usage"), "{ran}");
    let error = ran.json()["error"]["message"].as_str().unwrap().to_owned();
    for word in words {
        assert!(error.contains(word), "without `{word}`: {ran}");
    }
    assert!(!error.contains("data directory"), "it blames what is sound: {ran}");
}

#[test]
fn a_board_that_is_switched_off_answers_every_call_with_the_setting() {
    let world = World::with(&["greedy", "foreign-keyvalue", "recorder"]);
    world.configure("approval: { auto: ['* *'] }\nblackboard: { enabled: false }\n");
    let ran = world.call("greedy.steps", &["--input", &every_call("x").to_string()]);
    all_unavailable(&ran, "blackboard.enabled: false");
    // Through the interface of others as well, by which the board is reached too.
    let ran = world.call("foreign-keyvalue.get", &["--input", r#"{"bucket": "default", "key": "k"}"#]);
    assert_eq!(ran.kind(), "tool-error", "{ran}");
    assert!(ran.stdout.contains("blackboard.enabled"), "{ran}");
    // A host runs, only that nobody hears anything.
    let mut up = world.up();
    up.wait_for("absorbed", "recorder.wasm");
    let sent = world.run(&["send", "notes:day", "{}"]);
    assert_eq!(sent.code, Some(1), "{sent}");
    assert!(sent.stderr.contains("blackboard.enabled"), "{sent}");
    let ended = up.stop();
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(ended.stderr.contains("blackboard.enabled"), "it says why its agent hears nothing: {ended}");
}

#[test]
fn a_password_comes_from_the_environment_and_is_nowhere_to_be_read() {
    let server = Server::with_password(PASSWORD);
    let world = world(&server, FROM_THE_ENVIRONMENT, PASSWORD, "  fallback_to_memory: false\n");
    let up = world.up_with(&["-vv"]);
    until_joined(&world, 1);
    assert_eq!(send(&world, "notes:day", &json!({})), 1);
    until_handled(&world, "recorder", 1);
    let read = world.call("greedy.get", &["key=recorder:count", "-vv"]);
    assert_eq!(read.data(), json!({"ok": "1"}));
    // Not even where a skill has come to know it.
    let told = world.call("greedy.set", &["key=told", &format!("value=it is {PASSWORD}")]);
    let kept = world.call("greedy.get", &["key=told"]);
    let ended = up.stop();
    let listed = world.run(&["events", "--json"]);
    hidden(&world, &[&read, &told, &kept, &ended, &listed]);
    assert!(events(&world, "system.degraded").is_empty());
}

#[test]
fn a_password_may_come_from_a_file() {
    let server = Server::with_password(PASSWORD);
    let world = world(&server, "file:password", "", "  fallback_to_memory: false\n");
    world.aside("password", format!("{PASSWORD}\n").as_bytes());
    assert_eq!(ask(&world, "add", &json!({"key": "n"})), json!({"ok": 1}));
}

#[test]
fn a_wrong_password_is_told_without_being_shown() {
    let server = Server::with_password(PASSWORD);
    let strict = world(&server, FROM_THE_ENVIRONMENT, ANOTHER, "  fallback_to_memory: false\n");
    let ran = strict.call("greedy.steps", &["--input", &every_call("x").to_string(), "-vv"]);
    all_unavailable(&ran, "password");
    hidden(&strict, &[&ran]);

    let lenient = world(&server, FROM_THE_ENVIRONMENT, ANOTHER, "");
    let up = lenient.up_with(&["-vv"]);
    let lost = until_event(&lenient, "system.degraded", 1);
    assert!(lost["error"].as_str().unwrap().contains("password"), "{lost}");
    let ended = up.stop();
    assert!(ended.stderr.contains("password"), "{ended}");
    hidden(&lenient, &[&ended]);
}

#[test]
fn a_password_that_is_not_set_is_a_fault_of_the_configuration() {
    let server = Server::absent();
    misconfigured(&world(&server, "${NO_SUCH_PASSWORD}", "", ""), &["blackboard.redis.password", "NO_SUCH_PASSWORD"]);
    misconfigured(&world(&server, "file:no-such-file", "", ""), &["blackboard.redis.password", "no-such-file"]);
}

#[test]
fn a_password_in_clear_is_refused_without_being_shown() {
    let server = Server::absent();
    let in_clear = world(&server, PASSWORD, "", "");
    let ran = in_clear.call("greedy.get", &["key=k"]);
    assert_eq!((ran.code, ran.kind().as_str()), (Some(2), "usage"), "{ran}");
    assert!(ran.stdout.contains("never in clear") && !ran.stdout.contains(PASSWORD), "{ran}");
}

#[test]
fn a_password_in_the_address_is_refused_without_being_shown() {
    let server = Server::with_password(PASSWORD);
    let world = World::with(&["greedy"]);
    let url = server.url().replace("://", &format!("://:{PASSWORD}@"));
    world.configure(&configuration(&server, "", "").replace(&server.url(), &url));
    misconfigured(&world, &["blackboard.redis.url", "password"]);
    let ran = world.call("greedy.get", &["key=k"]);
    assert!(!ran.stdout.contains(PASSWORD) && !ran.stderr.contains(PASSWORD), "{ran}");
}

#[test]
fn an_address_that_is_none_and_a_prefix_that_is_none_are_faults_of_the_configuration() {
    let world = World::with(&["greedy"]);
    for (board, word) in [
        ("redis: { url: 'http://localhost' }", "blackboard.redis.url"),
        ("redis: { url: 'redis//localhost' }", "blackboard.redis.url"),
        ("{ redis: { url: 'redis://localhost' }, keyspace_prefix: '@x' }", "blackboard.keyspace_prefix"),
        ("{ redis: { url: 'redis://localhost' }, keyspace_prefix: '' }", "blackboard.keyspace_prefix"),
    ] {
        world.configure(&format!("blackboard:\n  {board}\n"));
        misconfigured(&world, &[word]);
    }
}
