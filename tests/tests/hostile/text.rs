//! What Rust would not let one write: `tests/guests/wat`.

use serde_json::Value;
use skillhost_tests::World;

use crate::kit::{self, ANSWERS, HOST_KIB, Row, fail_with, healthy, refused_for, row};

/// What may become of a file.
pub(crate) enum Fate {
    /// It is refused, and the reason names one of these.
    Refused(&'static [&'static str]),
    /// It is refused so, or it is absorbed, and then its calls end as these say.
    Either(&'static [&'static str], &'static [Call]),
    /// It is absorbed, and its calls end as these say.
    Absorbed(&'static [Call]),
}

/// Tool, input, what may come of it, what holds of the answer.
pub(crate) type Call = (&'static str, &'static str, &'static [&'static str], fn(&Value) -> bool);

use Fate::{Absorbed, Either, Refused};

const ENDS: &[&str] = &["fuel", "deadline"];
const ANY: fn(&Value) -> bool = |_| true;

const MEMORY: &[Call] = &[("run", "{}", &["memory"], ANY)];
const TRAP: &[Call] = &[("run", "{}", &["trap"], ANY)];
const ENDLESS: &[Call] = &[("run", "{}", ENDS, ANY)];
const CUT: &[Call] = &[("run", "{}", &["trap", "output"], ANY)];
const TEXT: &str = r#"{"text":"any"}"#;
const SEVEN: fn(&Value) -> bool = |came| came["ok"] == false || came["output"]["data"] == 7;

