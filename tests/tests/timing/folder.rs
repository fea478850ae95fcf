//! Files that come into the drop folder, change in it and leave it, while `up` watches.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use skillhost_tests::{PATIENCE, Up, World, eventually, generation, guest, wat};

use crate::{NOTICED, alone};

/// How often a time is measured before it counts: the machine may be busy with something else, three times in a row it is not.
const TRIES: usize = 3;

fn healthy() -> Vec<u8> {
    fs::read(guest("healthy")).unwrap()
}

/// `healthy` under the name of `file`.
fn named(file: &str) -> Vec<u8> {
    generation(healthy(), "NAME", file.trim_end_matches(".wasm"))
}

/// Does `act`, waits for the notice and gives how long that took from the end of `act`.
#[track_caller]
fn noticed(up: &mut Up, what: &str, file: &str, act: impl FnOnce()) -> Duration {
    let mark = up.mark();
    act();
    let whole = Instant::now();
    up.wait_after(mark, what, file);
    whole.elapsed()
}

/// Brings `TRIES` files into the folder by `bring` (path, bytes); each must be callable within a second.
#[track_caller]
fn comes_in(way: &str, bring: impl Fn(&World, &Path, &[u8])) {
    let world = World::new().allowing_all();
    let mut up = world.up();
    let mut took = Vec::new();
    for number in 0..TRIES {
        let file = format!("by-{way}-{number}.wasm");
        let (path, bytes) = (world.skills().join(&file), named(&file));
        took.push(noticed(&mut up, "absorbed", &file, || bring(&world, &path, &bytes)));
        let answer = world.call(&format!("by-{way}-{number}.echo"), &["a=1"]).data();
        assert_eq!(answer["a"], "1");
        let said: Vec<Value> = up.notices().into_iter().filter(|notice| notice["file"] == file.as_str()).collect();
        let absorbed = said.iter().filter(|notice| notice["what"] == "absorbed").count();
        assert_eq!(absorbed, 1, "absorbed once, when it was whole: {said:?}");
    }
    assert!(took.iter().all(|took| *took < NOTICED), "not within {NOTICED:?}: {took:?}");
}

