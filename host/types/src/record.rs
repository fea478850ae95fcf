use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

use crate::{Digest, Output, RunError, Source, Tenant, Timestamp, Usage};

/// A run's name: a ULID, so that runs sort by the time they began.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(Ulid);

impl RunId {
    /// A new one from the source's clock and randomness.
    pub fn new(source: &dyn Source) -> Self {
        let mut random = [0; 16];
        source.fill(&mut random);
        Self(Ulid::from_parts(source.now().0, u128::from_le_bytes(random)))
    }

    /// When the run began.
    pub fn started_at(&self) -> Timestamp {
        Timestamp(self.0.timestamp_ms())
    }

    /// The 16 bytes, big-endian: their order is the order of the text.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_bytes()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RunId {
    type Err = ulid::DecodeError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ulid::from_string(text).map(Self)
    }
}

impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Who asked for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The command line.
    Cli,
    /// The holder of an HTTP token.
    Http(Arc<str>),
    /// A client of the Model Context Protocol.
    Mcp(Arc<str>),
    /// Another skill.
    Skill(Arc<str>),
    /// A message on a channel.
    Channel(Arc<str>),
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cli => f.write_str("cli"),
            Self::Http(name) => write!(f, "http:{name}"),
            Self::Mcp(name) => write!(f, "mcp:{name}"),
            Self::Skill(name) => write!(f, "skill:{name}"),
            Self::Channel(name) => write!(f, "channel:{name}"),
        }
    }
}

impl Serialize for Caller {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Caller {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (kind, name) = text.split_once(':').unwrap_or((&text, ""));
        let name = Arc::from(name);
        Ok(match kind {
            "http" => Self::Http(name),
            "mcp" => Self::Mcp(name),
            "skill" => Self::Skill(name),
            "channel" => Self::Channel(name),
            "cli" => Self::Cli,
            _ => return Err(serde::de::Error::custom("a caller is `cli`, `skill:NAME` or `channel:NAME`")),
        })
    }
}

/// How urgent a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the usual five")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// A line that a run logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How urgent.
    pub level: Level,
    /// `run` for `run.log`, else `stdout` or `stderr`.
    pub from: String,
    /// The text.
    pub message: String,
}

/// A host call that a run made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCallRecord {
    /// Interface and function: `blackboard.get`.
    pub call: String,
    /// What of it: the key, channel or tool, cut short.
    pub what: String,
    /// Since the run began, in microseconds.
    pub at_us: u64,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// The host's refusal, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One run as callers get it, as the log keeps it and as `run --json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its name.
    pub run: RunId,
    /// The skill that was asked for, also if there is none.
    pub skill: Arc<str>,
    /// The tool, or `handle` for a message.
    pub tool: Arc<str>,
    /// The generation that answered; none if it came to none.
    pub digest: Option<Digest>,
    /// Whose run it is.
    pub tenant: Tenant,
    /// Who asked for it.
    pub caller: Caller,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// True if the tool gave its output.
    pub ok: bool,
    /// What it gave.
    pub output: Option<Arc<Output>>,
    /// Why it gave nothing.
    pub error: Option<RunError>,
    /// What it used.
    pub usage: Usage,
    /// Its log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogLine>,
    /// Its host calls, the first ones if there were many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<HostCallRecord>,
}
