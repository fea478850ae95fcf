//! The sections of the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use skillhost_types::{ByteSize, GrantRule, Limits, LimitsPatch, parse_duration};

use crate::secrets::SecretSource;

/// When an outcome is given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recording {
    /// After it is on disk.
    #[default]
    Durable,
    /// At once; it is written within milliseconds.
    Relaxed,
}

/// The `limits` section: the defaults for every run, and how many run at once.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostLimits {
    /// See [`Limits::fuel`].
    pub fuel: u64,
    /// See [`Limits::timeout`].
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
    /// See [`Limits::memory`].
    pub memory: ByteSize,
    /// See [`Limits::input`].
    pub input: ByteSize,
    /// See [`Limits::output`].
    pub output: ByteSize,
    /// See [`Limits::host_calls`].
    pub host_calls: u64,
    /// See [`Limits::log`].
    pub log: ByteSize,
    /// Runs at once.
    pub concurrency: u32,
    /// How long the others wait for a place.
    #[serde(deserialize_with = "duration")]
    pub queue_timeout: Duration,
}

/// A skill's own section.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SkillConfig {
    /// Limits of its runs, narrower or wider.
    pub limits: LimitsPatch,
    /// What it reads through `wasi:config`.
    pub config: BTreeMap<String, Value>,
}

/// A value that the host adds to requests, where it comes from and where it may go.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretConfig {
    /// `${ENV_NAME}` or `file:PATH`.
    pub value: SecretSource,
    /// Which hosts it may go to, such as `https://api.github.com`.
    pub hosts: Vec<String>,
    /// The header, with `{}` for the value.
    pub header: String,
}

/// The `network` section.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkConfig {
    /// Certificate authorities, in PEM, that are trusted besides the public ones.
    pub ca_file: Option<PathBuf>,
}

/// The `events` section.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventsConfig {
    /// Where the head of the log's chain is written at start and stop. It is of use outside of the data directory.
    pub head_file: Option<PathBuf>,
}

/// The `approval` section.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApprovalConfig {
    /// What every skill is granted that asks for it; `self` is the skill's name.
    pub auto: Vec<GrantRule>,
    /// Whether an approval is good for later files of the skill.
    pub carry_over: CarryOver,
}

/// Whether an approval is good for later files of the skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CarryOver {
    /// For those that ask for no more.
    #[default]
    Narrower,
    /// For none.
    Never,
}

/// The `blackboard` section.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlackboardConfig {
    /// Is there one?
    pub enabled: bool,
    /// The server that holds it; none: it lies in the data directory.
    pub redis: Option<RedisConfig>,
    /// What all keys and channels on Redis begin with.
    pub keyspace_prefix: String,
    /// How long a value lives that is set without a time, in seconds; 0: for ever.
    pub ttl_seconds: u64,
    /// Whether the host's memory stands in while Redis is gone.
    pub fallback_to_memory: bool,
    /// What becomes of what was written to memory meanwhile.
    pub merge: Merge,
    /// Without Redis: whether it outlives the process.
    pub persist: bool,
}

/// Where Redis is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// `redis://HOST:PORT/DATABASE`, or `rediss://` for TLS.
    #[serde(deserialize_with = "without_password")]
    pub url: String,
    /// Its password.
    #[serde(default, deserialize_with = "optional_secret")]
    pub password: Option<SecretSource>,
}

/// What becomes of what was written to memory while Redis was gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Merge {
    /// It is dropped, and the host says what.
    #[default]
    Never,
    /// Keys that Redis does not have are written to it.
    Newer,
}

impl Default for HostLimits {
    fn default() -> Self {
        let Limits { fuel, timeout, memory, input, output, host_calls, log } = Limits::default();
        Self {
            fuel,
            timeout,
            memory: ByteSize(memory),
            input: ByteSize(input),
            output: ByteSize(output),
            host_calls,
            log: ByteSize(log),
            // Enough for every core to be busy while most runs wait for a backend; each place costs
            // address space and at the most one memory limit.
            concurrency: 64,
            queue_timeout: Duration::from_secs(5),
        }
    }
}

impl Default for ApprovalConfig {
    fn default() -> Self {
        // A skill may always keep what is its own, and say in the log what it did.
        let auto = ["blackboard.* self:*", "events.append skill.*"];
        Self { auto: auto.iter().filter_map(|rule| rule.parse().ok()).collect(), carry_over: CarryOver::default() }
    }
}

impl Default for BlackboardConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            redis: None,
            keyspace_prefix: "timmy".into(),
            ttl_seconds: 3_600,
            fallback_to_memory: true,
            merge: Merge::default(),
            persist: true,
        }
    }
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

impl HostLimits {
    pub(super) fn of_a_run(&self) -> Limits {
        Limits {
            fuel: self.fuel,
            timeout: self.timeout,
            memory: self.memory.0,
            input: self.input.0,
            output: self.output.0,
            host_calls: self.host_calls,
            log: self.log.0,
        }
    }
}

/// An empty text is no secret at all.
fn optional_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretSource>, D::Error> {
    match String::deserialize(deserializer)? {
        text if text.is_empty() => Ok(None),
        text => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

/// An address that holds no password in clear. It is not shown: what is wrong with it may be the secret.
fn without_password<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let url = String::deserialize(deserializer)?;
    let authority = url.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
    let password = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).map(|(_, password)| password);
    if password.is_some_and(|password| !password.is_empty()) {
        return Err(serde::de::Error::custom(
            "`blackboard.redis.url` holds a password in clear; take it out and write `password: \"${ENV_NAME}\"` beside it",
        ));
    }
    Ok(url)
}