/// Writes in pieces, as over a slow line.
fn slowly(path: &Path, bytes: &[u8]) {
    let mut file = File::create(path).unwrap();
    for piece in bytes.chunks(bytes.len() / 6) {
        file.write_all(piece).unwrap();
        file.flush().unwrap();
        // Slowness is what is tested, and has no condition to wait for.
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_file_written_in_pieces_is_absorbed_once_and_within_a_second_of_its_last_byte() {
    let _alone = alone();
    comes_in("pieces", |_, path, bytes| slowly(path, bytes));
}

#[test]
fn a_file_moved_into_the_folder_is_absorbed_within_a_second() {
    let _alone = alone();
    comes_in("move", |world, path, bytes| {
        let aside = world.aside("aside", bytes);
        fs::rename(aside, path).unwrap();
    });
}

#[test]
fn a_file_that_gets_its_suffix_in_the_folder_is_absorbed_within_a_second() {
    let _alone = alone();
    comes_in("suffix", |_, path, bytes| {
        let part = path.with_extension("wasm.part");
        fs::write(&part, bytes).unwrap();
        fs::rename(part, path).unwrap();
    });
}

#[test]
fn a_file_written_as_rsync_does_is_absorbed_within_a_second() {
    let _alone = alone();
    comes_in("rsync", |_, path, bytes| {
        let hidden = path.with_file_name(format!(".{}.AbC123", path.file_name().unwrap().display()));
        slowly(&hidden, bytes);
        fs::rename(hidden, path).unwrap();
    });
}

#[test]
fn a_skill_goes_on_when_its_file_gets_another_name() {
    let _alone = alone();
    let world = World::with(&["healthy"]);
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    fs::rename(world.skills().join("healthy.wasm"), world.skills().join("renamed.wasm")).unwrap();
    // Whichever notices it gives on the way, the log ends with the skill being there, under its new file.
    eventually("the new file is the skill's", PATIENCE, || {
        up.notices().iter().any(|notice| notice["file"] == "renamed.wasm" && notice["what"] != "refused")
    });
    let entries = world.list();
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["name"], "healthy");
    assert_eq!(entries[0]["file"], "renamed.wasm");
    assert_eq!(entries[0]["state"], "active");
    assert_eq!(world.call("healthy.generation", &[]).data()["generation"], "0");
}

#[test]
fn what_is_no_skill_is_refused_with_its_reason_and_nothing_else_changes() {
    let _alone = alone();
    let world = World::with(&["healthy"]);
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    let before = world.entry("healthy.wasm");

    let bytes = healthy();
    let noise: Vec<u8> = (0_u32..100_000).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let cases: [(&str, &[u8], &str); 7] = [
        ("half.wasm", &bytes[..bytes.len() / 2], "truncated"),
        ("nearly.wasm", &bytes[..bytes.len() - 1], "truncated"),
        ("empty.wasm", b"", "empty"),
        ("noise.wasm", &noise, ""),
        ("text.wasm", b"not a component\n", ""),
        ("core.wasm", &wat("core-module"), "core "),
        ("foreign.wasm", &wat("unknown-import"), "evil:world/thing"),
    ];
    for (file, bytes, word) in cases {
        let mark = up.mark();
        world.put(file, bytes);
        let notice = up.wait_after(mark, "refused", file);
        let entry = world.entry(file);
        assert_eq!(entry["state"], "refused", "{entry}");
        let reason = entry["reason"].as_str().unwrap_or_default();
        assert!(!reason.is_empty() && reason.contains(word), "{file}: the reason says `{word}`: {entry}");
        assert_eq!(notice["reason"], entry["reason"], "the notice and the list say the same");
        assert_eq!(entry["tools"].as_array().map(Vec::len), Some(0), "{entry}");
        assert_eq!(world.entry("healthy.wasm"), before, "after {file}");
        let target = file.replace(".wasm", ".run");
        assert_eq!(world.call(&target, &[]).code, Some(3), "a refused file is not found: {file}");
    }
    assert_eq!(world.call("healthy.generation", &[]).data()["generation"], "0");
    assert!(up.is_alive());
    let about: Vec<_> = up.notices().into_iter().filter(|notice| notice["file"] == "healthy.wasm").collect();
    assert_eq!(about.len(), 1, "nothing happened to the neighbour: {about:?}");
}

#[test]
fn a_broken_replacement_leaves_the_serving_generation_in_place_also_after_a_restart() {
    let _alone = alone();
    let world = World::with(&["healthy"]);
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    let digest = world.entry("healthy.wasm")["digest"].clone();
    let newer = generation(healthy(), "GENERATION", "1");

    let mark = up.mark();
    world.put("healthy.wasm", &newer[..newer.len() - 100]);
    up.wait_after(mark, "refused", "healthy.wasm");
    for round in ["while it runs", "after a restart"] {
        let entry = world.entry("healthy.wasm");
        assert_eq!(entry["serving"], digest, "{round}: {entry}");
        assert_eq!(entry["state"], "refused", "{round}: {entry}");
        assert!(entry["reason"].is_string(), "{round}: {entry}");
        let ran = world.call("healthy.generation", &[]);
        assert_eq!(ran.data()["generation"], "0", "{round}");
        assert_eq!(ran.json()["digest"], digest, "{round}");
        if round == "while it runs" {
            assert_eq!(up.stop().code, Some(0));
            up = world.up();
        }
    }
    let mark = up.mark();
    world.put("healthy.wasm", &newer);
    up.wait_after(mark, "replaced", "healthy.wasm");
    assert_eq!(world.call("healthy.generation", &[]).data()["generation"], "1");
    let entry = world.entry("healthy.wasm");
    assert_ne!(entry["digest"], digest);
    assert_eq!(entry["state"], "active");
    assert!(entry["reason"].is_null(), "{entry}");
}

#[test]
fn replacing_and_deleting_are_noticed_within_a_second() {
    let _alone = alone();
    let world = World::with(&["healthy"]).allowing_all();
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    let (mut replaced, mut removed) = (Vec::new(), Vec::new());
    for number in 1..=TRIES {
        let bytes = generation(healthy(), "GENERATION", &number.to_string());
        replaced.push(noticed(&mut up, "replaced", "healthy.wasm", || drop(world.put("healthy.wasm", &bytes))));
        assert_eq!(world.call("healthy.generation", &[]).data()["generation"], number.to_string());

        let file = format!("other-{number}.wasm");
        let path = world.put(&file, &named(&file));
        up.wait_for("absorbed", &file);
        removed.push(noticed(&mut up, "removed", &file, || fs::remove_file(path).unwrap()));
        assert_eq!(world.call(&format!("other-{number}.echo"), &[]).code, Some(3));
        assert!(world.list().iter().all(|entry| entry["file"] != file.as_str()));
    }
    assert!(replaced.iter().all(|took| *took < NOTICED), "replaced: not within {NOTICED:?}: {replaced:?}");
    assert!(removed.iter().all(|took| *took < NOTICED), "removed: not within {NOTICED:?}: {removed:?}");
}

#[test]
fn calls_go_on_while_generations_replace_each_other() {
    let _alone = alone();
    let world = World::with(&["healthy"]);
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    let mut newest = 0;
    for number in 1..=12_u64 {
        world.put("healthy.wasm", &generation(healthy(), "GENERATION", &number.to_string()));
        let answer = world.call("healthy.generation", &[]).data();
        let answered: u64 = answer["generation"].as_str().unwrap().parse().unwrap();
        assert!((newest..=number).contains(&answered), "{answered} after {newest}, when {number} was there");
        newest = answered;
    }
    eventually("the last generation serves", PATIENCE, || {
        world.call("healthy.generation", &[]).data()["generation"] == "12"
    });
}

#[test]
fn a_large_skill_that_is_being_absorbed_does_not_hold_up_a_small_one() {
    let _alone = alone();
    let world = World::new();
    let mut up = world.up();
    let large = skillhost_tests::guests_folder().join("../../skills/dist/jq.wasm");
    world.put("jq.wasm", &fs::read(large).unwrap());
    world.put("healthy.wasm", &healthy());
    up.wait_for("absorbed", "jq.wasm");
    up.wait_for("absorbed", "healthy.wasm");
    let notices = up.notices();
    let place = |file: &str| notices.iter().position(|notice| notice["file"] == file).unwrap();
    assert!(place("healthy.wasm") < place("jq.wasm"), "{notices:?}");
    assert_eq!(world.call("jq.query", &["filter=.a", "input:={\"a\":[1]}"]).data()["results"][0][0], 1);
}
