//! What clients say, and what they are told beside events.
//!
//! Contract: a request is one of three, with at most [`MOST_PATTERNS`] short patterns; what is none of them is refused with what
//! it should be. Price: the decoding of a few hundred bytes.

use serde::{Deserialize, Serialize};
use skillhost_events::LONGEST_KIND;
use skillhost_types::Glob;

use crate::pace::Gap;

/// Patterns in one subscription. The host's kinds have eight first words.
const MOST_PATTERNS: usize = 16;

/// The one channel there is.
const CHANNEL: &str = "events";

#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub(crate) enum Request {
    Auth {
        token: String,
    },
    Subscribe(Subscribe),
    Unsubscribe {
        #[serde(rename = "channel")]
        _channel: Channel,
    },
}

#[derive(Debug, Deserialize)]
pub(crate) struct Subscribe {
    #[serde(rename = "channel")]
    _channel: Channel,
    #[serde(default)]
    pub(crate) kinds: Kinds,
    #[serde(default)]
    pub(crate) since: Option<Since>,
}

/// Up to where a client has everything.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Since {
    pub(crate) epoch: String,
    pub(crate) seq: u64,
}

/// `events`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Channel;

/// Patterns of kinds; none: all kinds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "Option<Vec<String>>")]
pub(crate) struct Kinds(pub(crate) Vec<Glob>);

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("there is no such channel: subscribe to `{CHANNEL}`")]
    Channel,
    #[error("there may be {MOST_PATTERNS} patterns in `kinds`, not {0}: leave some out, or subscribe to `*`")]
    ManyKinds(usize),
    #[error("a pattern in `kinds` may have 1 to {LONGEST_KIND} bytes, not {0}")]
    LongKind(usize),
}

impl TryFrom<String> for Channel {
    type Error = RequestError;

    fn try_from(name: String) -> Result<Self, RequestError> {
        if name == CHANNEL { Ok(Self) } else { Err(RequestError::Channel) }
    }
}

impl TryFrom<Option<Vec<String>>> for Kinds {
    type Error = RequestError;

    fn try_from(patterns: Option<Vec<String>>) -> Result<Self, RequestError> {
        let patterns = patterns.unwrap_or_default();
        if patterns.len() > MOST_PATTERNS {
            return Err(RequestError::ManyKinds(patterns.len()));
        }
        match patterns.iter().map(String::len).find(|length| !(1..=LONGEST_KIND).contains(length)) {
            Some(length) => Err(RequestError::LongKind(length)),
            None => Ok(Self(patterns.iter().map(|pattern| Glob::new(pattern)).collect())),
        }
    }
}

/// What a client is told.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Reply<'a> {
    Authenticated,
    Subscribed { channel: &'static str, epoch: &'a str, head: u64, recovered: bool, replayed: usize },
    Unsubscribed { channel: &'static str },
    Summary { suppressed: u64, from: u64, to: u64 },
    Error { message: &'a str },
}

impl<'a> Reply<'a> {
    pub(crate) fn subscribed(epoch: &'a str, head: u64, recovered: bool, replayed: usize) -> Self {
        Self::Subscribed { channel: CHANNEL, epoch, head, recovered, replayed }
    }

    pub(crate) fn unsubscribed() -> Self {
        Self::Unsubscribed { channel: CHANNEL }
    }
}

impl From<Gap> for Reply<'_> {
    fn from(Gap { suppressed, from, to }: Gap) -> Self {
        Self::Summary { suppressed, from, to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        serde_json::from_str::<Request>(text).unwrap_err().to_string()
    }

    #[test]
    fn the_requests_of_the_contract_are_read() {
        let text =
            r#"{"action":"subscribe","channel":"events","kinds":["task.*","tool.*"],"since":{"epoch":"e","seq":41}}"#;
        let Ok(Request::Subscribe(Subscribe { kinds, since, .. })) = serde_json::from_str(text) else { panic!() };
        assert_eq!((kinds.0.len(), since.unwrap().seq), (2, 41));
        let bare = r#"{"action":"subscribe","channel":"events","kinds":null,"since":null}"#;
        let Ok(Request::Subscribe(Subscribe { kinds, since, .. })) = serde_json::from_str(bare) else { panic!() };
        assert!(kinds.0.is_empty() && since.is_none());
        assert!(serde_json::from_str::<Request>(r#"{"action":"unsubscribe","channel":"events"}"#).is_ok());
        assert!(serde_json::from_str::<Request>(r#"{"action":"auth","token":"t"}"#).is_ok());
    }

    #[test]
    fn a_request_that_cannot_be_met_is_refused_with_its_reason() {
        assert!(refusal(r#"{"action":"subscribe","channel":"x"}"#).contains("subscribe to `events`"));
        assert!(refusal(r#"{"action":"subscribe"}"#).contains("channel"));
        let many = serde_json::to_string(&vec!["a.*"; 17]).unwrap();
        assert!(refusal(&format!(r#"{{"action":"subscribe","channel":"events","kinds":{many}}}"#)).contains("not 17"));
        let long = "x".repeat(65);
        assert!(
            refusal(&format!(r#"{{"action":"subscribe","channel":"events","kinds":["{long}"]}}"#)).contains("not 65")
        );
        assert!(refusal(r#"{"action":"dance"}"#).contains("dance"));
        assert!(refusal(r#"{"action":"subscribe","channel":"events","since":{"epoch":"e","seq":-1}}"#).contains("-1"));
    }
}
