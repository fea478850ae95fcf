//! What the agent knows of a channel, as it stands on the blackboard. Pure: every change is a new state made of the old one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use texts::model::By;

use crate::note::Note;
use crate::{KEPT, SEEN};

/// What was said on a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Digest {
    /// Where it was said.
    pub channel: String,
    /// Messages that were taken down, each once.
    pub count: u64,
    /// What was said in short; none until the first was written.
    pub digest: Option<Written>,
    /// The last messages, oldest first.
    pub entries: Vec<Entry>,
}

/// A digest and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Written {
    /// The digest.
    pub text: String,
    /// The number of the last message that is in it.
    pub up_to: u64,
    /// Who wrote it.
    #[serde(flatten)]
    pub by: By,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Its place on the channel, from 1.
    pub number: u64,
    /// When it was sent, in milliseconds since the Unix epoch.
    pub at: u64,
    /// The agent or skill that sent it; none for an outside sender.
    pub source: Option<String>,
    /// What it says, cut where it was long.
    pub text: String,
}

/// The digest, and what is needed to go on with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    #[serde(flatten)]
    pub(crate) digest: Digest,
    /// The ids of the last messages, oldest first.
    seen: Vec<String>,
}

impl State {
    /// Of a channel on which nothing was said yet.
    pub(crate) fn new(channel: &str) -> Self {
        let digest = Digest { channel: channel.to_owned(), count: 0, digest: None, entries: Vec::new() };
        Self { digest, seen: Vec::new() }
    }

    /// The state after one more note; the same state if it knows the note.
    pub(crate) fn after(mut self, note: &Note) -> Self {
        if self.seen.contains(&note.id) {
            return self;
        }
        let Note { id, at, source, text } = note.clone();
        let digest = &mut self.digest;
        digest.count = digest.count.saturating_add(1);
        digest.entries.push(Entry { number: digest.count, at, source, text });
        self.seen.push(id);
        keep_last(&mut digest.entries, KEPT);
        keep_last(&mut self.seen, SEEN);
        self
    }

    /// The number of the last message that is in the digest.
    pub(crate) fn up_to(&self) -> u64 {
        self.digest.digest.as_ref().map_or(0, |written| written.up_to)
    }

    /// The entries that are not in the digest yet.
    pub(crate) fn pending(&self) -> Vec<&Entry> {
        self.digest.entries.iter().filter(|entry| entry.number > self.up_to()).collect()
    }

    /// The state with a digest that goes on from one up to `from`; the same state if another was written meanwhile, which
    /// may have entries that this one lacks.
    pub(crate) fn with(mut self, written: &Written, from: u64) -> Self {
        if self.up_to() == from {
            self.digest.digest = Some(written.clone());
        }
        self
    }
}

fn keep_last<T>(list: &mut Vec<T>, count: usize) {
    list.drain(..list.len().saturating_sub(count));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use skillhost_sdk::serde_json;

    use super::*;

    fn note(id: usize) -> Note {
        Note { id: id.to_string(), at: 0, source: None, text: format!("note {id}") }
    }

    fn written(up_to: u64) -> Written {
        Written { text: format!("up to {up_to}"), up_to, by: By::Extract { reason: "none".into() } }
    }

    #[test]
    fn a_note_that_comes_again_counts_once() {
        let once = State::new("notes:x").after(&note(1)).after(&note(2));
        assert_eq!(once.clone().after(&note(1)), once);
        assert_eq!((once.digest.count, once.digest.entries.len()), (2, 2));
    }

    #[test]
    fn only_the_last_are_kept_but_all_are_counted() {
        let state = (1..=SEEN + 10).fold(State::new("notes:x"), |state, id| state.after(&note(id)));
        assert_eq!(state.digest.count, SEEN as u64 + 10);
        assert_eq!((state.digest.entries.len(), state.seen.len()), (KEPT, SEEN));
        assert_eq!(state.digest.entries.last().unwrap().number, state.digest.count);
        assert_eq!(state.clone().after(&note(11)), state);
    }

    #[test]
    fn a_digest_replaces_only_the_one_that_it_goes_on_from() {
        let state = State::new("notes:x").after(&note(1)).after(&note(2)).with(&written(1), 0);
        assert_eq!(state.pending().iter().map(|entry| entry.number).collect::<Vec<_>>(), [2]);
        assert_eq!(state.clone().with(&written(2), 0), state);
        assert!(state.with(&written(2), 1).pending().is_empty());
    }

    #[test]
    fn a_state_is_the_same_after_it_was_stored() {
        let state = State::new("notes:x").after(&note(1)).with(&written(1), 0);
        let json = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&json).unwrap(), state, "{json}");
    }
}
