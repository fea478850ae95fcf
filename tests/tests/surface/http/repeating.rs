//! `Idempotency-Key`: what runs once, also when it is asked for twice.

use serde_json::{Value, json};
use skillhost_tests::{Http, PATIENCE, Reply, World, eventually};

use super::{path, runs, started};

fn call(http: &Http, key: &str, target: &str, input: &Value) -> Reply {
    let headers = [("idempotency-key", key), ("content-type", "application/json")];
    http.send("POST", &path(target), &headers, input.to_string().as_bytes())
}

/// Keys that are claimed.
fn claims(world: &World) -> i64 {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    let answers = rusqlite::Connection::open_with_flags(world.data().join("answers.db"), flags).unwrap();
    answers.query_row("SELECT count(*) FROM answers", (), |row| row.get(0)).unwrap()
}

fn is_replayed(reply: &Reply) -> bool {
    reply.header("idempotency-replayed") == Some("true")
}

#[test]
fn a_repeated_call_gets_what_came_of_the_first_also_after_a_restart() {
    let world = World::with(&["healthy", "errors"]).allowing_all();
    let (up, admin) = started(&world);
    let firsts: Vec<(Reply, &str, &str, Value)> = [
        ("count", "healthy.count", json!({})),
        // Longer than what the event log keeps.
        ("long", "healthy.echo", json!({"text": "x".repeat(100_000)})),
        ("failed", "errors.failed", json!({"message": "no"})),
        ("invalid", "errors.invalid-input", json!({})),
    ]
    .into_iter()
    .map(|(key, target, input)| (call(&admin, key, target, &input), key, target, input))
    .collect();
    assert_eq!(firsts.iter().map(|first| first.0.status).collect::<Vec<_>>(), [200, 200, 422, 400]);
    let again = |admin: &Http| {
        for (first, key, target, input) in &firsts {
            let reply = call(admin, key, target, input);
            assert!(!is_replayed(first) && is_replayed(&reply), "{reply:?}");
            assert_eq!((reply.status, reply.text()), (first.status, first.text()));
        }
    };
    again(&admin);
    let ran = runs(&admin).len();
    assert_eq!(ran, firsts.len(), "each ran once");
    up.stop();
    let (_up, admin) = started(&world);
    again(&admin);
    assert_eq!(runs(&admin).len(), ran, "each ran once");
    // The same key elsewhere is another.
    assert_eq!(call(&admin, "count", "healthy.generation", &json!({})).status, 200);
    let count = |token: &str| is_replayed(&call(&admin.with_token(token), "count", "healthy.count", &json!({})));
    let other = world.token("other", "caller", "default");
    assert_eq!((count(&other), count(&other)), (false, true));
    assert_eq!(world.run(&["token", "revoke", "other"]).code, Some(0));
    assert!(!count(&world.token("other", "caller", "default")), "a new token has nothing of the old one of its name");
}

