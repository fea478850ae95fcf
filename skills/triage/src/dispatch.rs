//! What arrives on `dispatch:new`, decoded once: after this there is no dispatch without an issue or a title.

use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Characters of a title that are kept; GitHub allows 256.
pub(crate) const MAX_TITLE: usize = 256;
/// What a dispatch looks like, for those who sent something else.
const EXAMPLE: &str = r#"{"issue":123,"title":"Crash on start","action":"comment"}"#;

/// Why something is no dispatch.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Not JSON, or not of this shape.
    #[error("no dispatch: {0}; send for example {EXAMPLE}")]
    Shape(#[from] serde_json::Error),
    /// A title of blanks.
    #[error("no dispatch: the `title` of issue {0} is empty; send for example {EXAMPLE}")]
    NoTitle(NonZeroU64),
}

/// An issue that somebody is to look at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Dispatch {
    /// The issue's number.
    pub issue: NonZeroU64,
    /// Its title.
    pub title: String,
    /// What happened to it: `open`, `comment`, `implement`, `review`, `close`, or something else.
    #[serde(default)]
    pub action: Action,
}

impl Dispatch {
    /// Decodes a message. Fields that it does not know are for others.
    pub(crate) fn decode(json: &str) -> Result<Self, Error> {
        serde_json::from_str::<Self>(json)?.checked()
    }

    /// The dispatch with its title tidied, or the reason why it is none.
    pub(crate) fn checked(mut self) -> Result<Self, Error> {
        self.title = self.title.split_whitespace().collect::<Vec<_>>().join(" ");
        if self.title.is_empty() {
            return Err(Error::NoTitle(self.issue));
        }
        if let Some((end, _)) = self.title.char_indices().nth(MAX_TITLE) {
            self.title.truncate(end);
        }
        Ok(self)
    }
}

/// What happened to the issue.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Action {
    /// It is new; also where nothing is said.
    #[default]
    Open,
    /// Somebody wrote about it.
    Comment,
    /// It is to be done.
    Implement,
    /// Somebody did it.
    Review,
    /// It is over.
    Close,
    /// Something that has no rule.
    Other(String),
}

impl From<String> for Action {
    fn from(text: String) -> Self {
        match text.trim().to_lowercase().as_str() {
            "" | "open" | "opened" | "reopen" | "reopened" | "new" => Self::Open,
            "comment" | "commented" | "reply" | "mention" | "mentioned" => Self::Comment,
            "implement" | "fix" | "work" | "assign" | "assigned" => Self::Implement,
            "review" | "review_requested" => Self::Review,
            "close" | "closed" | "merge" | "merged" => Self::Close,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl From<Action> for String {
    fn from(action: Action) -> Self {
        match action {
            Action::Open => "open".into(),
            Action::Comment => "comment".into(),
            Action::Implement => "implement".into(),
            Action::Review => "review".into(),
            Action::Close => "close".into(),
            Action::Other(other) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    #[test]
    fn a_dispatch_is_read_and_its_title_tidied() {
        let found =
            Dispatch::decode(r#"{"issue":123,"title":"  Crash\n on start ","action":"Commented","repo":"x"}"#).unwrap();
        assert_eq!((found.issue.get(), found.title.as_str(), found.action), (123, "Crash on start", Action::Comment));
    }

    #[test]
    fn an_action_may_be_left_out_or_unknown() {
        assert_eq!(Dispatch::decode(r#"{"issue":1,"title":"x"}"#).unwrap().action, Action::Open);
        let odd = Dispatch::decode(r#"{"issue":1,"title":"x","action":"transfer"}"#).unwrap().action;
        assert_eq!(odd, Action::Other("transfer".into()));
    }

    #[test]
    fn what_is_no_dispatch_is_refused_with_its_reason() {
        let cases = [
            ("no json", "expected ident"),
            ("[]", "no dispatch"),
            (r#"{"title":"x"}"#, "missing field `issue`"),
            (r#"{"issue":1}"#, "missing field `title`"),
            (r#"{"issue":0,"title":"x"}"#, "nonzero"),
            (r#"{"issue":"1","title":"x"}"#, "invalid type: string"),
            (r#"{"issue":7,"title":" "}"#, "`title` of issue 7 is empty"),
        ];
        for (json, reason) in cases {
            let error = Dispatch::decode(json).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("send for example"), "{json}: {error}");
        }
    }

    #[test]
    fn a_long_title_is_cut_between_characters() {
        let title = "é".repeat(MAX_TITLE + 10);
        let found = Dispatch { issue: NonZeroU64::MIN, title, action: Action::Open }.checked().unwrap();
        assert_eq!(found.title.chars().count(), MAX_TITLE);
    }
}
