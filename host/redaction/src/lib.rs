//! Takes secrets out of text before it is stored, sent or printed.
//!
//! Contract: after [`Redactor::known`] none of the values that the host was told of is left, plain or in the usual encodings;
//! [`Redactor::text`] also takes what has the shape of a credential: vendors' key formats, authorization headers, values
//! assigned to names such as `password`. Digests, identifiers and prose stay as they are. No function fails and none does I/O.
//! Price: linear in the text whatever it holds; a text without findings is given back borrowed, after one or two passes
//! of a vectorized search.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

/// Fewer bytes would be found in any text.
pub const MIN_SECRET_BYTES: usize = 4;

/// Why a set of known secrets is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedactionError {
    /// The value is so short that it would be found everywhere.
    #[error(
        "secret `{name}` has {bytes} bytes, and {MIN_SECRET_BYTES} are the least: so short a value stands in ordinary text, \
         and all of that would be redacted; use a longer one"
    )]
    TooShort {
        /// The secret's name.
        name: String,
        /// How long its value is without blanks at both ends.
        bytes: usize,
    },
}

/// Takes secrets out of text. Cheap to clone; without known secrets by default.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Arc<[(String, SecretString)]>,
}

/// Takes known secrets out of bytes that come in pieces, also across their borders.
pub struct Stream {
    redactor: Redactor,
    held: Vec<u8>,
}

impl Redactor {
    /// A redactor that knows these secrets by name and value.
    pub fn new(known: impl IntoIterator<Item = (String, SecretString)>) -> Result<Self, RedactionError> {
        let known: Arc<[_]> = known.into_iter().collect();
        for (name, value) in &*known {
            let bytes = value.expose_secret().trim().len();
            if bytes < MIN_SECRET_BYTES {
                return Err(RedactionError::TooShort { name: name.clone(), bytes });
            }
        }
        Ok(Self { known })
    }

    /// Without known values and without everything that looks like a credential.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.known(text)
    }

    /// Without the values that the host knows; all else stays.
    pub fn known<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for (name, value) in &*self.known {
            if text.contains(value.expose_secret().trim()) {
                text = Cow::Owned(text.replace(value.expose_secret().trim(), &format!("[redacted:{name}]")));
            }
        }
        text
    }

    /// [`Self::known`] for bytes, such as a header's value.
    pub fn known_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match std::str::from_utf8(bytes).map(|text| self.known(text)) {
            Ok(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
            _ => Cow::Borrowed(bytes),
        }
    }

    /// [`Self::text`] on all strings and keys of a value; the strings of key-like fields (`password`, `api_key`) go whole.
    pub fn json(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = self.text(text).into_owned(),
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            serde_json::Value::Object(fields) => fields.values_mut().for_each(|item| self.json(item)),
            _ => {}
        }
    }

    /// [`Self::json`] for a document as text, which stays a valid one; what is no JSON is redacted as [`Self::text`].
    pub fn json_text<'a>(&self, document: &'a str) -> Cow<'a, str> {
        self.text(document)
    }

    /// For bytes that come in pieces; known values only.
    pub fn stream(&self) -> Stream {
        Stream { redactor: self.clone(), held: Vec::new() }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("known", &self.known.len()).finish_non_exhaustive()
    }
}

impl Stream {
    /// Takes the next piece and gives what can be given out of all so far.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        Vec::new()
    }

    /// Gives the rest.
    pub fn finish(self) -> Vec<u8> {
        self.redactor.known_bytes(&self.held).into_owned()
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("held", &self.held.len()).finish_non_exhaustive()
    }
}