#[test]
fn a_key_with_another_input_is_422_and_one_that_is_none_400() {
    let world = World::with(&["healthy"]).allowing_all();
    let (_up, admin) = started(&world);
    let first = call(&admin, "k", "healthy.echo", &json!({"a": 1}));
    let said = call(&admin, "k", "healthy.echo", &json!({"a": 2})).problem(422);
    assert!(said.contains(first.json()["run"].as_str().unwrap()), "{said}");
    for none in ["", "two words", "grün", &"k".repeat(256)] {
        call(&admin, none, "healthy.echo", &json!({})).problem(400);
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    admin.send("POST", &path("healthy.echo"), &twice, b"{}").problem(400);
    assert_eq!(call(&admin, &"~".repeat(255), "healthy.echo", &json!({})).status, 200);
    assert_eq!(runs(&admin).len(), 2);
}

#[test]
fn of_many_at_once_one_runs_and_the_others_hear_so() {
    let world = World::with(&["healthy"]).allowing_all();
    let (_up, admin) = started(&world);
    let replies: Vec<Reply> = std::thread::scope(|scope| {
        let ask = || scope.spawn(|| call(&admin, "k", "healthy.slow", &json!({"ms": 500})));
        let callers: Vec<_> = (0..8).map(|_| ask()).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let first: Vec<_> = replies.iter().filter(|reply| reply.status == 200 && !is_replayed(reply)).collect();
    assert_eq!(first.len(), 1, "{replies:?}");
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert!(reply.problem(409).contains(first[0].json()["run"].as_str().unwrap()));
    }
    assert_eq!(call(&admin, "k", "healthy.slow", &json!({"ms": 500})).text(), first[0].text());
    assert_eq!(runs(&admin).len(), 1);
}

#[test]
fn a_caller_that_goes_away_gets_the_outcome_when_it_comes_back() {
    let world = World::with(&["healthy"]).allowing_all();
    let (_up, admin) = started(&world);
    let input = json!({"ms": 1_000});
    {
        let mut stream = admin.connect().unwrap();
        let body = input.to_string();
        let (path, host, token) = (path("healthy.slow"), admin.host(), admin.token().unwrap());
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: k\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        eventually("it is claimed", PATIENCE, || claims(&world) == 1);
    }
    let mut last = None;
    eventually("it has run", PATIENCE, || {
        let reply = call(&admin, "k", "healthy.slow", &input);
        let ended = reply.status != 409;
        last = Some(reply);
        ended
    });
    let last = last.unwrap();
    assert!(last.status == 200 && is_replayed(&last), "{last:?}");
    assert_eq!(runs(&admin).len(), 1);
}

#[test]
fn a_killed_host_does_not_run_again_what_it_does_not_know_the_end_of() {
    let world = World::with(&["healthy"]).allowing_all();
    let (up, admin) = started(&world);
    let input = json!({"ms": 20_000});
    let caller = {
        let (admin, input) = (admin.clone(), input.to_string());
        let headers = [("idempotency-key", "k")];
        std::thread::spawn(move || admin.try_send("POST", &path("healthy.slow"), &headers, input.as_bytes()))
    };
    eventually("it is claimed", PATIENCE, || claims(&world) == 1);
    up.kill();
    assert!(caller.join().unwrap().is_err());
    let (_up, admin) = started(&world);
    let said = call(&admin, "k", "healthy.slow", &input).problem(409);
    assert!(said.contains("is not known"), "{said}");
    assert_eq!(runs(&admin), Vec::<Value>::new(), "it did not run again");
}

#[test]
fn a_host_that_was_killed_between_run_and_answer_gives_what_is_on_record() {
    let world = World::with(&["healthy"]).allowing_all();
    let (up, admin) = started(&world);
    let first = call(&admin, "k", "healthy.count", &json!({}));
    up.kill();
    // As it is on disk between the two.
    let answers = rusqlite::Connection::open(world.data().join("answers.db")).unwrap();
    assert_eq!(answers.execute("UPDATE answers SET status = NULL, body = NULL", ()).unwrap(), 1);
    drop(answers);
    let (_up, admin) = started(&world);
    let reply = call(&admin, "k", "healthy.count", &json!({}));
    assert!(reply.status == 200 && is_replayed(&reply), "{reply:?}");
    assert_eq!(reply.json(), first.json());
    assert_eq!(runs(&admin).len(), 1);
}

#[test]
fn what_has_not_run_may_be_tried_again_with_the_same_key() {
    let world = World::with(&["greedy"]);
    let (_up, admin) = started(&world);
    let ask = || call(&admin, "k", "greedy.echo", &json!({"a": 1}));
    assert_eq!((ask().status, claims(&world)), (403, 0));
    let id = admin.get("/api/approvals").json()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(admin.post(&format!("/api/approvals/{id}/approve"), &json!({})).status, 200);
    assert!(ask().status == 200 && is_replayed(&ask()));
}
