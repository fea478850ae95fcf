//! The configuration, decoded once.
//!
//! Contract: every key has a default; an unknown key is an error with its line; `SKILLHOST_SECTION__KEY` in
//! the environment overrides the file. Sizes and durations carry units.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::Deserialize;
use serde_json::{Map, Value};
use skillhost_ledger::Budget;
use skillhost_types::{ByteSize, GrantRule, Limits, SkillName};

mod agents;
mod origin;
mod sections;
mod served;
#[cfg(test)]
mod tests;

pub use agents::{AgentConfig, CronTimes, Deliver, Restart};
pub use origin::{Origin, Setting, Settings};
pub use sections::{
    ApprovalConfig, BlackboardConfig, CarryOver, EventsConfig, HostLimits, Merge, NetworkConfig, Recording,
    RedisConfig, SecretConfig, SkillConfig,
};
pub use served::{FeedConfig, HttpConfig, Listen, McpConfig, TlsConfig};

/// What an environment variable must begin with to be a setting.
const PREFIX: &str = "SKILLHOST_";

/// The configuration that is read when none is named.
pub const DEFAULT_FILE: &str = "config.yaml";

/// The directory name that every skill with files of its own has already.
const OWN_FOLDER: &str = "skill";

/// Longest configuration file, in bytes: a thousand skills with sections of their own fit.
const LARGEST_FILE: u64 = 1 << 20;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The drop folder.
    pub skills_dir: PathBuf,
    /// Where everything durable lies: the event log, compiled code, serving bytes.
    pub data_dir: PathBuf,
    /// Where HTTP is served.
    pub listen: Listen,
    /// Largest body of a request over HTTP.
    pub max_body: ByteSize,
    /// How HTTP is served.
    pub http: HttpConfig,
    /// The Model Context Protocol.
    pub mcp: McpConfig,
    /// The live feed.
    pub feed: FeedConfig,
    /// When outcomes are given out.
    pub recording: Recording,
    /// What a run may use, and how many run at once.
    pub limits: HostLimits,
    /// What is granted without a person's word, and what that word is good for.
    pub approval: ApprovalConfig,
    /// What the operator grants to single skills, and so decides for them.
    pub grants: BTreeMap<SkillName, Vec<GrantRule>>,
    /// What is set for single skills.
    pub skills: BTreeMap<SkillName, SkillConfig>,
    /// Directories by the names that grants of `fs.read` and `fs.write` give them.
    pub dirs: BTreeMap<String, PathBuf>,
    /// What the host adds to requests of skills, by the names that grants of `secrets.use` give them.
    pub secrets: BTreeMap<String, SecretConfig>,
    /// The way out.
    pub network: NetworkConfig,
    /// The event log.
    pub events: EventsConfig,
    /// The blackboard.
    pub blackboard: BlackboardConfig,
    /// Language models; none: what is found on this machine and in the environment.
    pub llm: Option<skillhost_llm::Config>,
    /// What may be spent on them.
    pub budgets: Vec<Budget>,
    /// The agents.
    pub agents: BTreeMap<SkillName, AgentConfig>,
    /// The file that all this was read from.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// What of it was set, and where.
    #[serde(skip)]
    pub settings: Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            skills_dir: "skills/dist".into(),
            data_dir: "data".into(),
            listen: Listen::default(),
            // As much as a run takes by default.
            max_body: ByteSize(1 << 20),
            http: HttpConfig::default(),
            mcp: McpConfig::default(),
            feed: FeedConfig::default(),
            recording: Recording::Durable,
            limits: HostLimits::default(),
            approval: ApprovalConfig::default(),
            grants: BTreeMap::new(),
            skills: BTreeMap::new(),
            dirs: BTreeMap::from([("workspace".to_owned(), PathBuf::from("."))]),
            secrets: BTreeMap::new(),
            network: NetworkConfig::default(),
            events: EventsConfig::default(),
            blackboard: BlackboardConfig::default(),
            llm: None,
            budgets: Vec::new(),
            agents: BTreeMap::new(),
            file: None,
            settings: Settings::new(),
        }
    }
}

/// Why a configuration is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is no valid configuration.
    #[error("{}: {message}", path.display())]
    Invalid {
        /// Which.
        path: PathBuf,
        /// What and at which line.
        message: String,
    },
    /// An environment variable is no valid setting.
    #[error("the environment variable {name}: {message}")]
    Environment {
        /// Which.
        name: String,
        /// What.
        message: String,
    },
}

impl Config {
    /// Reads `path`, or takes the defaults, and lays the environment over it.
    pub fn load(
        path: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let document = match path {
            Some(path) => read(path)?,
            None => Value::Object(Map::new()),
        };
        let invalid = |message| {
            let path = path.map_or_else(|| PathBuf::from(PREFIX), Path::to_owned);
            ConfigError::Invalid { path, message }
        };
        let config = decode(&document).map_err(invalid)?;
        let mut settings = Settings::new();
        origin::note(&mut settings, &document, &Origin::File);
        let mut config = overlay(document, config, environment, &mut settings)?;
        config.check().map_err(invalid)?;
        config.file = path.map(Path::to_owned);
        config.settings = settings;
        Ok(config)
    }

    /// Notes that the command line set `key`.
    pub fn set_on_command_line(&mut self, key: &str, value: impl ToString) {
        let setting = Setting { value: Value::String(value.to_string()), origin: Origin::CommandLine };
        self.settings.insert(key.to_owned(), setting);
    }

