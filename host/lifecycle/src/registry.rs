//! What is absorbed and what was refused, as one immutable picture that is swapped as a whole.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use skillhost_types::{Digest, SkillName};

use crate::generation::Generation;

/// The state of an entry of the drop folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// It serves.
    Active,
    /// A person is to decide on what it asks for.
    Pending,
    /// A person said no.
    Rejected,
    /// It could not be absorbed.
    Refused,
}

impl FileState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Rejected => "rejected",
            Self::Refused => "refused",
        }
    }
}

/// An entry of the drop folder and what became of it.
#[derive(Clone)]
pub struct Entry {
    /// Its name in the folder.
    pub file: String,
    /// The skill's name, or the one that the file's name stands for.
    pub name: String,
    /// The version that the file says, as far as it was read.
    pub version: Option<String>,
    /// The digest of the file, as far as it was read.
    pub digest: Option<Digest>,
    /// What became of it.
    pub state: FileState,
    /// Why it does not serve.
    pub reason: Option<String>,
    /// The file's own generation, where it waits for a person or was rejected. It holds nothing.
    pub waiting: Option<Arc<Generation>>,
    /// What serves under the entry: its own generation, or the one before it.
    pub serving: Option<Arc<Generation>>,
}

impl Entry {
    /// That of a generation that serves.
    pub(crate) fn of(generation: &Arc<Generation>) -> Self {
        Self {
            file: generation.file.clone(),
            name: generation.name.to_string(),
            version: Some(generation.version.clone()),
            digest: Some(generation.digest),
            state: FileState::Active,
            reason: None,
            waiting: None,
            serving: Some(generation.clone()),
        }
    }

    /// That of a generation that does not serve.
    pub(crate) fn not(state: FileState, generation: &Arc<Generation>, reason: String) -> Self {
        let waits = matches!(state, FileState::Pending | FileState::Rejected);
        Self {
            state,
            reason: Some(reason),
            waiting: waits.then(|| generation.clone()),
            serving: None,
            ..Self::of(generation)
        }
    }

    /// The generation of the file as it is now, which may be waiting while another serves.
    pub fn own(&self) -> Option<&Arc<Generation>> {
        self.waiting.as_ref().or(self.serving.as_ref())
    }
}

/// All entries, and what serves under each skill's name.
#[derive(Clone, Default)]
pub(crate) struct Registry {
    entries: BTreeMap<String, Entry>,
    serving: HashMap<SkillName, Arc<Generation>>,
}

/// What putting a generation in place changed.
pub(crate) enum Change {
    /// It was there already.
    Same,
    /// The skill is new.
    Absorbed,
    /// It took the place of another generation.
    Replaced(Arc<Generation>),
    /// Another file provides a skill of this name; nothing changed.
    Taken,
}

impl Registry {
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    pub(crate) fn entry(&self, file: &str) -> Option<&Entry> {
        self.entries.get(file)
    }

    pub(crate) fn skill(&self, name: &str) -> Option<&Arc<Generation>> {
        self.serving.get(name)
    }

    /// The entry that lists `name` without serving: one that waits for a person ahead of one that was refused.
    pub(crate) fn not_serving(&self, name: &str) -> Option<&Entry> {
        let named = |waits: bool| {
            self.entries.values().find(move |entry| entry.waiting.is_some() == waits && entry.name == name)
        };
        named(true).or_else(|| named(false))
    }

    /// The file that provides `name`, or waits for leave to.
    pub(crate) fn provider(&self, name: &str) -> Option<&str> {
        let serving = self.serving.get(name).map(|generation| generation.file.as_str());
        let waits = |entry: &&Entry| entry.waiting.as_ref().is_some_and(|waiting| waiting.name.as_str() == name);
        serving.or_else(|| self.entries.values().find(waits).map(|entry| entry.file.as_str()))
    }

    /// Does the same serve in both?
    pub(crate) fn serves_as(&self, other: &Self) -> bool {
        let same = |(name, one): (&SkillName, &Arc<Generation>)| {
            other.serving.get(name).is_some_and(|other| Arc::ptr_eq(one, other))
        };
        self.serving.len() == other.serving.len() && self.serving.iter().all(same)
    }

    pub(crate) fn skills(&self) -> impl Iterator<Item = &Arc<Generation>> {
        self.serving.values()
    }

    /// Lets `generation` serve.
    pub(crate) fn serve(&mut self, generation: Arc<Generation>) -> Change {
        let file = generation.file.clone();
        if let Some(other) = self.serving.get(&generation.name)
            && other.file != file
        {
            return Change::Taken;
        }
        let before = self.entries.get(&file).and_then(|entry| entry.serving.clone());
        if let Some(before) = &before {
            // A file may come back under another skill's name; the old name is gone with its file.
            self.serving.remove(&before.name);
        }
        self.serving.insert(generation.name.clone(), generation.clone());
        let same = before.as_ref().is_some_and(|before| before.digest == generation.digest);
        self.entries.insert(file, Entry::of(&generation));
        match before {
            _ if same => Change::Same,
            Some(before) => Change::Replaced(before),
            None => Change::Absorbed,
        }
    }

    /// Lists `entry`, which does not serve. What served under the file goes on serving, unless it is what does not serve now.
    pub(crate) fn list(&mut self, mut entry: Entry) {
        let before = self.entries.get(&entry.file).and_then(|before| before.serving.clone());
        let (same, other): (Option<_>, Option<_>) = match before {
            Some(before) if entry.waiting.is_some() && entry.digest == Some(before.digest) => (Some(before), None),
            other => (None, other),
        };
        if let Some(same) = same {
            self.serving.remove(&same.name);
        }
        if let (Some(serving), None) = (&other, &entry.waiting) {
            entry.name = serving.name.to_string();
        }
        entry.serving = other;
        self.entries.insert(entry.file.clone(), entry);
    }

    /// Takes away what is gone from the folder.
    pub(crate) fn remove(&mut self, file: &str) -> Option<Entry> {
        let entry = self.entries.remove(file)?;
        if let Some(serving) = &entry.serving {
            self.serving.remove(&serving.name);
        }
        Some(entry)
    }
}
