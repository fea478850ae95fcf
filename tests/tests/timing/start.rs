//! How soon `run` gives its output, and how soon `up` serves.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use skillhost_tests::{Http, PATIENCE, World, eventually};

use crate::alone;

/// From the start of the process to its end.
const LIMIT: Duration = Duration::from_millis(60);

/// How often it is measured: the least is what the program takes, the rest is what else the machine had to do.
const TIMES: usize = 15;

#[test]
fn a_run_on_a_warm_cache_takes_less_than_sixty_milliseconds_from_start_to_output() {
    let _alone = alone();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let world = World::new();
    let textkit = checkout.join("skills/dist/textkit.wasm");
    let bytes = std::fs::read(&textkit).unwrap_or_else(|error| {
        panic!("{}: {error}; make it with: skillhost build skills", textkit.display());
    });
    world.put("textkit.wasm", &bytes);
    world.aside("README.md", &std::fs::read(checkout.join("README.md")).unwrap());
    let run = || world.run(&["run", "textkit.summarize", "text=@README.md"]);
    assert_eq!(run().code, Some(0));
    let times: Vec<_> = (0..TIMES).map(|_| run().took).collect();
    assert!(times.iter().min().unwrap() < &LIMIT, "{times:?}");
}

/// As many skills as the host is to be quick with.
const SKILLS: usize = 240;

/// From the start of the process until it says that it lives.
const LIVES: Duration = Duration::from_millis(100);

/// From the start of the process until everything serves.
const READY: Duration = Duration::from_secs(3);

/// A small component that no other one is.
fn small(number: usize) -> Vec<u8> {
    let text = format!(
        "(component
            (core module $m (func (export \"f\") (result i32) i32.const {number}))
            (core instance $i (instantiate $m))
            (func (export \"number\") (result u32) (canon lift (core func $i \"f\"))))"
    );
    wat::parse_str(text).unwrap()
}

#[test]
fn a_host_with_many_skills_lives_at_once_and_is_ready_in_three_seconds() {
    let _alone = alone();
    let world = World::new().allowing_all();
    for number in 0..SKILLS {
        world.put(&format!("skill-{number}.wasm"), &small(number));
    }
    // The first start compiles.
    started(&world);
    let (lives, ready): (Vec<_>, Vec<_>) = (0..5).map(|_| started(&world)).unzip();
    println!("lives after {lives:?}, ready after {ready:?}");
    assert!(lives.iter().min().unwrap() < &LIVES, "{lives:?}");
    assert!(ready.iter().min().unwrap() < &READY, "{ready:?}");
}

/// Starts a host; how long it took until it said that it lives, and until it was ready. It has ended when this comes back.
fn started(world: &World) -> (Duration, Duration) {
    // It is free again at once, and nobody is given it again so soon.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let http = Http::at(&format!("http://{address}"));
    let start = Instant::now();
    let mut child = world.command(&["up", "--quiet", "--listen", &address]).spawn().unwrap();
    let says = |path| http.try_send("GET", path, &[], b"").is_ok_and(|reply| reply.status == 200);
    eventually("it lives", PATIENCE, || says("/health"));
    let lives = start.elapsed();
    eventually("it is ready", 3 * PATIENCE, || says("/ready"));
    let ready = start.elapsed();
    assert_eq!(http.get("/health").json()["status"], "ok");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    (lives, ready)
}
