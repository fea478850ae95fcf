//! What was given out is on disk: a process that is killed under load, again and again, in one data folder.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use rusqlite::{Connection, OpenFlags};
use skillhost_tests::{PATIENCE, World, binary, eventually, generation, guest};

use crate::is_run;

const ROUNDS: usize = 50;

/// The program that calls a tool for ever and prints each run that was given out: `SKILLHOST_BENCH`, else beside the
/// binary under test.
fn load(world: &World) -> Command {
    let program =
        std::env::var_os("SKILLHOST_BENCH").map_or_else(|| binary().with_file_name("skillhost-bench"), PathBuf::from);
    assert!(
        program.exists(),
        "there is no {}; make it with: cargo build --release -p skillhost-bench",
        program.display()
    );
    let mut command = Command::new(program);
    command.args(["load", "--target", "healthy.echo", "--data"]).arg(world.data()).arg("--skills").arg(world.skills());
    command.current_dir(world.root()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Where the moments begin: `SURFACE_SEED`, else any; a test that fails prints it.
fn seed() -> u64 {
    let given = std::env::var("SURFACE_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos().into());
    println!("SURFACE_SEED={seed}");
    seed
}

/// Splitmix64: a seed gives the same moments again.
struct Moments(u64);

impl Moments {
    /// 50 to 400 ms.
    fn next(&mut self) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Duration::from_millis(50 + (mixed ^ (mixed >> 31)) % 351)
    }
}

/// Runs the load and kills it after `moment`, counted from its start or, with `under_load`, from its first outcome; gives the
/// runs that it printed.
#[track_caller]
fn killed(world: &World, moment: Duration, under_load: bool) -> Vec<String> {
    let mut child = load(world).spawn().expect("the load starts");
    let (sender, lines) = mpsc::channel();
    let stream = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || stream.split(b'\n').map_while(Result::ok).all(|line| sender.send(line).is_ok()));
    let mut printed = Vec::new();
    if under_load {
        printed.extend(lines.recv_timeout(PATIENCE));
    }
    let end = Instant::now() + moment;
    let early = loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => printed.push(line),
            Err(RecvTimeoutError::Timeout) => break false,
            Err(RecvTimeoutError::Disconnected) => break true,
        }
    };
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(!early, "it ended by itself: {} {}", output.status, String::from_utf8_lossy(&output.stderr));
    // What it wrote and nobody had read yet was given out too. A line that the kill cut off was not.
    printed.extend(lines.iter());
    let printed = printed.into_iter().map(|line| String::from_utf8(line).unwrap());
    printed.filter(|line| is_run(line)).collect()
}

fn databases(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|suffix| suffix == "db")).collect()
}

#[track_caller]
fn is_whole(database: &Path, round: usize) {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let said: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(said, "ok", "{} after round {round}", database.display());
}

#[test]
fn every_outcome_that_was_given_out_survives_fifty_kills_under_load() {
    let mut moments = Moments(seed());
    let world = World::with(&["healthy"]);
    let mut given_out = HashMap::new();
    let mut fruitful = 0;
    for round in 0..ROUNDS {
        let runs = killed(&world, moments.next(), round % 2 == 0);
        fruitful += usize::from(!runs.is_empty());
        // The next start repairs by itself what is to be repaired, and goes on writing.
        let next = world.call("healthy.echo", &["after=a kill"]);
        assert_eq!(next.code, Some(0), "round {round}: {next}");
        let newest = world.run(&["runs", "--json", "--limit", "1"]).json();
        assert_eq!(newest[0]["run"], next.json()["run"], "round {round}");
        let files = databases(&world.data());
        assert!(!files.is_empty(), "no database in {}", world.data().display());
        for file in files {
            is_whole(&file, round);
        }
        given_out.extend(runs.into_iter().map(|run| (run, round)));
    }
    assert!(
        fruitful >= ROUNDS / 2 && given_out.len() > ROUNDS * 10,
        "too little load: {} in {fruitful} rounds",
        given_out.len()
    );

    let kept = world.run(&["runs", "--json", "--limit", "100000000"]).json();
    let kept: HashMap<&str, bool> =
        kept.as_array().unwrap().iter().map(|run| (run["run"].as_str().unwrap(), run["ok"] == true)).collect();
    let lost: Vec<_> = given_out.iter().filter(|(run, _)| kept.get(run.as_str()) != Some(&true)).take(10).collect();
    assert!(lost.is_empty(), "given out, and not in the log: {lost:?} (run, round) of {}", given_out.len());

    // Each with one event when it was called and one when it ended, whatever happened in between.
    let events = world.run(&["events", "--json", "--after", "0", "--limit", "100000000", "--kind", "tool.*"]).lines();
    let mut of_run: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut last = 0;
    for event in &events {
        let seq = event["seq"].as_u64().unwrap();
        assert!(seq > last, "positions rise: {seq} after {last}");
        last = seq;
        of_run.entry(event["run"].as_str().unwrap()).or_default().push(event["kind"].as_str().unwrap());
    }
    assert_eq!(of_run.len(), kept.len(), "as many runs as have events");
    let odd = of_run.iter().find(|(_, kinds)| kinds[..] != ["tool.called", "tool.completed"]);
    assert!(odd.is_none(), "{odd:?}");
}

#[test]
fn a_host_killed_while_it_absorbs_leaves_nothing_that_keeps_the_next_from_it() {
    let (world, mut moments) = (World::new(), Moments(seed()));
    let component = std::fs::read(guest("healthy")).unwrap();
    for round in 0..12 {
        let name = round.to_string();
        world.put("healthy.wasm", &generation(component.clone(), "GENERATION", &name));
        let mut command = world.command(&["list"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // A compilation takes some hundred milliseconds: the moment falls before, in and after it.
        let start = Instant::now();
        let moment = moments.next();
        eventually("the moment of the kill, or its end", PATIENCE, || {
            start.elapsed() >= moment || child.try_wait().unwrap().is_some()
        });
        child.kill().unwrap();
        child.wait().unwrap();
        let ran = world.call("healthy.generation", &[]);
        assert_eq!(ran.data()["generation"], name.as_str(), "killed after {moment:?}");
    }
    for file in databases(&world.data()) {
        is_whole(&file, 12);
    }
}

#[test]
fn processes_that_start_at_once_in_one_data_folder_do_not_disturb_each_other() {
    const AT_ONCE: usize = 8;
    let world = World::with(&["healthy"]);
    let arguments: Vec<String> = (0..AT_ONCE).map(|number| format!("n:={number}")).collect();
    let ran: Vec<_> = std::thread::scope(|scope| {
        let world = &world;
        let call = |argument| scope.spawn(move || world.call("healthy.echo", &[argument]));
        let started: Vec<_> = arguments.iter().map(String::as_str).map(call).collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (number, ran) in ran.iter().enumerate() {
        assert_eq!(ran.data()["n"], number, "{ran}");
    }
    let events = world.run(&["events", "--json", "--after", "0"]).lines();
    let of = |kind: &str| events.iter().filter(|event| event["kind"] == kind).count();
    assert_eq!((of("skill.absorbed"), of("tool.called"), of("tool.completed")), (1, AT_ONCE, AT_ONCE), "{events:?}");
    let positions: Vec<_> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert!(positions.is_sorted_by(|one, next| one < next), "no position twice: {positions:?}");
}
