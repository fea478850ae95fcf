//! The event log after somebody has had the database in their hands.
//!
//! Contract: each change is made to the file itself while no host runs; `events --verify` names the first event that is wrong.
//! That the last ones are gone is seen with a head that was kept elsewhere.

use rusqlite::Connection;
use serde_json::Value;
use skillhost_tests::{Ran, World};

/// A world whose log has several rows.
fn world() -> World {
    let world = World::with(&["healthy"]);
    for n in 0..4 {
        assert_eq!(world.call("healthy.echo", &[&format!("n={n}")]).code, Some(0));
    }
    world
}

fn verify(world: &World, more: &[&str]) -> Ran {
    world.run(&[&["events", "--verify"], more].concat())
}

#[track_caller]
fn is_whole(world: &World, more: &[&str]) -> Value {
    let ran = verify(world, &[&["--json"], more].concat());
    assert_eq!(ran.code, Some(0), "{ran}");
    let said = ran.json();
    assert_eq!(said["ok"], true, "{said}");
    said
}

/// Fails the test unless the log is found broken at the event `seq`, in both ways of saying so.
#[track_caller]
fn is_broken_at(world: &World, seq: i64, more: &[&str]) {
    let ran = verify(world, &[&["--json"], more].concat());
    assert_eq!(ran.code, Some(1), "{ran}");
    assert_eq!((&ran.json()["ok"], ran.json()["broken"]["seq"].as_i64()), (&Value::Bool(false), Some(seq)), "{ran}");
    let ran = verify(world, more);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran}");
    assert!(ran.stderr.contains(&format!("event {seq}")), "{ran}");
}

fn database(world: &World) -> Connection {
    Connection::open(world.data().join("events.db")).unwrap()
}

