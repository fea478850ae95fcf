//! What is done to files that are there already: written over in place, written again, moved about, many at once.

use std::fs::{self, OpenOptions};
use std::io::Write as _;

use rustix::process::Signal;
use skillhost_tests::{PATIENCE, World, eventually, generation, guest};

fn healthy(generation_: &str) -> Vec<u8> {
    generation(fs::read(guest("healthy")).unwrap(), "GENERATION", generation_)
}

#[track_caller]
fn answers(world: &World) -> String {
    world.call("healthy.generation", &[]).data()["generation"].as_str().unwrap().to_owned()
}

#[test]
fn while_a_file_is_written_over_in_place_the_old_generation_serves() {
    let world = World::with(&["healthy"]);
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    let mark = up.mark();
    let bytes = healthy("1");
    let path = world.skills().join("healthy.wasm");
    let mut file = OpenOptions::new().write(true).truncate(true).open(path).unwrap();
    assert_eq!(answers(&world), "0", "nothing is there but an empty file");
    let mut pieces = bytes.chunks(bytes.len() / 5).peekable();
    while let Some(piece) = pieces.next() {
        file.write_all(piece).unwrap();
        if pieces.peek().is_some() {
            assert_eq!(answers(&world), "0", "half a file is there");
            let early = up.notices().into_iter().skip(mark).find(|notice| notice["what"] != "refused");
            assert!(early.is_none(), "before the file was whole: {early:?}");
        }
    }
    drop(file);
    up.wait_after(mark, "replaced", "healthy.wasm");
    assert_eq!(answers(&world), "1");
}

#[test]
fn the_same_bytes_written_again_change_nothing() {
    let world = World::with(&["healthy"]).allowing_all();
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    let before = world.entry("healthy.wasm");
    let mark = up.mark();
    world.add("healthy");
    fs::write(world.skills().join("healthy.wasm"), healthy("0")).unwrap();
    // Whatever came of it came before the next file.
    world.add("recorder");
    up.wait_after(mark, "absorbed", "recorder.wasm");
    assert_eq!(world.entry("healthy.wasm"), before);
    let about: Vec<_> = up.notices().into_iter().skip(mark).filter(|notice| notice["file"] == "healthy.wasm").collect();
    assert!(about.iter().all(|notice| notice["what"] == "refused"), "at most that it was half: {about:?}");
    assert_eq!(world.run(&["events", "--json", "--kind", "skill.replaced"]).stdout, "");
}

#[test]
fn a_file_that_loses_its_suffix_leaves_and_comes_back_with_it() {
    let world = World::with(&["healthy"]);
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    let (path, aside) = (world.skills().join("healthy.wasm"), world.skills().join("healthy.wasm.off"));
    fs::rename(&path, &aside).unwrap();
    up.wait_for("removed", "healthy.wasm");
    assert_eq!(world.call("healthy.echo", &[]).code, Some(3));
    let mark = up.mark();
    fs::rename(&aside, &path).unwrap();
    up.wait_after(mark, "absorbed", "healthy.wasm");
    assert_eq!(answers(&world), "0");
}

#[test]
fn what_changes_while_no_host_runs_is_seen_by_the_next() {
    let world = World::with(&["healthy", "recorder"]).allowing_all();
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    up.wait_for("absorbed", "recorder.wasm");
    assert_eq!(up.stop().code, Some(0));
    world.put("healthy.wasm", &healthy("1"));
    fs::remove_file(world.skills().join("recorder.wasm")).unwrap();
    let mut up = world.up();
    eventually("the new file serves", PATIENCE, || {
        up.notices().iter().any(|notice| notice["file"] == "healthy.wasm" && notice["what"] != "refused")
    });
    assert_eq!(answers(&world), "1");
    assert_eq!(world.call("recorder.echo", &[]).code, Some(3), "it is gone");
    assert_eq!(world.list().len(), 1);
    let logged = world.run(&["events", "--json"]).lines();
    let of = |kind: &str, skill: &str| {
        logged.iter().filter(|event| event["kind"] == kind && event["data"]["skill"] == skill).count()
    };
    assert_eq!((of("skill.replaced", "healthy"), of("skill.removed", "recorder")), (1, 1), "{logged:?}");
}

#[test]
fn many_files_at_once_are_all_absorbed() {
    let world = World::new().allowing_all();
    let mut up = world.up();
    let bytes = fs::read(guest("healthy")).unwrap();
    let names: Vec<String> = (0..12).map(|number| format!("one-of-many-{number}")).collect();
    for name in &names {
        fs::write(world.skills().join(format!("{name}.wasm")), generation(bytes.clone(), "NAME", name)).unwrap();
    }
    for name in &names {
        up.wait_for("absorbed", &format!("{name}.wasm"));
    }
    let list = world.list();
    assert_eq!(list.len(), names.len());
    assert!(list.iter().all(|entry| entry["state"] == "active"), "{list:?}");
}

#[test]
fn a_drop_folder_that_is_made_anew_is_watched_again() {
    let world = World::with(&["healthy"]);
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    fs::remove_dir_all(world.skills()).unwrap();
    up.wait_for("removed", "healthy.wasm");
    fs::create_dir(world.skills()).unwrap();
    let mark = up.mark();
    world.put("healthy.wasm", &healthy("1"));
    up.wait_after(mark, "absorbed", "healthy.wasm");
    assert_eq!(answers(&world), "1");
    assert!(up.is_alive());
}

#[test]
fn a_host_that_is_interrupted_ends_well_and_starts_as_it_was() {
    let world = World::with(&["healthy"]);
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    let before = world.entry("healthy.wasm");
    assert_eq!(up.stop().code, Some(0), "SIGTERM");
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    up.kill();
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    assert_eq!(world.entry("healthy.wasm"), before);
    assert_eq!(up.stop().code, Some(0));
}

#[test]
fn an_interrupt_that_comes_twice_at_once_is_one() {
    for _ in 0..20 {
        let world = World::with(&["healthy"]);
        let mut up = world.up();
        up.wait_for("absorbed", "healthy.wasm");
        // As `timeout` and some shells send it: to the process, and to its group.
        up.signal(Signal::INT);
        up.signal(Signal::INT);
        assert_eq!(up.stop().code, Some(0));
    }
}
