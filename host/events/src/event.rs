use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use skillhost_types::{RunId, Tenant, Timestamp};

use crate::EventError;

/// Longest kind, in bytes.
const LONGEST_KIND: usize = 64;

/// Longest data of an event, in bytes of JSON: a note for people and programs, not a document store.
const LONGEST_DATA: usize = 64 << 10;

/// Something that happened, as the log holds it and as `events --json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the log; rises by one.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Dotted kind: `tool.completed`.
    pub kind: String,
    /// The skill, agent or host part that wrote it.
    pub source: String,
    /// The run that it belongs to.
    pub run: Option<RunId>,
    /// Whose it is; none: the host's.
    #[serde(skip)]
    pub tenant: Option<Tenant>,
    /// What else there is to say.
    pub data: Value,
}

/// Something that happened, on its way into the log.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Dotted kind: at least two words of `a-z`, `0-9` and `-`.
    pub kind: String,
    /// The skill, agent or host part that writes it.
    pub source: Arc<str>,
    /// The run that it belongs to.
    pub run: Option<RunId>,
    /// Whose it is; none: the host's.
    pub tenant: Option<Tenant>,
    /// What else there is to say.
    pub data: Value,
}

impl NewEvent {
    /// Checks the kind's form and the data's size.
    pub(crate) fn check(&self) -> Result<(), EventError> {
        let word = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        let kind = &self.kind;
        if kind.len() > LONGEST_KIND || !kind.contains('.') || !kind.split('.').all(word) {
            let shown: String = kind.chars().take(64).flat_map(char::escape_default).collect();
            return Err(EventError::Invalid(format!(
                "`{shown}` is no kind of event: write dotted words of a-z, 0-9 and `-`, {LONGEST_KIND} bytes at most"
            )));
        }
        let length = serde_json::to_string(&self.data).map_or(usize::MAX, |text| text.len());
        if length > LONGEST_DATA {
            return Err(EventError::TooLarge(format!(
                "the data of an event is {LONGEST_DATA} bytes of JSON at most, not {length}"
            )));
        }
        Ok(())
    }
}