/// First position and bytes of each row.
fn rows(world: &World) -> Vec<(i64, Vec<u8>)> {
    let database = database(world);
    let mut statement = database.prepare("SELECT first_seq, body FROM segments ORDER BY first_seq").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn write(world: &World, seq: i64, body: &[u8]) {
    let changed = database(world).execute("UPDATE segments SET body = ?2 WHERE first_seq = ?1", (seq, body)).unwrap();
    assert_eq!(changed, 1);
}

/// Takes the last row away; gives the position at which it began.
fn delete_last(world: &World) -> i64 {
    let last = rows(world).last().unwrap().0;
    assert_eq!(database(world).execute("DELETE FROM segments WHERE first_seq = ?1", (last,)).unwrap(), 1);
    last
}

#[test]
fn a_log_that_nobody_touched_is_whole() {
    let world = World::with(&["healthy"]);
    is_whole(&world, &[]);
    let world = self::world();
    let said = is_whole(&world, &[]);
    assert!(said["events"].as_u64() >= Some(9), "{said}");
    assert_eq!(said["events"], said["head"]["seq"]);
    let for_people = verify(&world, &[]);
    assert!(for_people.stdout.contains("whole") && for_people.stdout.contains(said["head"]["hash"].as_str().unwrap()));
    assert_eq!(is_whole(&world, &[]), said, "looking changes nothing");
}

#[test]
fn a_byte_that_was_flipped_is_found_in_every_row_and_the_row_is_named() {
    let world = world();
    let rows = rows(&world);
    assert!(rows.len() >= 4, "{}", rows.len());
    for (seq, body) in &rows {
        for place in [0, body.len() / 2, body.len() - 1] {
            let mut changed = body.clone();
            changed[place] ^= 1;
            write(&world, *seq, &changed);
            is_broken_at(&world, *seq, &[]);
        }
        write(&world, *seq, body);
        is_whole(&world, &[]);
    }
}

#[test]
fn a_row_that_was_taken_out_moved_or_put_in_is_found() {
    let world = world();
    let rows = rows(&world);
    let (second, third) = (rows[1].0, rows[2].0);
    let database = database(&world);
    let change = |sql: &str| {
        database.execute_batch(&format!("CREATE TABLE kept AS SELECT * FROM segments; {sql}")).unwrap();
    };
    let undo = || {
        let sql = "DELETE FROM segments; INSERT INTO segments SELECT * FROM kept; DROP TABLE kept";
        database.execute_batch(sql).unwrap();
        is_whole(&world, &[]);
    };
    change(&format!("DELETE FROM segments WHERE first_seq = {second}"));
    is_broken_at(&world, second, &[]);
    undo();
    change(&format!("DELETE FROM segments WHERE first_seq < {third}"));
    is_broken_at(&world, 1, &[]);
    undo();
    let swap = format!("SELECT body FROM kept WHERE first_seq = {second} + {third} - segments.first_seq");
    change(&format!("UPDATE segments SET body = ({swap}) WHERE first_seq IN ({second}, {third})"));
    is_broken_at(&world, second, &[]);
    undo();
    change(&format!("UPDATE segments SET hash = NULL WHERE first_seq = {second}"));
    is_broken_at(&world, second, &[]);
    undo();
    change(&format!("UPDATE segments SET hash = zeroblob(32) WHERE first_seq = {third}"));
    is_broken_at(&world, third, &[]);
    undo();
}

#[test]
fn the_last_events_taken_away_are_missed_with_a_head_that_was_kept() {
    let world = world();
    let kept = is_whole(&world, &[])["head"].clone();
    let hash = kept["hash"].as_str().unwrap();
    let written = format!("{} {hash}", kept["seq"]);
    is_whole(&world, &["--head", hash]);
    is_whole(&world, &["--head", &written]);
    // What comes later changes nothing about what was kept.
    world.call("healthy.echo", &[]);
    is_whole(&world, &["--head", hash]);
    delete_last(&world);
    is_whole(&world, &["--head", hash]);
    let gone = delete_last(&world);
    is_whole(&world, &[]);
    is_broken_at(&world, gone, &["--head", hash]);
    is_broken_at(&world, gone, &["--head", &written]);
    database(&world).execute_batch("DELETE FROM segments").unwrap();
    is_whole(&world, &[]);
    is_broken_at(&world, 1, &["--head", hash]);
    let ran = verify(&world, &["--head", "no hash"]);
    assert_eq!(ran.code, Some(2), "{ran}");
}

#[test]
fn a_log_that_was_cut_back_and_written_on_does_not_hold_the_head_that_was_kept() {
    let world = world();
    let kept = is_whole(&world, &[])["head"]["hash"].as_str().unwrap().to_owned();
    delete_last(&world);
    for _ in 0..3 {
        world.call("healthy.echo", &[]);
    }
    is_whole(&world, &[]);
    let ran = verify(&world, &["--head", &kept]);
    assert_eq!(ran.code, Some(1), "{ran}");
}

/// The heads that a text names, as `SEQ HEX`.
fn heads(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| Some(line.split_once("head ")?.1.trim().to_owned())).collect()
}

#[test]
fn up_says_the_head_when_it_begins_and_when_it_ends_and_writes_it_where_it_was_told() {
    let world = world();
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("head");
    world.configure(&format!("events: {{ head_file: {} }}\n", file.display()));
    let said = is_whole(&world, &[])["head"].clone();
    let before = format!("{} {}", said["seq"], said["hash"].as_str().unwrap());
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    let at_start = std::fs::read_to_string(&file).unwrap();
    let ran = up.stop();
    assert_eq!(ran.code, Some(0), "{ran}");
    let heads = heads(&ran.stderr);
    assert_eq!(heads.len(), 2, "{ran}");
    assert_eq!(format!("{}\n", heads[0]), at_start);
    assert_eq!(format!("{}\n", heads[1]), std::fs::read_to_string(&file).unwrap());
    for head in [&before, &heads[0], &heads[1]] {
        is_whole(&world, &["--head", head]);
    }
    let said = is_whole(&world, &[])["head"].clone();
    assert_eq!(heads[1], format!("{} {}", said["seq"], said["hash"].as_str().unwrap()), "nothing comes after the last");
    let gone = delete_last(&world);
    is_broken_at(&world, gone, &["--head", std::fs::read_to_string(&file).unwrap().trim()]);
}

#[test]
fn a_head_that_cannot_be_written_is_said_and_stops_nothing() {
    let world = world();
    world.configure("events: { head_file: nowhere/at/all/head }\n");
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    let ran = up.stop();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains("nowhere/at/all/head"), "{ran}");
}
