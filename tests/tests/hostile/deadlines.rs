//! How punctually a run ends when its fuel would last.
//!
//! Contract: nothing is tried twice. The host promises its deadline on a busy machine too; who is late there would be
//! late for the people who share it. The row's own check holds `usage.wall_us` and the process apart.

use skillhost_tests::World;

use crate::kit::{HOST_KIB, Row, hold, row};

/// Minutes of it.
const FUEL: &[&str] = &["--fuel", "1000000000000"];

fn endless(tool: &str, milliseconds: u64, may: &'static [&'static str]) -> Row {
    row(format!("hostile.{tool}"), "{}", may).within(milliseconds).with(FUEL)
}

#[test]
fn a_run_with_fuel_to_spare_ends_at_its_deadline() {
    const ONLY: &[&str] = &["deadline"];
    let world = World::with(&["healthy", "hostile"]);
    let mut rows = Vec::new();
    for milliseconds in [100, 500, 1_000] {
        for tool in ["spin", "fill-loop", "copy-loop", "sleep", "clock-loop", "random-loop", "log-loop", "print-loop"] {
            rows.push(endless(tool, milliseconds, ONLY));
        }
        rows.push(endless("sleep-loop", milliseconds, &["deadline", "host-calls"]));
        rows.push(endless("host-call-loop", milliseconds, &["deadline", "host-calls"]));
    }
    hold(&world, &rows);
}

#[test]
fn endless_bulk_work_of_tables_ends_at_its_deadline() {
    let world = World::with(&["healthy"]);
    world.add_wat("loops");
    world.add_wat("realloc-loop");
    world.add_wat("post-return-loop");
    let mut rows: Vec<Row> = ["empty", "table-copy", "table-fill", "tail-calls"]
        .map(|tool| row(format!("loops.{tool}"), "{}", &["deadline"]).within(500).with(FUEL))
        .into();
    rows.push(row("realloc-loop.run", r#"{"text":"a"}"#, &["deadline"]).within(500).with(FUEL));
    rows.push(row("post-return-loop.run", "{}", &["deadline", "answers"]).within(500).with(FUEL));
    hold(&world, &rows);
}

#[test]
fn a_run_without_fuel_to_spare_ends_by_its_fuel() {
    let world = World::with(&["healthy", "hostile"]);
    let few: &[&str] = &["--fuel", "1000000"];
    let rows = ["spin", "fill-loop", "copy-loop"].map(|tool| {
        row(format!("hostile.{tool}"), "{}", &["fuel"]).with(few).so(|came| {
            let used = came["usage"]["fuel"].as_u64().unwrap_or_default();
            (900_000..=1_100_000).contains(&used)
        })
    });
    hold(&world, &rows);
}

#[test]
fn the_memory_that_a_host_takes_is_seen_from_outside() {
    let world = World::with(&["hostile"]);
    world.list();
    // It holds 32 MiB for as long as it runs. Without this, the rows' check of the host's memory could be blind.
    let ran = world.call("hostile.fill-loop", &[FUEL, &["--timeout", "300ms"]].concat());
    assert!((32 << 10..HOST_KIB).contains(&ran.peak_kib), "{} KiB: {ran}", ran.peak_kib);
}