    /// What the types alone do not say.
    fn check(&self) -> Result<(), String> {
        let is_name = |name: &str| SkillName::new(name).is_ok();
        let wrong = |section: &str, name: &str| {
            format!(
                "`{section}.{name}`: a name is of a-z, 0-9 and `-` and begins with a letter, so that a grant can say it"
            )
        };
        if let Some(name) = self.dirs.keys().find(|name| !is_name(name)) {
            return Err(wrong("dirs", name));
        }
        if self.dirs.contains_key(OWN_FOLDER) {
            return Err(format!(
                "`dirs.{OWN_FOLDER}`: that is where a skill finds its own folder; choose another name"
            ));
        }
        for (name, agent) in &self.agents {
            agent.check().map_err(|reason| format!("`agents.{name}`: {reason}"))?;
        }
        match self.secrets.keys().find(|name| !is_name(name)) {
            Some(name) => Err(wrong("secrets", name)),
            None => Ok(()),
        }
    }

    /// The limits of `skill`'s runs.
    pub fn limits_of(&self, skill: &SkillName) -> Limits {
        let limits = self.limits.of_a_run();
        match self.skills.get(skill) {
            Some(own) => limits.patched(&own.limits),
            None => limits,
        }
    }

    /// What `skill` reads through `wasi:config`: texts as they are, everything else as JSON.
    pub fn config_of(&self, skill: &SkillName) -> BTreeMap<String, String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let own = self.skills.get(skill).map(|own| &own.config).into_iter().flatten();
        own.map(|(key, value)| (key.clone(), text(value))).collect()
    }

    /// The largest memory that any skill may have: what the instance pool must hold.
    pub fn largest_memory(&self) -> u64 {
        let own = self.skills.values().filter_map(|skill| skill.limits.memory).map(|ByteSize(bytes)| bytes);
        own.chain([self.limits.memory.0]).max().unwrap_or_default()
    }
}

/// The text of an ordinary file that is not too long. Nothing else is waited for or read without end.
fn text_of(path: &Path) -> io::Result<String> {
    let file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no ordinary file"));
    }
    let mut text = String::new();
    file.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(io::Error::other(format!("a configuration is at most {LARGEST_FILE} bytes long")));
    }
    Ok(text)
}

fn read(path: &Path) -> Result<Value, ConfigError> {
    let text = text_of(path).map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Value::Object(Map::new()));
    }
    let invalid =
        |error: serde_saphyr::Error| ConfigError::Invalid { path: path.to_owned(), message: error.to_string() };
    // Decoded from the text itself first: that is where errors have lines.
    // Without the excerpt, which says the message twice.
    // `yes` and `y` are words, as in `skill: y`, in both passes.
    let options = serde_saphyr::options! { with_snippet: false, strict_booleans: true };
    serde_saphyr::from_str_with_options::<Config>(&text, options.clone()).map_err(invalid)?;
    serde_saphyr::from_str_with_options::<Value>(&text, options).map_err(invalid)
}

/// `SKILLHOST_LIMITS__FUEL=5` sets `limits.fuel`. A single name without `__` is a top-level key; others that
/// begin the same but name no section (`SKILLHOST_LOG`) are not ours.
fn overlay(
    mut document: Value,
    mut config: Config,
    environment: impl IntoIterator<Item = (String, String)>,
    noted: &mut Settings,
) -> Result<Config, ConfigError> {
    const TOP_LEVEL: [&str; 5] = ["skills_dir", "data_dir", "listen", "max_body", "recording"];
    let mut settings: Vec<_> = environment.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    settings.sort();
    for (name, text) in settings {
        let key = name.strip_prefix(PREFIX).unwrap_or_default().to_lowercase();
        if !key.contains("__") && !TOP_LEVEL.contains(&key.as_str()) {
            continue;
        }
        let path: Vec<&str> = key.split("__").collect();
        // A number stays one where the key wants one; otherwise it is the text as it stands.
        let candidates =
            [serde_json::from_str::<Value>(&text).ok().filter(Value::is_number), Some(Value::String(text))];
        let mut outcome = Err(String::new());
        for candidate in candidates.into_iter().flatten() {
            let mut changed = document.clone();
            put(&mut changed, &path, candidate);
            outcome = decode(&changed).map(|config| (config, changed));
            if outcome.is_ok() {
                break;
            }
        }
        match outcome {
            Ok(changed) => (config, document) = changed,
            Err(message) => return Err(ConfigError::Environment { name, message }),
        }
        origin::note(noted, &document, &Origin::Environment(name));
    }
    Ok(config)
}

fn decode(document: &Value) -> Result<Config, String> {
    serde_json::from_value(document.clone()).map_err(|error| error.to_string())
}

fn put(document: &mut Value, path: &[&str], value: Value) {
    let Some((key, rest)) = path.split_first() else {
        *document = value;
        return;
    };
    if !document.is_object() {
        *document = Value::Object(Map::new());
    }
    if let Value::Object(fields) = document {
        // Skills are named with `-`, which shells do not take in a variable's name.
        let existing = fields.keys().find(|name| name.replace('-', "_") == **key).cloned();
        put(fields.entry(existing.unwrap_or_else(|| (*key).to_owned())).or_insert(Value::Null), rest, value);
    }
}
