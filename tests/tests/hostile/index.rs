//! The tables of this test against `tests/guests/index.md`: neither has a row that the other does not know.

use std::collections::BTreeSet;

use skillhost_tests::{World, guests_folder};

use crate::{describing, directories, foreign, honest, kit::Row, nesting, reach, secrets, text, tools};

/// Skills that messages wake up. No command sends messages yet, so the host's own tests do (`host/lifecycle/tests/host`).
const AGENTS: &[&str] = &["pingpong", "failing-agent", "recorder"];

/// Called by the tests of the services (`tests/tests/services`).
const SERVICES: &[&str] = &[
    "asker",
    "asker.complete",
    "asker.stream",
    "asker.embed",
    "asker.remaining",
    "asker.flood",
    "asker.odd",
    "asker.heard",
];

type Names = BTreeSet<String>;

/// The first column of the tables under the heading that begins so.
fn page(heading: &str) -> Names {
    let page = std::fs::read_to_string(guests_folder().join("index.md")).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).expect("the heading is there");
    // What follows under a smaller heading has tables of its own.
    let table = section.split("\n### ").next().unwrap();
    let first = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    table.lines().filter_map(first).collect()
}

fn targets(rows: &[Row]) -> Names {
    rows.iter().map(|row| row.target.clone()).collect()
}

fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> Names {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn every_attack_of_the_page_is_made_and_every_attack_made_is_on_it() {
    let rows = [tools::work(), tools::floods(), tools::outputs(), reach::world(), reach::pass_throughs()].concat();
    let mut made = targets(&rows);
    made.insert("greedy".into());
    assert_eq!(made, page("`hostile` and `greedy`"));
}

#[test]
fn every_tool_of_hostile_is_on_the_page() {
    let world = World::with(&["hostile"]);
    let entry = world.entry("hostile.wasm");
    let tools = entry["tools"].as_array().unwrap().iter().map(|tool| format!("hostile.{}", tool.as_str().unwrap()));
    let mut tools: Names = tools.collect();
    tools.insert("greedy".into());
    assert_eq!(tools, page("`hostile` and `greedy`"));
}

#[test]
fn every_odd_and_honest_skill_of_the_page_is_called() {
    let rows = [honest::healthy(), honest::refusing(), honest::schemas(), honest::plain(), honest::other_languages()];
    let mut called = targets(&[rows.concat(), honest::fetching(), nesting::rings()].concat());
    called.extend(names(AGENTS.iter().chain(SERVICES).copied()));
    // On the page they are one row, or there is no such tool, which is what is tested.
    called.remove("healthy.nothing-like-it");
    let called: Names = called
        .into_iter()
        .map(|target| match target.split_once('.') {
            Some((skill, _)) if skill.starts_with("plain-") => skill.to_owned(),
            _ => target,
        })
        .chain(names(["plain-resource"]))
        .collect();
    assert_eq!(called, page("Odd and honest"));
}

#[test]
fn every_attack_on_what_a_skill_may_reach_is_made_and_every_component_of_others_runs() {
    let of = |skill: &str, tools: &[&str]| tools.iter().map(|tool| format!("{skill}.{tool}")).collect::<Vec<_>>();
    let files = [&directories::CHANGING[..], &directories::OUTWARD, &directories::OTHER].concat();
    let made = [of("fs-attacker", &files), of("leaker", &secrets::TOOLS)].concat();
    let made = made.into_iter().chain(foreign::COMPONENTS.map(str::to_owned));
    assert_eq!(made.collect::<Names>(), page("Authority"));
}

#[test]
fn every_lie_of_the_page_is_told() {
    let listed = describing::REFUSED.iter().chain(describing::LINGERING).map(|(name, _)| *name);
    let schemas = describing::TRAPS_IN_SCHEMAS.iter().map(|(name, _)| *name);
    let told = listed.chain(schemas).chain(describing::ABSORBED.iter().copied()).chain([describing::IMPOSTOR]);
    assert_eq!(names(told), page("Describing"));
}

#[test]
fn every_text_of_the_page_is_assembled_and_every_file_is_on_it() {
    let assembled: Names = text::FILES.iter().map(|(name, _)| format!("wat/{name}.wat")).collect();
    assert_eq!(assembled, page("Text"));
    let folder = std::fs::read_dir(guests_folder().join("wat")).unwrap();
    let files: Names = folder.map(|file| format!("wat/{}", file.unwrap().file_name().to_string_lossy())).collect();
    assert_eq!(assembled, files);
}

#[test]
fn every_built_guest_is_on_the_page() {
    let folder = std::fs::read_dir(guests_folder().join("dist")).unwrap();
    let built = folder.map(|file| file.unwrap().file_name().to_string_lossy().trim_end_matches(".wasm").to_owned());
    let sections = ["`hostile` and `greedy`", "Odd and honest", "Authority", "Describing"].map(page);
    let skill = |target: &String| target.split('.').next().unwrap_or_default().to_owned();
    let on_the_page: Names = sections.iter().flatten().map(skill).collect();
    assert_eq!(built.collect::<Names>(), on_the_page);
}
