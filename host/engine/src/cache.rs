//! Compiled components on disk, authenticated.
//!
//! Contract: an entry is loaded only if this host wrote it: machine code and the facts beside it are bound
//! to the component's digest and to the engine by a keyed BLAKE3 hash under a key that lies in the same
//! folder (0700, the key 0600). Whoever can read the key could as well change the host itself. An entry
//! that fails is as good as absent. Price: hashing the machine code at memory bandwidth.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use skillhost_types::Digest;
use wasmtime::component::Component;

use crate::config::Engine;

/// Length of the key and of a keyed hash, in bytes: BLAKE3's.
const KEY: usize = 32;
/// Most that the facts of an entry may take, in bytes: a manifest with its schemas.
const LARGEST_FACTS: u64 = 4 << 20;

/// What the folder may hold, in bytes, when a host starts: hundreds of skills, some of them interpreters. What was not used
/// for longest goes first; it is compiled again when it comes back.
const LARGEST: u64 = 2 << 30;

/// The folder of compiled components.
pub struct Cache {
    folder: PathBuf,
    key: [u8; KEY],
    engine: Engine,
    compatibility: u64,
}

/// An entry: a compiled component and what was learnt when it was absorbed.
pub struct Sealed {
    /// The component, its machine code mapped from the file.
    pub component: Component,
    /// What the caller stored beside it.
    pub facts: Vec<u8>,
}

/// Why machine code that was just made does not load.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be written.
    #[error("the data directory cannot be written: {0}")]
    Write(io::Error),
    /// The instance pool has no slot that is large enough, in wasmtime's words.
    #[error("one run would need more than this host gives: {0}; use smaller tables and memories, or fewer instances")]
    Engine(String),
}

impl Cache {
    /// Opens the cache in `folder`, which it makes if it must.
    pub fn open(folder: &Path, engine: &Engine) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        if !is_private(folder)? {
            tracing::warn!(folder = %folder.display(), "others could have written to the compile cache; beginning a new one");
            fs::remove_dir_all(folder)?;
            fs::DirBuilder::new().mode(0o700).create(folder)?;
        }
        trim(folder, LARGEST)?;
        Ok(Self {
            folder: folder.to_owned(),
            key: key(&folder.join("key"))?,
            engine: engine.clone(),
            compatibility: engine.compatibility(),
        })
    }

    /// The entry of `digest`, if there is one and it is authentic.
    pub fn load(&self, digest: &Digest) -> Option<Sealed> {
        let (code, seal) = self.paths(digest);
        let mut sealed = Vec::new();
        let file = File::open(&seal).ok()?;
        // So that it is known what was not used for longest; an entry that cannot be marked is used all the same.
        let _ = file.set_modified(SystemTime::now());
        file.take(LARGEST_FACTS).read_to_end(&mut sealed).ok()?;
        let (seal, facts) = sealed.split_first_chunk::<KEY>()?;
        let mut hasher = self.hasher(digest, facts);
        hasher.update_mmap_rayon(&code).ok()?;
        // Constant-time comparison is `blake3::Hash`'s own.
        if hasher.finalize() != blake3::Hash::from_bytes(*seal) {
            tracing::warn!(%digest, "the compiled form in the cache is not what was stored; compiling again");
            return None;
        }
        let component = deserialize(&self.engine, &code)
            .inspect_err(|error| tracing::warn!(%digest, %error, "the compiled form does not load; compiling again"))
            .ok()?;
        Some(Sealed { component, facts: facts.to_vec() })
    }

    /// Stores machine code that this host's compiler gave, and loads it. The entry counts from [`Self::seal`] on.
    pub fn store(&self, digest: &Digest, code: &[u8]) -> Result<Component, LoadError> {
        let (code_path, _) = self.paths(digest);
        self.write(&code_path, &[code]).map_err(LoadError::Write)?;
        deserialize(&self.engine, &code_path).map_err(|error| LoadError::Engine(format!("{error:#}")))
    }

    /// Makes an entry of what was just stored and what was learnt of it.
    pub fn seal(&self, digest: &Digest, code: &[u8], facts: &[u8]) -> io::Result<()> {
        let (_, seal_path) = self.paths(digest);
        let seal = self.hasher(digest, facts).update(code).finalize();
        self.write(&seal_path, &[seal.as_bytes(), facts])
    }

    /// A hash keyed to this cache that already holds everything but the machine code.
    fn hasher(&self, digest: &Digest, facts: &[u8]) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher
            .update(digest.as_bytes())
            .update(&self.compatibility.to_le_bytes())
            .update(&(facts.len() as u64).to_le_bytes())
            .update(facts);
        hasher
    }

    fn paths(&self, digest: &Digest) -> (PathBuf, PathBuf) {
        let stem = format!("{}-{:016x}", digest.hex(), self.compatibility);
        (self.folder.join(format!("{stem}.cwasm")), self.folder.join(format!("{stem}.seal")))
    }

    /// Writes to a name of its own and renames, so that no reader meets half a file.
    fn write(&self, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        for part in parts {
            file.write_all(part)?;
        }
        match file.persist(path) {
            Ok(_) => Ok(()),
            // Nothing but files of this cache belongs here; what a stranger put in their way goes.
            Err(error) if path.is_dir() => {
                fs::remove_dir_all(path)?;
                error.file.persist(path).map(drop).map_err(|error| error.error)
            }
            Err(error) => Err(error.error),
        }
    }
}

