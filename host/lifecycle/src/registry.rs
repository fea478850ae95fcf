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
    /// It could not be absorbed.
    Refused,
}

impl FileState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
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
    /// Why it was refused.
    pub reason: Option<String>,
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
            serving: Some(generation.clone()),
        }
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

    /// The entry that lists `name` without serving: refused, with its reason.
    pub(crate) fn refused(&self, name: &str) -> Option<&Entry> {
        self.entries.values().find(|entry| entry.state == FileState::Refused && entry.name == name)
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

    /// Lists `entry` as refused. What served under the file goes on serving.
    pub(crate) fn refuse(&mut self, mut entry: Entry) {
        entry.serving = self.entries.get(&entry.file).and_then(|before| before.serving.clone());
        if let Some(serving) = &entry.serving {
            entry.name = serving.name.to_string();
        }
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
