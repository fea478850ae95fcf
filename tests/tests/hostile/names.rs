//! Two files that say that they are one skill. The first that served stays.

use serde_json::json;
use skillhost_tests::{World, generation, guest, wat};

use crate::kit::{healthy, refused_for};

fn other_generation() -> Vec<u8> {
    generation(std::fs::read(guest("healthy")).unwrap(), "GENERATION", "second")
}

#[test]
fn a_second_file_of_a_skill_is_refused_and_the_first_goes_on_serving() {
    let world = World::with(&["healthy"]);
    healthy(&world).unwrap();
    // Ahead of the first by its name, behind it by its time.
    world.put("a-second.wasm", &other_generation());
    world.put("z-second.wasm", &other_generation());
    let entries = world.list();
    for file in ["a-second.wasm", "z-second.wasm"] {
        refused_for(&entries, file, &["healthy.wasm"]).unwrap();
    }
    assert_eq!(world.call("healthy.generation", &[]).data()["generation"], "0");
}

#[test]
fn which_of_two_new_files_of_a_skill_serves_does_not_change_from_start_to_start() {
    let mut served = Vec::new();
    // A race is lost now and then: more rounds than one would need to see it once.
    for _ in 0..12 {
        let world = World::with(&["healthy"]);
        // Smaller by far, so that it is compiled sooner where both are compiled at once.
        world.add("liar-other-name");
        let entries = world.list();
        let active = entries.iter().find(|entry| entry["state"] == "active").expect("one of them serves");
        served.push(active["file"].clone());
    }
    assert!(served.windows(2).all(|pair| pair[0] == pair[1]), "the same folder, and each time another: {served:?}");
}

#[test]
fn the_second_file_of_a_skill_serves_once_the_first_is_gone() {
    let world = World::with(&["healthy"]);
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    world.put("second.wasm", &other_generation());
    up.wait_for("refused", "second.wasm");
    std::fs::remove_file(world.skills().join("healthy.wasm")).unwrap();
    up.wait_for("removed", "healthy.wasm");
    up.wait_for("absorbed", "second.wasm");
    assert_eq!(up.stop().code, Some(0));
    assert_eq!(world.call("healthy.generation", &[]).data()["generation"], "second");
}

#[test]
fn a_name_that_differs_in_case_alone_is_no_other_skill() {
    let world = World::with(&["healthy"]);
    world.add_wat("many-parts");
    assert_eq!(world.entry("many-parts.wasm")["state"], "active");
    // A plain component is named by its file: both come to `many-parts`.
    world.put("Many-Parts.wasm", &wat("post-return-trap"));
    world.put("Healthy.wasm", &other_generation());
    let entries = world.list();
    refused_for(&entries, "Many-Parts.wasm", &["many-parts.wasm"]).unwrap();
    refused_for(&entries, "Healthy.wasm", &["healthy.wasm"]).unwrap();
    assert_eq!(world.call("many-parts.run", &[]).data(), json!(10));
    assert_eq!(world.call("healthy.generation", &[]).data()["generation"], "0");
}

#[test]
fn a_plain_file_cannot_take_the_name_of_a_native_skill() {
    let world = World::with(&["hostile"]).allowing_all();
    let bytes = generation(std::fs::read(guest("healthy")).unwrap(), "NAME", "post-return-trap");
    world.put("native.wasm", &bytes);
    assert_eq!(world.entry("native.wasm")["state"], "active");
    world.add_wat("post-return-trap");
    refused_for(&world.list(), "post-return-trap.wasm", &["native.wasm"]).unwrap();
    assert_eq!(world.call("post-return-trap.generation", &[]).data()["generation"], "0");
}
