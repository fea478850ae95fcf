//! The drop folder's way in: noticed, absorbed, put in place, taken away.
//!
//! Contract: one entry takes its place at a time; what an entry replaces serves until then, and what is refused changes
//! nothing but the list. What changed while no host ran is found out as if it had changed now. Price: a read of the folder's
//! metadata per look, and a small transaction per change.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skillhost_engine::CompileError;
use skillhost_types::SkillName;
use tokio::task::JoinHandle;

use crate::absorb::{Refusal, Refused};
use crate::authority::{By, Held, Verdict, rejected};
use crate::folder::{self, Fingerprint};
use crate::generation::Generation;
use crate::host::{FolderState, HostError, Inner, Notice};
use crate::keep::{Kept, Remembered};
use crate::package::Package;
use crate::registry::{Change, Entry, FileState};

/// How long a file that keeps changing is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Inner {
    pub(crate) async fn absorb_folder(self: &Arc<Self>) -> Result<(), HostError> {
        let mut patience = Instant::now() + PATIENCE;
        loop {
            let (unsettled, tasks) = self.rescan().await?;
            if !tasks.is_empty() || !self.lock_folder().busy.is_empty() {
                patience = Instant::now() + PATIENCE;
            }
            for task in tasks {
                // A task that panicked has said so; the file is looked at again when it changes.
                drop(task.await);
            }
            if !unsettled {
                return Ok(());
            }
            if Instant::now() > patience {
                tracing::warn!("something in the skills folder keeps changing; going on without it");
                return Ok(());
            }
            tokio::time::sleep(folder::SETTLE).await;
        }
    }

    /// Looks at the drop folder. Says whether something in it is not whole or on its way, and gives the
    /// absorptions that it began.
    pub(crate) async fn rescan(self: &Arc<Self>) -> Result<(bool, Vec<JoinHandle<()>>), HostError> {
        let path = self.drop_folder().to_owned();
        let scanned = tokio::task::spawn_blocking(move || folder::scan(&path)).await;
        let found = match scanned {
            Ok(Ok(found)) => found,
            // A folder that is not there holds nothing.
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Default::default(),
            Ok(Err(error)) => return Err(HostError::Folder { path: self.drop_folder().to_owned(), error }),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        self.remove_missing(&found).await;
        let mut unsettled = false;
        let mut due = Vec::new();
        {
            let kept = self.keep.files().unwrap_or_default();
            let mut state = self.lock_folder();
            state.looks += 1;
            let looks = state.looks;
            for (file, fingerprint) in found {
                // What served before a restart was there before everything else.
                let arrival = if kept.contains(&file) { 0 } else { looks };
                state.arrivals.entry(file.clone()).or_insert(arrival);
                if state.busy.contains(&file) {
                    unsettled = true;
                    continue;
                }
                if state.seen.get(&file) == Some(&fingerprint) {
                    continue;
                }
                if !fingerprint.is_settled() {
                    unsettled = true;
                    continue;
                }
                due.push((file.clone(), fingerprint.size()));
                state.busy.insert(file.clone());
                state.seen.insert(file, fingerprint);
            }
        }
        let tasks = due
            .into_iter()
            .map(|(file, size)| {
                let this = self.clone();
                tokio::spawn(async move {
                    this.take(&file, size).await;
                    this.lock_folder().busy.remove(&file);
                })
            })
            .collect();
        Ok((unsettled, tasks))
    }

    /// Absorbs one entry of about `size` bytes and puts what came of it in place.
    async fn take(self: &Arc<Self>, file: &str, size: u64) {
        let _room = self.absorber.room_for(size).await;
        self.notify(&Notice::Reading { file: file.to_owned() });
        let absorbed = self.absorber.absorb(self.drop_folder(), file, &self.config(), &self.keep).await;
        let _one_at_a_time = self.commit.lock().await;
        match absorbed {
            Ok((generation, package)) => self.put(generation, package).await,
            // Nothing was found out: whoever looks next, now or at the next start, tries again.
            Err(Refused { why: Refusal::Compile(CompileError::Stopped), .. }) => self.look_again_at(file),
            Err(refused) => {
                self.restore(file).await;
                self.list_refused(refusal(file, refused)).await;
            }
        }
    }

    /// Of two files of one skill, which comes first? The one that was there first, by name those that came together.
    fn is_before(&self, one: &str, other: &str) -> bool {
        let state = self.lock_folder();
        let place = |file: &str| (state.arrivals.get(file).copied().unwrap_or_default(), file.to_owned());
        place(one) < place(other)
    }

    fn lock_folder(&self) -> MutexGuard<'_, FolderState> {
        self.folder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what was absorbed where it belongs: to serve, before a person, or aside.
    async fn put(self: &Arc<Self>, generation: Generation, package: Package) {
        let (skill, file) = (generation.name.to_string(), generation.file.clone());
        let registry = self.registry.load();
        let other = registry.provider(&skill).filter(|other| **other != *file).and_then(|other| registry.entry(other));
        if let Some(other) = other.cloned() {
            if !self.is_before(&file, &other.file) {
                self.withdraw(&file, "another file provides the skill");
                return self.refused_entry(&Arc::new(generation), taken(&skill, &other.file)).await;
            }
            // Quicker to absorb is not earlier.
            self.change(|registry| registry.remove(&other.file));
            self.forget(&other.file);
            self.withdraw(&other.file, "another file provides the skill");
            if let Some(other) = other.own() {
                self.refused_entry(other, taken(&skill, &file)).await;
            }
        }
        match self.judge(&generation, self.passing.of(&generation.name)) {
            Ok(Verdict::Serves(held)) => self.serve(generation, held, package).await,
            Ok(Verdict::Waits(new)) => self.wait(Arc::new(generation), &new).await,
            Ok(Verdict::Rejected(approval)) => self.set_aside(Arc::new(generation), &approval).await,
            Err(error) => {
                let reason = format!("the data directory cannot be read: {error}");
                self.refused_entry(&Arc::new(generation), reason).await;
            }
        }
    }

    async fn serve(self: &Arc<Self>, generation: Generation, held: Held, package: Package) {
        let Held { grants, by } = held;
        let waiting = Arc::new(generation);
        let generation = match self.absorber.grant(Generation::clone(&waiting), grants, &self.config()) {
            Ok(generation) => Arc::new(generation),
            Err(refusal) => {
                self.settle(&waiting, &by, Some(&refusal.to_string())).await;
                return self.refused_entry(&waiting, refusal.to_string()).await;
            }
        };
        let kept = Kept { skill: generation.name.to_string(), digest: generation.digest };
        let file = generation.file.clone();
        let before = match self.store(package, &file, kept, &by).await {
            Ok(before) => before,
            Err(error) => {
                let reason = format!("the data directory cannot be written: {error}");
                return self.refused_entry(&generation, reason).await;
            }
        };
        let change = self.change(|registry| registry.serve(generation.clone()));
        self.agents.follow(self);
        self.settle(&generation, &by, None).await;
        let (skill, version) = (generation.name.to_string(), generation.version.clone());
        let replaced = match (change, before) {
            (Change::Same | Change::Taken, _) => return,
            (Change::Replaced(before), Remembered::Now(_)) => {
                self.look_again_for(before.name.as_str());
                Some(before.digest)
            }
            // Another process saw it first and told so.
            (Change::Replaced(before), Remembered::Before) => {
                self.look_again_for(before.name.as_str());
                return self.notify(&Notice::Replaced { skill, version, file });
            }
            // What changed while no host ran changes now; what did not was told then.
            (Change::Absorbed, Remembered::Now(before)) => {
                before.filter(|before| before.skill == skill).map(|before| before.digest)
            }
            (Change::Absorbed, Remembered::Before) => {
                return self.notify(&Notice::Absorbed { skill, version, file, tools: generation.tools.len() });
            }
        };
        let mut data = about(&generation);
        match (replaced, &mut data) {
            (Some(before), Value::Object(fields)) => {
                fields.insert("replaced".into(), json!(before));
                self.event("skill.replaced", data).await;
                self.notify(&Notice::Replaced { skill, version, file });
            }
            _ => {
                self.event("skill.absorbed", data).await;
                self.notify(&Notice::Absorbed { skill, version, file, tools: generation.tools.len() });
            }
        }
    }

    /// Puts on disk that `file` serves `kept`.
    async fn store(&self, package: Package, file: &str, kept: Kept, by: &By) -> Result<Remembered, Failure> {
        let (keep, file) = (self.keep.clone(), file.to_owned());
        let passing = matches!(by, By::Process);
        tokio::task::spawn_blocking(move || {
            if passing {
                // What this process alone may do is nothing for the next one to go on with.
                keep.store(&package)?;
                return Ok(Remembered::Before);
            }
            if keep.holds(&file, &kept)? {
                return Ok(Remembered::Before);
            }
            keep.store(&package)?;
            Ok(keep.remember(&file, &kept)?)
        })
        .await?
    }

    /// Files that were refused because another provided the skill get another chance.
    fn look_again_for(&self, skill: &str) {
        let registry = self.registry.load();
        let mut state = self.lock_folder();
        for entry in registry.entries().filter(|entry| entry.state == FileState::Refused && entry.name == skill) {
            state.seen.remove(&entry.file);
        }
    }

    /// The file is taken in again as if it had changed.
    pub(crate) fn look_again_at(&self, file: &str) {
        self.lock_folder().seen.remove(file);
    }

    /// All files are taken in again as if they had changed.
    pub(crate) fn look_again_at_all(&self) {
        self.lock_folder().seen.clear();
    }

    fn forget(&self, file: &str) -> Option<Kept> {
        self.keep.forget(file).unwrap_or_else(|error| {
            tracing::warn!(file, %error, "the data directory still remembers a file that no longer serves");
            None
        })
    }

    async fn refused_entry(&self, generation: &Arc<Generation>, reason: String) {
        self.list_refused(Entry::not(FileState::Refused, generation, reason)).await;
    }

    /// Lists a file as refused. What served under it goes on serving.
    async fn list_refused(&self, entry: Entry) {
        let (file, digest) = (entry.file.clone(), entry.digest);
        let reason = entry.reason.clone().unwrap_or_default();
        self.change(|registry| registry.list(entry));
        // A data directory that cannot say whether it is news does not keep it back.
        if self.keep.refuse(&file, digest, &reason).unwrap_or(true) {
            self.event("skill.refused", json!({"file": file, "digest": digest, "reason": reason})).await;
        }
        self.notify(&Notice::Refused { file, reason });
    }

    /// After a restart: lets the generation that `file` served before serve again, from the kept bytes.
    pub(crate) async fn restore(self: &Arc<Self>, file: &str) {
        if self.registry.load().entry(file).is_some() {
            return;
        }
        let Ok(Some(kept)) = self.keep.kept(file) else { return };
        if self.registry.load().skill(&kept.skill).is_some() {
            return;
        }
        let bytes = self.keep.path(&kept.digest);
        let package = tokio::task::spawn_blocking(move || crate::package::read_kept(&bytes)).await;
        let restored = match package {
            Ok(Ok(package)) if package.digest == kept.digest => self.as_it_was(package, file).await,
            Ok(Ok(_)) => Err("its kept bytes were changed".into()),
            Ok(Err(error)) => Err(error.into()),
            Err(error) => Err(error.into()),
        };
        match restored {
            Ok(generation) => {
                self.change(|registry| registry.serve(Arc::new(generation)));
                self.agents.follow(self);
            }
            Err(error) => tracing::info!(file, %error, "what served before the restart does not serve again"),
        }
    }

    /// The generation of kept bytes, with what it holds today.
    async fn as_it_was(self: &Arc<Self>, package: Package, file: &str) -> Result<Generation, Failure> {
        let (generation, _) = self.absorber.generation(package, file, &self.config(), &self.keep).await?;
        match self.judge(&generation, self.passing.of(&generation.name))? {
            Verdict::Serves(held) => Ok(self.absorber.grant(generation, held.grants, &self.config())?),
            Verdict::Waits(_) | Verdict::Rejected(_) => Err("what it asks for is not granted any more".into()),
        }
    }

    async fn remove_missing(self: &Arc<Self>, found: &BTreeMap<String, Fingerprint>) {
        let missing: HashSet<String> = {
            let registry = self.registry.load();
            let listed = registry.entries().map(|entry| entry.file.clone());
            let kept = self.keep.files().unwrap_or_default();
            let state = self.lock_folder();
            let gone = |file: &String| !found.contains_key(file) && !state.busy.contains(file);
            listed.chain(kept).filter(gone).collect()
        };
        for file in missing {
            let _one_at_a_time = self.commit.lock().await;
            {
                let mut state = self.lock_folder();
                state.seen.remove(&file);
                state.arrivals.remove(&file);
            }
            self.withdraw(&file, "its file is gone");
            let kept = self.forget(&file);
            let entry = self.change(|registry| registry.remove(&file));
            // One that was refused never served; that it is gone is no event.
            let (skill, digest) = match (entry.and_then(|entry| entry.serving), kept) {
                (Some(serving), _) => (serving.name.to_string(), serving.digest),
                (None, Some(kept)) => (kept.skill, kept.digest),
                (None, None) => continue,
            };
            self.agents.follow(self);
            self.look_again_for(&skill);
            self.event("skill.removed", json!({"skill": skill, "file": file, "digest": digest})).await;
            self.notify(&Notice::Removed { skill, file });
        }
    }

    pub(crate) async fn absorb_file(self: &Arc<Self>, path: &Path) -> Entry {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let shown = path.to_string_lossy().into_owned();
        let _one_at_a_time = self.commit.lock().await;
        let (generation, package) = match self.absorber.absorb(folder, &name, &self.config(), &self.keep).await {
            Ok(absorbed) => absorbed,
            // For this process only: the folder's own files are not concerned.
            Err(refused) => return refusal(&name, refused),
        };
        let held = match self.judge(&generation, self.passing.elsewhere()) {
            Ok(Verdict::Serves(held)) => held,
            Ok(Verdict::Waits(new)) => {
                let flags: Vec<_> = new.iter().map(|grant| format!(" --grant {}", grant.quoted())).collect();
                let reason = format!(
                    "asks for what it was not granted; grant it for this run with{}, or drop it into the skills folder",
                    flags.concat()
                );
                return Entry::not(FileState::Pending, &Arc::new(generation), reason);
            }
            Ok(Verdict::Rejected(approval)) => {
                return Entry::not(FileState::Rejected, &Arc::new(generation), rejected(&approval));
            }
            Err(error) => {
                let reason = format!("the data directory cannot be read: {error}");
                return Entry::not(FileState::Refused, &Arc::new(generation), reason);
            }
        };
        // A folder's files must lie somewhere for its runs to see; nothing is remembered.
        let kept = if package.files.is_empty() { Ok(()) } else { self.keep.store(&package) };
        if let Err(error) = kept {
            tracing::warn!(path = shown, %error, "the skill's own folder cannot be kept");
        }
        let waiting = Arc::new(generation);
        let generation = match self.absorber.grant(Generation::clone(&waiting), held.grants, &self.config()) {
            Ok(generation) => Arc::new(generation),
            Err(error) => return Entry::not(FileState::Refused, &waiting, error.to_string()),
        };
        let entry = Entry::of(&generation);
        self.change(|registry| registry.serve(generation));
        entry
    }
}

/// The entry of a file that was refused before it was known what it is.
fn refusal(file: &str, refused: Refused) -> Entry {
    let stem = file.strip_suffix(".wasm").or_else(|| file.strip_suffix(".skill")).unwrap_or(file);
    let name = SkillName::from_file_stem(stem).map_or_else(|_| stem.to_owned(), |name| name.to_string());
    Entry {
        file: file.to_owned(),
        name,
        version: None,
        digest: refused.digest,
        state: FileState::Refused,
        reason: Some(refused.why.to_string()),
        waiting: None,
        serving: None,
    }
}

fn taken(skill: &str, file: &str) -> String {
    format!("the skill `{skill}` is already provided by {file}; remove one of the two")
}

fn about(generation: &Generation) -> Value {
    json!({
        "skill": generation.name,
        "version": generation.version,
        "file": generation.file,
        "digest": generation.digest,
        "tools": generation.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(),
    })
}
