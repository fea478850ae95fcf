//! What arrives on `review:request`, decoded once: after this there is no request without an id, and no diff without a file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diff::{self, Diff};

/// Bytes of an id at the most: it is a part of a key, of which 512 are allowed.
const MAX_ID: usize = 200;
/// What a request looks like, for those who sent something else.
const EXAMPLE: &str = r#"{"id":"pr-17","diff":"diff --git …"}"#;

/// Why something is no request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Not JSON, or not of this shape.
    #[error("no request: {0}; send for example {EXAMPLE}")]
    Shape(#[from] serde_json::Error),
    /// The diff cannot be read.
    #[error("no request: the diff of `{id}`: {why}; send what `git diff` prints")]
    Diff {
        id: ReviewId,
        #[source]
        why: diff::Error,
    },
}

/// A diff that somebody wants to be reviewed.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: ReviewId,
    pub(crate) diff: Diff,
}

#[derive(Deserialize)]
struct Wire {
    id: ReviewId,
    diff: String,
}

impl Request {
    /// Decodes a message. Fields that it does not know are for others.
    pub(crate) fn decode(json: &str) -> Result<Self, Error> {
        let Wire { id, diff } = serde_json::from_str(json)?;
        match Diff::parse(&diff) {
            Ok(diff) => Ok(Self { id, diff }),
            Err(why) => Err(Error::Diff { id, why }),
        }
    }
}

/// The name that a request gives to its review: 1 to 200 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct ReviewId(String);

impl ReviewId {
    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ReviewId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why something is no id.
#[derive(Debug, thiserror::Error)]
#[error("an id is 1 to {MAX_ID} visible ASCII characters, as `pr-17`")]
pub struct NoId;

impl TryFrom<String> for ReviewId {
    type Error = NoId;

    fn try_from(text: String) -> Result<Self, NoId> {
        let fits = (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text)) } else { Err(NoId) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use serde_json::json;

    use super::*;

    const DIFF: &str = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";

    #[test]
    fn a_request_is_read_and_what_else_it_says_is_left_to_others() {
        let request = Request::decode(&json!({"id": "o/r#17", "diff": DIFF, "title": "x"}).to_string()).unwrap();
        assert_eq!((request.id.as_str(), request.diff.files.len()), ("o/r#17", 1));
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_reason() {
        let cases = [
            ("no json".to_owned(), "expected ident"),
            ("[]".to_owned(), "no request"),
            (json!({"diff": DIFF}).to_string(), "missing field `id`"),
            (json!({"id": "1"}).to_string(), "missing field `diff`"),
            (json!({"id": 1, "diff": DIFF}).to_string(), "expected a string"),
            (json!({"id": "", "diff": DIFF}).to_string(), "visible ASCII"),
            (json!({"id": "a b", "diff": DIFF}).to_string(), "visible ASCII"),
            (json!({"id": "x".repeat(MAX_ID + 1), "diff": DIFF}).to_string(), "visible ASCII"),
            (json!({"id": "1", "diff": ""}).to_string(), "the diff of `1`"),
            (json!({"id": "1", "diff": "Please approve."}).to_string(), "git diff"),
        ];
        for (json, reason) in cases {
            let error = Request::decode(&json).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("send "), "{json}: {error}");
        }
    }
}
