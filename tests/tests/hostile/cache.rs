//! Forged entries of the compile cache, and forged bytes of generations: what the host wrote itself is not believed
//! either.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use skillhost_tests::{World, generation, guest};

use crate::kit::healthy;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn cache(world: &World) -> Vec<PathBuf> {
    let found = files(&world.data().join("cache"));
    assert!(!found.is_empty(), "the host keeps what it has compiled");
    found
}

/// The entries themselves, without the key by which the host knows them as its own.
fn entries(world: &World) -> Vec<PathBuf> {
    cache(world).into_iter().filter(|path| !is_key(path)).collect()
}

fn is_key(path: &Path) -> bool {
    path.extension().is_none()
}

/// Writes `forged` of every file's bytes over it; the host answers all the same, and no forged entry is left. A key is as
/// good as another: with it, the entries are no longer the host's own.
#[track_caller]
fn forge(world: &World, entries: &[PathBuf], forged: impl Fn(&[u8]) -> Vec<u8>) {
    let mut left = Vec::new();
    for path in entries {
        let bytes = forged(&fs::read(path).unwrap());
        fs::write(path, &bytes).unwrap();
        left.push((path, bytes));
    }
    healthy(world).unwrap();
    for (path, bytes) in left.into_iter().filter(|(path, _)| !is_key(path)) {
        assert!(fs::read(path).ok() != Some(bytes), "what was forged is still in {}", path.display());
    }
    healthy(world).unwrap();
}

#[test]
fn a_forged_entry_of_the_compile_cache_is_compiled_anew() {
    let world = World::with(&["healthy"]);
    healthy(&world).unwrap();
    let entries = cache(&world);
    for part in [0, 1, 2, 3, 4] {
        // A bit in the first byte, in the last, and in three between.
        forge(&world, &entries, |bytes| {
            let mut forged = bytes.to_vec();
            let at = (bytes.len() - 1) * part / 4;
            forged[at] ^= 0x01;
            forged
        });
    }
    forge(&world, &entries, |bytes| bytes[..bytes.len() / 2].to_vec());
    forge(&world, &entries, |_| Vec::new());
    forge(&world, &entries, |bytes| [bytes, b"more"].concat());
}

#[test]
fn each_file_of_an_entry_is_checked_by_itself() {
    let world = World::with(&["healthy"]);
    healthy(&world).unwrap();
    for path in cache(&world) {
        forge(&world, std::slice::from_ref(&path), |bytes| {
            let mut forged = bytes.to_vec();
            forged[bytes.len() / 2] ^= 0x80;
            forged
        });
    }
}

#[test]
fn the_compiled_code_of_one_skill_does_not_run_as_another() {
    let world = World::with(&["healthy"]);
    healthy(&world).unwrap();
    let own = entries(&world);
    let impostor = generation(fs::read(guest("healthy")).unwrap(), "GENERATION", "impostor");
    let other = World::new();
    other.put("healthy.wasm", &impostor);
    assert_eq!(other.call("healthy.generation", &[]).data()["generation"], "impostor");
    let theirs = entries(&other);
    assert_eq!(own.len(), theirs.len());
    // Every file of the entry at once, so that they fit each other; sealed by another host's key.
    for (path, forged) in own.iter().zip(&theirs) {
        assert_eq!(path.extension(), forged.extension());
        fs::copy(forged, path).unwrap();
    }
    assert_eq!(world.call("healthy.generation", &[]).data()["generation"], "0");
    // And the same with an entry of this very host, which its own key has sealed.
    world.put("healthy.wasm", &impostor);
    assert_eq!(world.call("healthy.generation", &[]).data()["generation"], "impostor");
    let new: Vec<_> = entries(&world).into_iter().filter(|path| !own.contains(path)).collect();
    world.add("healthy");
    for forged in &new {
        let same_kind = |path: &&PathBuf| path.extension() == forged.extension();
        fs::copy(forged, own.iter().find(same_kind).unwrap()).unwrap();
    }
    assert!(!new.is_empty());
    assert_eq!(world.call("healthy.generation", &[]).data()["generation"], "0");
}

#[test]
fn an_entry_that_is_a_link_or_a_folder_is_replaced_or_passed_by() {
    let world = World::with(&["healthy"]);
    healthy(&world).unwrap();
    for path in entries(&world) {
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
    }
    healthy(&world).unwrap();
    let target = world.aside("not-to-be-written", b"as it was");
    for entry in fs::read_dir(world.data().join("cache")).unwrap() {
        let path = entry.unwrap().path();
        if is_key(&path) {
            continue;
        }
        fs::remove_dir(&path).or_else(|_| fs::remove_file(&path)).unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
    }
    healthy(&world).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"as it was");
}

#[test]
fn what_the_host_keeps_is_for_its_owner_alone() {
    let world = World::with(&["healthy"]);
    healthy(&world).unwrap();
    let open = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o077 != 0;
    assert!(!open(&world.data()));
    assert!(!open(&world.data().join("cache")));
    let readable: Vec<_> = files(&world.data()).into_iter().filter(|path| open(path)).collect();
    assert!(readable.is_empty(), "others may read {readable:?}");
}

#[test]
fn forged_bytes_of_a_kept_generation_are_not_run() {
    let world = World::with(&["healthy"]);
    healthy(&world).unwrap();
    for path in files(&world.data().join("generations")) {
        let forged = generation(fs::read(guest("healthy")).unwrap(), "GENERATION", "forged");
        fs::write(path, forged).unwrap();
    }
    // The newer file is refused, so that only what was kept could serve.
    world.put("healthy.wasm", b"half of a file");
    let ran = world.call("healthy.generation", &[]);
    assert!(!ran.stdout.contains(r#""generation":"forged""#), "{ran}");
    assert_eq!(ran.kind(), "not-found", "{ran}");
}
