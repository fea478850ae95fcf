//! The child that compiles, and what becomes of it and of its file when somebody else ends it or the host.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use skillhost_tests::{PATIENCE, Up, World, eventually};

/// How soon a child is gone with its host: far less than compiling `pyskill` takes.
const SOON: Duration = Duration::from_secs(5);

fn compiles(process: &str) -> bool {
    // Of one that is gone and that nobody has asked after yet, the command line is empty.
    std::fs::read_to_string(format!("/proc/{process}/cmdline")).is_ok_and(|line| line.contains("__compile"))
}

/// The child of `up` that compiles.
fn child(up: &Up) -> Option<String> {
    let parent = format!("PPid:\t{}\n", up.id());
    let processes = std::fs::read_dir("/proc").unwrap().map_while(Result::ok);
    let mut names = processes.filter_map(|process| process.file_name().into_string().ok());
    names.find(|process| {
        compiles(process)
            && std::fs::read_to_string(format!("/proc/{process}/status")).is_ok_and(|status| status.contains(&parent))
    })
}

#[track_caller]
fn until_it_compiles(up: &Up, other_than: &str) -> String {
    let mut found = None;
    eventually("a child compiles", PATIENCE, || {
        found = child(up).filter(|child| child != other_than);
        found.is_some()
    });
    found.unwrap()
}

#[test]
fn a_compilation_that_is_broken_off_says_nothing_of_the_file_and_none_outlives_its_host() {
    let world = World::with(&["pyskill"]);
    let up = world.up_in_a_group();
    let first = until_it_compiles(&up, "");
    kill_process(Pid::from_raw(first.parse().unwrap()).unwrap(), Signal::TERM).unwrap();
    let second = until_it_compiles(&up, &first);
    let ran = up.interrupt();
    assert_eq!(ran.code, Some(0), "{ran}");
    eventually("it went with its host", SOON, || !compiles(&second));

    let up = world.up();
    let third = until_it_compiles(&up, "");
    up.kill();
    eventually("it went with the host that was killed", SOON, || !compiles(&third));

    let said = world.run(&["events", "--json", "--kind", "skill.*"]);
    assert!(said.lines().is_empty(), "{said}");
}