/// Every file of the folder.
pub(crate) const FILES: &[(&str, Fate)] = &[
    ("core-module", Refused(&["core module", "core WebAssembly module"])),
    ("data-out-of-bounds", Either(&["data", "bounds"], TRAP)),
    ("deep-type", Either(&["schema", "deep", "nest"], &[("run", r#"{"value":[]}"#, &[ANSWERS], ANY)])),
    ("drop-trap", Either(&["resource"], &[("ping", "{}", &[ANSWERS], ANY)])),
    ("forged-handles", Absorbed(TRAP)),
    ("future-version", Refused(&["skillhost:skill/run@0.9.0"])),
    ("huge-memory", Either(&["memory", "64MiB"], MEMORY)),
    ("huge-table", Either(&["table"], MEMORY)),
    ("imports-module", Refused(&["evil:code/module"])),
    ("instance-bomb", Refused(&["instances", "memory", "time"])),
    ("leak-resources", Absorbed(&[("run", "{}", &["trap", "memory"], ANY)])),
    ("long-names", Either(&["abcdefghi", "READ-file", "tool name"], &[])),
    (
        "loops",
        Either(
            &["tail"],
            &[
                ("empty", "{}", ENDS, ANY),
                ("table-copy", "{}", ENDS, ANY),
                ("table-fill", "{}", ENDS, ANY),
                ("tail-calls", "{}", ENDS, ANY),
            ],
        ),
    ),
    ("many-instances", Either(&["instances", "memories"], MEMORY)),
    (
        "many-memories",
        Either(
            &["memories"],
            &[("run", "{}", &["memory"], ANY), ("small", "{}", &[ANSWERS], |came| came["output"]["data"] == 8)],
        ),
    ),
    ("many-parts", Absorbed(&[("run", "{}", &[ANSWERS], |came| came["output"]["data"] == 10)])),
    ("many-tables", Either(&["table"], MEMORY)),
    ("memory64", Either(&["64-bit", "memory64", "memory"], MEMORY)),
    ("multi-memory", Either(&["memories", "memory"], MEMORY)),
    ("name-clash", Either(&["first-same", "same"], &[])),
    ("no-exports", Refused(&["neither tools nor subscriptions", "no function"])),
    ("output-4-billion", Absorbed(CUT)),
    ("output-4-gib", Absorbed(CUT)),
    ("output-amplified", Absorbed(CUT)),
    (
        "output-bad-case",
        Absorbed(&[("kind", "{}", &["trap"], ANY), ("yes", "{}", &[ANSWERS], |came| came["output"]["data"] == true)]),
    ),
    ("output-not-utf8", Absorbed(&[("text", "{}", &["trap"], ANY), ("letter", "{}", &["trap"], ANY)])),
    ("output-out-of-bounds", Absorbed(TRAP)),
    ("post-return-loop", Absorbed(&[("run", "{}", &["fuel", "deadline", ANSWERS], SEVEN)])),
    ("post-return-trap", Absorbed(&[("run", "{}", &["trap", ANSWERS], SEVEN)])),
    ("realloc-lie", Absorbed(&[("run", TEXT, &["trap"], ANY)])),
    ("realloc-loop", Absorbed(&[("run", TEXT, ENDS, ANY)])),
    ("realloc-trap", Absorbed(&[("run", TEXT, &["trap"], ANY)])),
    ("shared-memory", Refused(&["shared", "thread"])),
    ("start-grow", Either(&["memory"], MEMORY)),
    ("start-loop", Either(&["fuel", "within"], ENDLESS)),
    ("start-trap", Either(&["trap"], TRAP)),
    (
        "table-growth",
        Absorbed(&[
            ("run", "{}", &["memory"], ANY),
            ("politely", "{}", &[ANSWERS], |came| came["output"]["data"].as_u64() > Some(0)),
        ]),
    ),
    (
        "traps",
        Absorbed(&[
            ("unreachable", "{}", &["trap"], ANY),
            ("divide-by-zero", "{}", &["trap"], ANY),
            ("overflow", "{}", &["trap"], ANY),
            ("bad-conversion", "{}", &["trap"], ANY),
            ("memory-out-of-bounds", "{}", &["trap"], ANY),
            ("memory-far-out-of-bounds", "{}", &["trap"], ANY),
            ("fill-out-of-bounds", "{}", &["trap", "fuel"], ANY),
            ("table-out-of-bounds", "{}", &["trap"], ANY),
            ("null-call", "{}", &["trap"], ANY),
            ("wrong-signature", "{}", &["trap"], ANY),
            ("stack-overflow", "{}", &["trap"], ANY),
        ]),
    ),
    ("type-bomb", Refused(&["schema"])),
    ("unknown-function", Refused(&["skillhost:skill/run@0.1.0"])),
    ("unknown-import", Refused(&["evil:world/thing"])),
    ("wrong-export-type", Refused(&["skillhost:skill/skill"])),
    ("wrong-import-type", Refused(&["blackboard"])),
];

fn state<'a>(entries: &'a [Value], file: &str) -> &'a str {
    let entry = entries.iter().find(|entry| entry["file"] == file);
    entry.and_then(|entry| entry["state"].as_str()).unwrap_or("not listed")
}

/// Files that take long to look at, and are looked at anew by every process.
fn removed_before_the_calls(world: &World, entries: &[Value]) {
    for entry in entries.iter().filter(|entry| entry["state"] == "refused") {
        std::fs::remove_file(world.skills().join(entry["file"].as_str().unwrap())).unwrap();
    }
}

#[test]
fn every_file_that_rust_would_not_give_is_refused_for_what_it_is_or_ends_as_it_must() {
    let world = World::with(&["healthy"]);
    for (name, _) in FILES {
        world.add_wat(name);
    }
    let ran = world.run(&["list", "--json"]);
    let entries = ran.json().as_array().unwrap().clone();
    let mut faults = Vec::new();
    if ran.peak_kib > HOST_KIB {
        faults.push(format!("the host took {} KiB", ran.peak_kib));
    }
    let mut rows: Vec<Row> = Vec::new();
    for (name, fate) in FILES {
        let file = format!("{name}.wasm");
        let absorbed = state(&entries, &file) == "active";
        let (words, calls): (&[&str], &[Call]) = match fate {
            Refused(words) => (words, &[]),
            Either(words, calls) if !absorbed => (words, calls),
            Either(_, calls) | Absorbed(calls) => (&[], calls),
        };
        if !words.is_empty() {
            faults.extend(refused_for(&entries, &file, words).err());
        } else if absorbed {
            rows.extend(
                calls.iter().map(|(tool, input, may, holds)| {
                    row(format!("{name}.{tool}"), input, may).within(1_000).so(*holds)
                }),
            );
        } else {
            faults.push(format!("{file} is not absorbed: {entries:?}"));
        }
    }
    faults.extend(healthy(&world).err());
    removed_before_the_calls(&world, &entries);
    faults.extend(kit::faults(&world, &rows));
    fail_with(&faults);
}

#[test]
fn no_tool_of_a_plain_component_hides_another() {
    let world = World::new();
    world.add_wat("name-clash");
    let entry = world.entry("name-clash.wasm");
    if entry["state"] == "active" {
        let mut tools: Vec<&str> = entry["tools"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        tools.sort_unstable();
        tools.dedup();
        assert_eq!(tools.len(), 3, "one, two and three: {entry}");
        let mut answers: Vec<u64> = Vec::new();
        for tool in &tools {
            answers.extend(world.call(&format!("name-clash.{tool}"), &[]).data().as_u64());
        }
        answers.sort_unstable();
        assert_eq!(answers, [1, 2, 3], "{entry}");
    } else {
        refused_for(&[entry], "name-clash.wasm", &["same"]).unwrap();
    }
}

#[test]
fn names_that_no_tool_may_have_do_not_become_tools() {
    let world = World::new();
    world.add_wat("long-names");
    let entry = world.entry("long-names.wasm");
    let tools = entry["tools"].as_array().unwrap();
    let fits = |tool: &str| {
        tool.len() <= 48 && tool.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    assert!(tools.iter().all(|tool| tool.as_str().is_some_and(fits)), "{entry}");
    assert!(entry["state"] == "active" || tools.is_empty(), "{entry}");
}

#[test]
fn a_resource_with_a_destructor_that_traps_gives_no_tool_that_needs_it() {
    let world = World::new();
    world.add_wat("drop-trap");
    let entry = world.entry("drop-trap.wasm");
    let tools = entry["tools"].as_array().unwrap();
    assert!(entry["state"] == "refused" || tools.contains(&"ping".into()), "{entry}");
    assert!(!tools.contains(&"make".into()), "{entry}");
}
