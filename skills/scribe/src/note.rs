//! What arrives on a channel, decoded once: after this there is no note without words.

use serde_json::Value;
use skillhost_sdk::{Message, serde_json};
use texts::prompt;

use crate::MAX_NOTE;

/// Bytes of a message's id at the most: a host's own have 26.
const MAX_ID: usize = 128;

/// Why something is no note.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("on `{channel}`: no note: {why}; send JSON, for example {{\"text\":\"…\"}}")]
    NoJson { channel: String, why: serde_json::Error },
    #[error("on `{channel}`: no note: it is empty; send for example {{\"text\":\"…\"}}")]
    Empty { channel: String },
    #[error("on `{channel}`: the message's id has {length} bytes: {MAX_ID} are allowed")]
    Id { channel: String, length: usize },
}

/// A message that is worth taking down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    /// The message's.
    pub(crate) id: String,
    /// When it was sent, in milliseconds since the Unix epoch.
    pub(crate) at: u64,
    /// Who sent it, if a skill did.
    pub(crate) source: Option<String>,
    /// What it says.
    pub(crate) text: String,
}

impl Note {
    /// A text, the `text` of an object, or any other JSON as it is.
    pub(crate) fn decode(message: &Message) -> Result<Self, Error> {
        let channel = || message.channel.clone();
        if message.id.len() > MAX_ID {
            return Err(Error::Id { channel: channel(), length: message.id.len() });
        }
        let payload: Value =
            serde_json::from_str(&message.payload).map_err(|why| Error::NoJson { channel: channel(), why })?;
        let text = match &payload {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.get("text").and_then(Value::as_str).map_or_else(|| other.to_string(), str::to_owned),
        };
        let (text, cut) = prompt::cut(text.trim(), MAX_NOTE);
        if text.is_empty() {
            return Err(Error::Empty { channel: channel() });
        }
        let text = if cut.is_some() { format!("{text}…") } else { text.to_owned() };
        Ok(Self { id: message.id.clone(), at: message.published_at, source: message.source.clone(), text })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use skillhost_sdk::serde_json::json;

    use super::*;

    fn text(payload: impl ToString) -> Result<String, String> {
        Note::decode(&Message::new("notes:x", payload)).map(|note| note.text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_note_is_a_text_an_object_with_one_or_any_other_json() {
        assert_eq!(text(json!(" Hello.\n")).unwrap(), "Hello.");
        assert_eq!(text(json!({"text": "Hello.", "by": "Ada"})).unwrap(), "Hello.");
        assert_eq!(text(json!({"issue": 7})).unwrap(), r#"{"issue":7}"#);
        assert_eq!(text(json!([1, 2])).unwrap(), "[1,2]");
    }

    #[test]
    fn what_is_no_note_is_refused_with_its_reason() {
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        for (payload, reason) in [("hello", "send JSON"), ("", "send JSON"), (&*deep, "recursion limit")] {
            let error = text(payload).unwrap_err();
            assert!(error.contains(reason) && error.starts_with("on `notes:x`"), "{error}");
        }
        for payload in [json!(null), json!(""), json!(" \n"), json!({"text": ""})] {
            assert!(text(&payload).unwrap_err().contains("it is empty"), "{payload}");
        }
        let long = Message { id: "x".repeat(MAX_ID + 1), ..Message::new("notes:x", json!("hi")) };
        assert!(Note::decode(&long).unwrap_err().to_string().contains("129 bytes"));
    }

    #[test]
    fn a_huge_note_is_cut_between_characters() {
        let found = text(json!("é".repeat(MAX_NOTE))).unwrap();
        assert!(found.len() == MAX_NOTE + '…'.len_utf8() && found.ends_with("é…"));
    }
}
