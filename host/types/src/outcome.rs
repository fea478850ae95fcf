use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Why a run gave no output. The command line's exit code and HTTP's status follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The tool itself said no, or gave what is no output.
    ToolError,
    /// The command line or the configuration is wrong.
    Usage,
    /// No such skill or tool, or its file was refused.
    NotFound,
    /// The input is no JSON, does not fit the schema, or the tool refused it.
    InvalidInput,
    /// The skill waits for approval or was rejected, or the caller may not call it.
    Denied,
    /// The fuel limit was reached.
    Fuel,
    /// The timeout was reached.
    Deadline,
    /// Growth of memory was refused and the run then trapped.
    Memory,
    /// A payload is over its cap, in either direction.
    Output,
    /// The limit of host calls was reached.
    HostCalls,
    /// The component trapped.
    Trap,
    /// No place within the queueing time.
    Overloaded,
    /// Its caller cancelled it.
    Cancelled,
    /// The host's own fault.
    Internal,
}

impl ErrorKind {
    /// The exit code of the command line, as `skillhost run --help` lists them.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::ToolError => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::InvalidInput => 4,
            Self::Denied => 5,
            Self::Fuel | Self::Deadline | Self::Memory | Self::Output | Self::HostCalls => 6,
            Self::Trap => 7,
            Self::Overloaded => 8,
            // As a shell counts a program that Ctrl-C ended.
            Self::Cancelled => 130,
            Self::Internal => 70,
        }
    }

    /// The kind as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ToolError => "tool-error",
            Self::Usage => "usage",
            Self::NotFound => "not-found",
            Self::InvalidInput => "invalid-input",
            Self::Denied => "denied",
            Self::Fuel => "fuel",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Output => "output",
            Self::HostCalls => "host-calls",
            Self::Trap => "trap",
            Self::Overloaded => "overloaded",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a run gave no output, for a program and for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct RunError {
    /// For a program.
    pub kind: ErrorKind,
    /// For a person: the thing, the limit or grant, and the way out.
    pub message: String,
}

impl RunError {
    /// An error of `kind` with its message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// What a tool gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Output {
    /// The structured result.
    pub data: Option<Value>,
    /// What a person or a model reads.
    pub content: Vec<Content>,
}

/// A piece of content, as the Model Context Protocol writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Content {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture.
    Image {
        /// Its bytes, base64 in JSON.
        #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
        data: Vec<u8>,
        /// Its media type.
        #[serde(rename = "mimeType")]
        mime_type: String,
    },
    /// A sound.
    Audio {
        /// Its bytes, base64 in JSON.
        #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
        data: Vec<u8>,
        /// Its media type.
        #[serde(rename = "mimeType")]
        mime_type: String,
    },
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    STANDARD.decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn content_is_written_as_in_the_model_context_protocol() {
        let image = Content::Image { data: vec![1, 2, 3], mime_type: "image/png".into() };
        let json = serde_json::to_string(&image).unwrap();
        assert_eq!(json, r#"{"type":"image","data":"AQID","mimeType":"image/png"}"#);
        assert_eq!(serde_json::from_str::<Content>(&json).unwrap(), image);
    }
}
