//! Takes secrets out of text before it is stored, sent or printed.
//!
//! Contract: after [`Redactor::known`] none of the values that the host was told of is left, plain or in the usual encodings;
//! [`Redactor::text`] also takes what has the shape of a credential: vendors' key formats, authorization headers, values
//! assigned to names such as `password`. Digests, identifiers and prose stay as they are. No function fails and none does I/O.
//! Price: linear in the text whatever it holds; a text without findings is given back borrowed, after one or two passes
//! of a vectorized search.

mod fields;
mod formats;
mod forms;
mod json;
mod known;
mod names;
mod stream;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use secrecy::SecretString;

use crate::known::Known;
pub use crate::stream::Stream;

/// Fewer bytes would be found in any text.
pub const MIN_SECRET_BYTES: usize = 4;
/// Several times the longest keys, those of service accounts in JSON; the search takes some 250 bytes of memory for each byte.
pub const MAX_SECRET_BYTES: usize = 16 * 1024;

/// Stands in place of what is no known secret.
const PLACEHOLDER: &str = "[redacted]";

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
    /// The value is longer than any key is.
    #[error("secret `{name}` has {bytes} bytes, and {MAX_SECRET_BYTES} are the most; is it the right file?")]
    TooLong {
        /// The secret's name.
        name: String,
        /// How long its value is without blanks at both ends.
        bytes: usize,
    },
    /// The name cannot stand in a placeholder.
    #[error(
        "`{name}` cannot name a secret: names are letters, digits, `.`, `_`, `-` and `/`, at most {most} of them, as they are \
         written in place of the value"
    )]
    Name {
        /// The name.
        name: String,
        /// How long names may be, in bytes.
        most: usize,
    },
    /// There are more values than a search can be built for.
    #[error("no search can be built for the configured secrets; give fewer or shorter ones: {0}")]
    Search(String),
}

/// Takes secrets out of text. Cheap to clone; without known secrets by default.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Option<Arc<Known>>,
}

impl Redactor {
    /// A redactor that knows these secrets by name and value. Blanks at both ends of a value do not count.
    pub fn new(known: impl IntoIterator<Item = (String, SecretString)>) -> Result<Self, RedactionError> {
        let secrets: Vec<_> = known.into_iter().collect();
        if secrets.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self { known: Some(Arc::new(Known::new(&secrets)?)) })
    }

    /// Without known values and without everything that looks like a credential.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.known(text);
        let mut finds = Vec::new();
        formats::find(&known, &mut finds);
        fields::find(&known, &mut finds);
        if finds.is_empty() { known } else { Cow::Owned(without(&known, finds)) }
    }

    /// Whether `text` holds neither what might be redacted nor a field's name that decides over its value.
    fn is_plain(&self, text: &str) -> bool {
        let mut finds = Vec::new();
        let known = self.known.as_ref().is_some_and(|known| known.may_be_in(text.as_bytes()));
        if known || fields::find(text, &mut finds) {
            return false;
        }
        formats::find(text, &mut finds);
        finds.is_empty()
    }

    /// Without the values that the host knows; all else stays.
    pub fn known<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.known_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // Forms are text, so that what is left of text is text.
            Cow::Owned(bytes) => Cow::Owned(
                String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
            ),
        }
    }

    /// [`Self::known`] for bytes, such as a header's value.
    pub fn known_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if !self.known.as_ref().is_some_and(|known| known.may_be_in(bytes)) {
            return Cow::Borrowed(bytes);
        }
        let mut stream = self.stream();
        let mut out = stream.push(bytes);
        let found = stream.has_found();
        out.append(&mut stream.finish());
        if found { Cow::Owned(out) } else { Cow::Borrowed(bytes) }
    }

    /// [`Self::text`] on all strings and keys of a value; the strings of key-like fields (`password`, `api_key`) go whole.
    /// Of two keys that become one, one stays.
    pub fn json(&self, value: &mut serde_json::Value) {
        json::value(self, None, value);
    }

    /// [`Self::json`] for a document as text, which stays a valid one; what is no JSON is redacted as [`Self::text`].
    pub fn json_text<'a>(&self, document: &'a str) -> Cow<'a, str> {
        json::document(self, document)
    }

    /// For bytes that come in pieces; known values only.
    pub fn stream(&self) -> Stream {
        Stream::new(self.known.clone())
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let forms = self.known.as_ref().map_or(0, |known| known.forms());
        f.debug_struct("Redactor").field("forms", &forms).finish_non_exhaustive()
    }
}

fn is_placeholder(text: &str) -> bool {
    let name = text.strip_prefix("[redacted").and_then(|rest| rest.strip_suffix(']'));
    name.is_some_and(|name| name.is_empty() || (name.starts_with(':') && !name.contains([' ', '[', ']'])))
}

/// `text` with a placeholder for each of `finds`, those that overlap as one.
fn without(text: &str, mut finds: Vec<Range<usize>>) -> String {
    finds.sort_unstable_by_key(|find| find.start);
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for find in finds {
        if find.start >= done {
            out.push_str(text.get(done..find.start).unwrap_or_default());
            out.push_str(PLACEHOLDER);
        }
        done = done.max(find.end);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}
