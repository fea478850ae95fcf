//! Files that lie, trap or linger when they are asked what they are.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};
use skillhost_tests::{Ran, World, guest};

use crate::kit::{ANSWERS, HOST_KIB, fail_with, healthy, hold, refused_for, row};

/// Each refused file, and words of which the reason names one.
pub(crate) const REFUSED: &[(&str, &[&str])] = &[
    ("trap-in-describe", &["trap"]),
    ("trap-in-start", &["trap"]),
    ("grow-in-describe", &["memory"]),
    ("exit-in-describe", &["exit"]),
    ("calls-host-in-describe", &["blackboard", "`get`"]),
    ("liar-name", &["../Liar Name"]),
    ("liar-long-name", &["48"]),
    ("liar-empty-name", &["no skill name"]),
    ("liar-tool-name", &["Echo All!"]),
    ("liar-10000-tools", &["10000 tools"]),
    ("liar-duplicate-tools", &["two tools `echo`"]),
    ("liar-no-tools", &["neither tools nor subscriptions"]),
    ("liar-semver", &["one.two"]),
    ("liar-huge-description", &["description"]),
    ("liar-huge-schema", &["schema", "1MiB"]),
    ("liar-amplified", &["description", "1MiB"]),
    ("liar-not-utf8", &["UTF-8"]),
    ("liar-control-characters", &["description"]),
    ("liar-schema-not-json", &["no JSON"]),
    ("liar-schema-invalid", &["/properties/a/type"]),
    ("liar-schema-not-object", &["object"]),
    ("liar-output-schema", &["output schema"]),
    ("liar-schema-remote", &["$ref"]),
    ("liar-schema-deep", &["schema"]),
    ("liar-subscriptions", &["10000 subscriptions"]),
    ("liar-no-handler", &["handler"]),
    ("liar-wants", &["root.everything"]),
    ("liar-10000-wants", &["10000 wants"]),
];

/// Refused as well, but only after the time that describing has: in worlds of their own, for every start tries again.
pub(crate) const LINGERING: &[(&str, &[&str])] =
    &[("spin-in-describe", &["fuel", "within"]), ("sleep-in-describe", &["within"])];