/// Do folder and key belong to this user alone? What came with a copy, a checkout or an archive was not made here.
fn is_private(folder: &Path) -> io::Result<bool> {
    let own = rustix::process::geteuid().as_raw();
    let alone = |data: fs::Metadata| data.uid() == own && data.mode() & 0o077 == 0 && !data.is_symlink();
    let key = match fs::symlink_metadata(folder.join("key")) {
        Ok(data) => alone(data),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    Ok(key && alone(fs::symlink_metadata(folder)?))
}

/// Removes entries, least recently used first, until no more than `limit` bytes are left.
fn trim(folder: &Path, limit: u64) -> io::Result<()> {
    let mut entries = Vec::new();
    for file in fs::read_dir(folder)? {
        let code = file?.path();
        if code.extension().is_some_and(|extension| extension == "cwasm")
            && let Ok(data) = fs::metadata(&code)
        {
            let seal = code.with_extension("seal");
            // One without its seal was never finished.
            let used = fs::metadata(&seal).and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            entries.push((used, data.len(), code, seal));
        }
    }
    entries.sort_by_key(|(used, ..)| std::cmp::Reverse(*used));
    let mut total = 0_u64;
    for (_, size, code, seal) in entries {
        total = total.saturating_add(size);
        if total > limit {
            for path in [seal, code] {
                // Another host may be at it as well.
                let _ = fs::remove_file(path);
            }
        }
    }
    Ok(())
}

fn key(path: &Path) -> io::Result<[u8; KEY]> {
    let read = || -> io::Result<[u8; KEY]> {
        let mut key = [0; KEY];
        File::open(path)?.read_exact(&mut key)?;
        Ok(key)
    };
    if let Ok(key) = read() {
        return Ok(key);
    }
    let mut fresh = [0; KEY];
    getrandom::fill(&mut fresh).map_err(io::Error::other)?;
    // Two hosts may start at once: the one that links its file first gives the key to both.
    let draft = path.with_extension(format!("{}", std::process::id()));
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?.write_all(&fresh)?;
    match fs::hard_link(&draft, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => fs::remove_file(&draft)?,
    }
    read().or_else(|_| {
        // A key that cannot be read in full is of no use to anyone; all entries under it are recompiled.
        fs::remove_file(path)?;
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(&fresh)?;
        Ok(fresh)
    })
}

#[expect(unsafe_code, reason = "wasmtime can load machine code only by trusting it")]
fn deserialize(engine: &Engine, code: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file was written by `store` from the output of this host's own compiler, into a folder
    // that only this user can enter. Either that happened just now, or the caller checked the keyed hash
    // of the file's bytes. Somebody who can still change the file between the check and the mapping, or
    // under the mapping, runs as this user and can change the host itself.
    unsafe { Component::deserialize_file(engine.wasmtime(), code) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn setup() -> (tempfile::TempDir, Engine, Vec<u8>) {
        let engine = Engine::new(&Settings { concurrency: 2, largest_memory: 1 << 20 }).unwrap();
        let code = engine.wasmtime().precompile_component(&wat::parse_str("(component)").unwrap()).unwrap();
        (tempfile::tempdir().unwrap(), engine, code)
    }

    #[test]
    fn an_entry_comes_back_with_its_facts_also_for_the_next_host() {
        let (folder, engine, code) = setup();
        let digest = Digest::of(b"one");
        let cache = Cache::open(folder.path(), &engine).unwrap();
        cache.store(&digest, &code).unwrap();
        assert!(cache.load(&digest).is_none(), "it is not sealed yet");
        cache.seal(&digest, &code, b"facts").unwrap();
        let again = Cache::open(folder.path(), &engine).unwrap();
        assert_eq!(again.load(&digest).unwrap().facts, b"facts");
        assert!(again.load(&Digest::of(b"two")).is_none());
    }

    #[test]
    fn a_forged_moved_or_damaged_entry_is_not_loaded() {
        let (folder, engine, code) = setup();
        let cache = Cache::open(folder.path(), &engine).unwrap();
        let (mine, other) = (Digest::of(b"mine"), Digest::of(b"other"));
        let evil = engine
            .wasmtime()
            .precompile_component(&wat::parse_str("(component (core module (func)))").unwrap())
            .unwrap();
        assert_ne!(code, evil);
        let rewrite = |change: &dyn Fn()| {
            for (digest, code) in [(&mine, &code), (&other, &evil)] {
                cache.store(digest, code).unwrap();
                cache.seal(digest, code, b"facts").unwrap();
            }
            assert!(cache.load(&mine).is_some());
            change();
            assert!(cache.load(&mine).is_none());
        };
        let ((code_path, seal_path), (other_code, other_seal)) = (cache.paths(&mine), cache.paths(&other));
        rewrite(&|| fs::write(&code_path, &evil).unwrap());
        rewrite(&|| {
            fs::copy(&other_code, &code_path).unwrap();
            fs::copy(&other_seal, &seal_path).unwrap();
        });
        rewrite(&|| {
            let mut seal = fs::read(&seal_path).unwrap();
            *seal.last_mut().unwrap() ^= 1;
            fs::write(&seal_path, seal).unwrap();
        });
        rewrite(&|| fs::write(&seal_path, b"short").unwrap());
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let (folder, engine, code) = setup();
        let cache = Cache::open(folder.path(), &engine).unwrap();
        let digests = [b"old", b"mid", b"new"].map(|name| Digest::of(name));
        for (age, digest) in digests.iter().enumerate() {
            cache.store(digest, &code).unwrap();
            cache.seal(digest, &code, b"facts").unwrap();
            let used = SystemTime::now() - std::time::Duration::from_secs(1_000 - age as u64);
            File::open(cache.paths(digest).1).unwrap().set_modified(used).unwrap();
        }
        // Being loaded makes the oldest the latest.
        assert!(cache.load(&digests[0]).is_some());
        trim(folder.path(), 2 * code.len() as u64).unwrap();
        let left = digests.each_ref().map(|digest| cache.load(digest).is_some());
        assert_eq!(left, [true, false, true]);
    }

    #[test]
    fn a_cache_that_others_could_write_to_counts_for_nothing() {
        use std::os::unix::fs::PermissionsExt as _;
        let (folder, engine, code) = setup();
        let folder = folder.path().join("cache");
        let digest = Digest::of(b"one");
        let open_to_all = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for (name, mode) in [("", 0o755), ("key", 0o644)] {
            let cache = Cache::open(&folder, &engine).unwrap();
            cache.store(&digest, &code).unwrap();
            cache.seal(&digest, &code, b"facts").unwrap();
            assert!(Cache::open(&folder, &engine).unwrap().load(&digest).is_some());
            open_to_all(&folder.join(name), mode);
            assert!(Cache::open(&folder, &engine).unwrap().load(&digest).is_none(), "{name}");
        }
    }

    #[test]
    fn the_key_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let (folder, engine, _) = setup();
        let nested = folder.path().join("cache");
        Cache::open(&nested, &engine).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&nested), mode(&nested.join("key"))), (0o700, 0o600));
    }
}
