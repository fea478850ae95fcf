//! Skills that call each other without end.

use serde_json::Value;
use skillhost_tests::World;

use crate::kit::{ANSWERS, Row, hold, row};

/// The deepest that calls nest.
const DEEPEST: u64 = 8;

/// What each asks for. For the command line alone it would be the outermost's.
fn rings_granted() -> World {
    let world = World::with(&["healthy", "ring-a", "ring-b"]);
    world.configure("grants: { ring-a: [\"skills.call ring-b.*\"], ring-b: [\"skills.call ring-a.*\"] }\n");
    world
}

fn cut_off_by_depth(came: &Value) -> bool {
    let data = &came["output"]["data"];
    let depth = data["depth"].as_u64();
    data["err"]["kind"] == "limit" && depth > Some(0) && depth <= Some(DEEPEST)
}

pub(crate) fn rings() -> Vec<Row> {
    ["ring-a.round", "ring-b.round"].map(|round| row(round, "{}", &[ANSWERS]).so(cut_off_by_depth)).into()
}

#[test]
fn a_ring_of_skills_is_cut_off_by_its_depth() {
    hold(&rings_granted(), &rings());
}

#[test]
fn calls_from_skill_to_skill_share_one_budget() {
    let world = rings_granted();
    hold(&world, &[row("ring-a.round", "{}", &[ANSWERS])]);
    let events = world.run(&["events", "--json", "--kind", "tool.completed"]).lines();
    let of_the_ring = |event: &&Value| event["source"].as_str().is_some_and(|source| source.starts_with("ring-"));
    let mut spent: Vec<_> =
        events.iter().filter(of_the_ring).map(|event| event["data"]["usage"]["fuel"].as_u64()).collect();
    spent.sort_unstable();
    let (innermost, outermost) = (spent.first().unwrap().unwrap(), spent.last().unwrap().unwrap());
    assert!(outermost >= 4 * innermost, "who calls pays for what it called: {spent:?}");
    // Enough for one of them and far too little for all.
    let fuel = (outermost / 3).to_string();
    let ran = world.call("ring-a.round", &["--fuel", &fuel]);
    let came = ran.json();
    assert!(came["usage"]["fuel"].as_u64() <= Some(outermost / 3), "{ran}");
    assert!(came["error"]["kind"] == "fuel" || !cut_off_by_depth(&came), "{ran}");
}

#[test]
fn a_skill_that_calls_itself_is_cut_off_by_its_depth() {
    let world = World::with(&["healthy", "greedy"]);
    world.configure("grants: { greedy: [\"skills.call greedy.*\"] }\n");
    hold(&world, &[row("greedy.self-call", "{}", &[ANSWERS]).so(cut_off_by_depth)]);
}
