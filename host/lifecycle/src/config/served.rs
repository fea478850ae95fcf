//! The sections about what is served to people and programs.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::sections::duration;

/// Where HTTP is served when nothing else is said.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8650";

/// Where HTTP is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// `HOST:PORT`; port 0: any that is free.
    Tcp(String),
    /// `unix:PATH`: a socket that only whoever may open it reaches.
    Unix(PathBuf),
}

/// The `http` section.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Certificate and key; none: no TLS.
    pub tls: Option<TlsConfig>,
    /// Names under which the host is reached besides its address and `localhost`, for the check of `Host` and `Origin`.
    pub hosts: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed, as addresses or networks.
    pub proxies: Vec<String>,
    /// Connections at once.
    pub connections: usize,
    /// How long a request's head may take to arrive.
    #[serde(deserialize_with = "some_time")]
    pub header_timeout: Duration,
    /// How long a request's body may take to arrive.
    #[serde(deserialize_with = "some_time")]
    pub body_timeout: Duration,
    /// How long what runs may take to its end when the host stops.
    #[serde(deserialize_with = "duration")]
    pub grace: Duration,
}

/// Certificate and key, in PEM.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate and what it was signed with.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The `mcp` section.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct McpConfig {
    /// After how long a call becomes a task, for clients that know tasks.
    #[serde(deserialize_with = "duration")]
    pub task_after: Duration,
}

/// The `feed` section.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeedConfig {
    /// Events a second for each listener; the others come as a summary.
    pub rate: NonZeroU32,
    /// Events that a new listener gets, and the largest gap that is made good.
    pub replay: usize,
    /// Connections at once from one address.
    pub per_address: usize,
    /// How long a listener may take nothing.
    #[serde(deserialize_with = "some_time")]
    pub send_timeout: Duration,
}

impl Default for Listen {
    fn default() -> Self {
        Self::Tcp(DEFAULT_ADDRESS.to_owned())
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(wrong(text)) } else { Ok(Self::Unix(path.into())) };
        }
        let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
        if matches!(port, Some(Ok(_))) { Ok(Self::Tcp(text.to_owned())) } else { Err(wrong(text)) }
    }
}

fn wrong(text: &str) -> String {
    format!("`{text}` is no address to listen on; write `HOST:PORT`, such as {DEFAULT_ADDRESS}, or `unix:PATH`")
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            tls: None,
            hosts: Vec::new(),
            proxies: Vec::new(),
            // A thousand listeners of the feed and as many callers, well below the usual limit of open files.
            connections: 4_096,
            // Heads are written in one go; this is a bad line's time, and not a slow reader's attack.
            header_timeout: Duration::from_secs(10),
            // A megabyte over a bad line.
            body_timeout: Duration::from_secs(30),
            // A run's default time limit.
            grace: Duration::from_secs(30),
        }
    }
}

impl Default for McpConfig {
    fn default() -> Self {
        // Assistants give up on a call after a minute or so; most tools are done long before.
        Self { task_after: Duration::from_secs(20) }
    }
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self {
            // What a person can follow with the eyes.
            rate: NonZeroU32::new(10).unwrap_or(NonZeroU32::MIN),
            // A page full.
            replay: 100,
            // A household of browsers and scripts behind one router, not a flood.
            per_address: 64,
            // A bad mobile connection passes, a dead one is not kept.
            send_timeout: Duration::from_secs(5),
        }
    }
}

/// A time that is not zero: nobody would be served.
fn some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let time = duration(deserializer)?;
    if time.is_zero() {
        return Err(serde::de::Error::custom("a time of zero would serve nobody; write 5s, for example"));
    }
    Ok(time)
}
