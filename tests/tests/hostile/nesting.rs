//! Skills that call each other without end.

use serde_json::Value;
use skillhost_tests::World;

use crate::kit::{ANSWERS, Row, hold, row};

/// The deepest that calls nest.
const DEEPEST: u64 = 8;

const BOTH: &[&str] = &["--grant", "skills.call ring-a.*", "--grant", "skills.call ring-b.*"];

fn cut_off_by_depth(came: &Value) -> bool {
    let data = &came["output"]["data"];
    let depth = data["depth"].as_u64();
    data["err"]["kind"] == "limit" && depth > Some(0) && depth <= Some(DEEPEST)
}

pub(crate) fn rings() -> Vec<Row> {
    ["ring-a.round", "ring-b.round"].map(|round| row(round, "{}", &[ANSWERS]).with(BOTH).so(cut_off_by_depth)).into()
}

#[test]
fn a_ring_of_skills_is_cut_off_by_its_depth() {
    hold(&World::with(&["healthy", "ring-a", "ring-b"]), &rings());
}

#[test]
fn calls_from_skill_to_skill_share_one_budget() {
    let world = World::with(&["healthy", "ring-a", "ring-b"]);
    // One round takes far more than this in all: whoever is at its turn when it runs out, no outer run is over it.
    let few: &[&str] = &["--fuel", "20000", "--grant", "skills.call ring-a.*", "--grant", "skills.call ring-b.*"];
    let within = |came: &Value| came["usage"]["fuel"].as_u64() <= Some(22_000);
    hold(&world, &[row("ring-a.round", "{}", &["fuel", ANSWERS]).with(few).so(within)]);
}

#[test]
fn a_skill_that_calls_itself_is_cut_off_by_its_depth() {
    const GRANTS: &[&str] = &["--grant", "skills.call hostile.*"];
    let world = World::with(&["healthy", "hostile"]);
    hold(&world, &[row("hostile.self-call", "{}", &[ANSWERS]).with(GRANTS).so(cut_off_by_depth)]);
}
