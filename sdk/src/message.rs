//! What wakes an agent up.

use serde::de::DeserializeOwned;

use crate::{ToolError, json};

/// One message of a subscribed channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its own name, the same for each receiver.
    pub id: String,
    /// Where it was published.
    pub channel: String,
    /// JSON. Anybody may publish: [`decode`](Self::decode) it into a type before believing it.
    pub payload: String,
    /// The agent or skill that published it; none for an outside publisher.
    pub source: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub published_at: u64,
}

impl Message {
    /// A message such as an outside publisher would send, for tests.
    pub fn new(channel: impl Into<String>, payload: impl ToString) -> Self {
        Self { id: "test".into(), channel: channel.into(), payload: payload.to_string(), source: None, published_at: 0 }
    }

    /// The payload as a type. Errors: [`ToolError::InvalidInput`] that names what does not fit.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, ToolError> {
        json::decode(&self.payload).map_err(|error| ToolError::InvalidInput(format!("on `{}`: {error}", self.channel)))
    }
}