/// What each of these may do instead of being refused: a call that sets the schema off ends within its time.
pub(crate) const TRAPS_IN_SCHEMAS: &[(&str, &str)] = &[
    ("liar-schema-bomb", r#"{"x":"a"}"#),
    ("liar-schema-loop", r#"{"x":"a"}"#),
    ("liar-schema-regex", r#"{"text":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}"#),
];

/// Absorbed after all.
pub(crate) const ABSORBED: &[&str] = &["wasi-in-describe", "liar-unknown-tool"];

/// Said of itself what is only sometimes a lie.
pub(crate) const IMPOSTOR: &str = "liar-other-name";

/// The longest that asking a file what it is may take, with a busy machine's doubling.
const DESCRIBING: Duration = Duration::from_secs(20);

fn listed(world: &World) -> (Ran, Vec<Value>) {
    let ran = world.run(&["list", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let entries = ran.json().as_array().unwrap().clone();
    (ran, entries)
}

#[test]
fn a_file_that_lies_is_refused_with_a_reason_that_names_the_lie() {
    let world = World::with(&["healthy"]);
    for (name, _) in REFUSED {
        world.add(name);
    }
    let (ran, entries) = listed(&world);
    let faults = REFUSED.iter().filter_map(|(name, words)| refused_for(&entries, &format!("{name}.wasm"), words).err());
    let mut faults: Vec<_> = faults.collect();
    faults.extend(healthy(&world).err());
    if ran.peak_kib > HOST_KIB {
        faults.push(format!("the host took {} KiB", ran.peak_kib));
    }
    let said = |entry: &&Value| entry["reason"].as_str().is_some_and(|reason| reason.len() > 1_000);
    faults.extend(entries.iter().find(said).map(|entry| format!("a reason is no reading: {entry}")));
    let raw = |entry: &&Value| entry["reason"].as_str().is_some_and(|reason| reason.contains(char::is_control));
    faults.extend(entries.iter().find(raw).map(|entry| format!("a reason repeats control characters: {entry}")));
    fail_with(&faults);
}

#[test]
fn describe_that_never_ends_is_refused_within_its_limits() {
    for (name, words) in LINGERING {
        let world = World::with(&["healthy", name]);
        let (ran, entries) = listed(&world);
        refused_for(&entries, &format!("{name}.wasm"), words).unwrap();
        assert!(ran.took < DESCRIBING, "{ran}");
        healthy(&world).unwrap();
    }
}

#[test]
fn a_schema_made_to_hang_its_reader_is_refused_or_its_calls_end_in_time() {
    let world = World::with(&["healthy"]);
    for (name, _) in TRAPS_IN_SCHEMAS {
        world.add(name);
    }
    let (_, entries) = listed(&world);
    let mut rows = Vec::new();
    for (name, input) in TRAPS_IN_SCHEMAS {
        let file = format!("{name}.wasm");
        let entry = entries.iter().find(|entry| entry["file"] == *file).unwrap();
        if entry["state"] == "refused" {
            refused_for(&entries, &file, &["$ref", "pattern", "steps"]).unwrap();
        } else {
            let ends = &[ANSWERS, "invalid-input", "deadline", "fuel"];
            rows.push(row(format!("{name}.echo"), input, ends).within(1_000));
        }
    }
    hold(&world, &rows);
}

#[test]
fn a_schema_that_refers_elsewhere_is_not_followed() {
    const ADDRESS: &[u8] = b"127.0.0.1:8650";
    // The guest's own port may be a host's; another one of four digits leaves the file as long as it was.
    let bound = (7_100..9_999).find_map(|port| Some((port, TcpListener::bind(("127.0.0.1", port)).ok()?)));
    let (port, listener) = bound.expect("a free port");
    let mut bytes = std::fs::read(guest("liar-schema-remote")).unwrap();
    let at = bytes.windows(ADDRESS.len()).position(|part| part == ADDRESS).expect("the address is in the guest");
    bytes[at..at + ADDRESS.len()].copy_from_slice(format!("127.0.0.1:{port}").as_bytes());
    let world = World::with(&["healthy"]);
    world.put("remote.wasm", &bytes);
    refused_for(&world.list(), "remote.wasm", &[&format!("127.0.0.1:{port}")]).unwrap();
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "somebody came to fetch the schema");
}

#[test]
fn odd_but_honest_describing_is_absorbed() {
    let world = World::with(&[&["healthy"], ABSORBED].concat());
    for name in ABSORBED {
        assert_eq!(world.entry(&format!("{name}.wasm"))["state"], "active", "{name}");
    }
    hold(
        &world,
        &[
            row("wasi-in-describe.echo", r#"{"a":1}"#, &[ANSWERS]).so(|came| came["output"]["data"]["a"] == 1),
            row("liar-unknown-tool.ghost", "{}", &["invalid-input"]),
            row("liar-unknown-tool.echo", r#"{"a":1}"#, &[ANSWERS]).so(|came| came["output"]["data"]["a"] == 1),
        ],
    );
}

#[test]
fn who_says_that_it_is_another_skill_is_refused_while_that_one_is_there() {
    let world = World::with(&["healthy"]);
    assert_eq!(world.entry("healthy.wasm")["state"], "active");
    world.add(IMPOSTOR);
    refused_for(&world.list(), &format!("{IMPOSTOR}.wasm"), &["`healthy`"]).unwrap();
    let tools = &world.entry("healthy.wasm")["tools"];
    assert_eq!(*tools, json!(["echo", "generation", "slow", "count"]));
    // It stays so, however often the folder is read anew.
    for _ in 0..5 {
        assert_eq!(world.entry("healthy.wasm")["state"], "active");
    }
    healthy(&world).unwrap();
}
