//! The `agents` section.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::CronParser;
use serde::{Deserialize, Deserializer};
use skillhost_types::{Capability, Grant, SkillName, Tenant, parse_duration};

use super::sections::duration;

/// The shortest time between two wake-ups by the clock: what wakes more often than this is a loop, not a schedule.
const SHORTEST_EVERY: Duration = Duration::from_secs(1);

/// Messages that one agent may take at once at the most; each takes a run's place.
const MOST_AT_ONCE: u32 = 64;

/// A named identity that runs a skill whenever a message or the clock wakes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// The skill that it runs.
    pub skill: SkillName,
    /// Channel patterns that it hears in place of the manifest's; the operator's grant for them as well.
    #[serde(default)]
    pub subscribe: Option<Vec<String>>,
    /// Who gets a message where several hosts run the agent.
    #[serde(default)]
    pub deliver: Deliver,
    /// For people and for discovery.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Whose it is.
    #[serde(default)]
    pub tenant: Tenant,
    /// Woken up so often.
    #[serde(default, deserialize_with = "every")]
    pub every: Option<Duration>,
    /// Woken up at these times, in UTC.
    #[serde(default)]
    pub cron: Option<CronTimes>,
    /// Messages that it takes at once, of different channels.
    #[serde(default = "one", deserialize_with = "concurrency")]
    pub concurrency: u32,
    /// What becomes of a message that its handler failed on.
    #[serde(default)]
    pub restart: Restart,
    /// How often such a message is handed over in all.
    #[serde(default = "three", deserialize_with = "attempts")]
    pub attempts: u32,
    /// How long the second attempt waits; each later one waits twice as long as the one before it.
    #[serde(default = "second", deserialize_with = "duration")]
    pub backoff: Duration,
}

/// Who gets a message where several hosts run the same agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Deliver {
    /// Every host's.
    #[default]
    All,
    /// One host's: as of a queue.
    One,
}

impl Deliver {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::One => "one",
        }
    }
}

/// What becomes of a message that its handler failed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// It is handed over again, `attempts` times in all.
    #[default]
    OnFailure,
    /// It is parked at once.
    Never,
}

/// Times in the notation of cron: five fields, or six with seconds in front.
#[derive(Debug, Clone, PartialEq)]
pub struct CronTimes(pub Cron);

impl<'de> Deserialize<'de> for CronTimes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        CronTimes::from_str(&text).map_err(serde::de::Error::custom)
    }
}

impl FromStr for CronTimes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parser = CronParser::builder().seconds(croner::parser::Seconds::Optional).build();
        let cron = parser.parse(text).map_err(|error| format!("`{text}` is no cron expression: {error}"))?;
        // From any day on: what fits no day of the years to come never will.
        match cron.find_next_occurrence(&DateTime::<Utc>::UNIX_EPOCH, false) {
            Ok(_) => Ok(Self(cron)),
            Err(_) => Err(format!("no day fits `{text}`")),
        }
    }
}

fn one() -> u32 {
    1
}

fn three() -> u32 {
    3
}

fn second() -> Duration {
    Duration::from_secs(1)
}

fn every<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let every = parse_duration(&text).map_err(serde::de::Error::custom)?;
    if every < SHORTEST_EVERY {
        return Err(serde::de::Error::custom(format!("`every: {text}` is too often; once a second is the most")));
    }
    Ok(Some(every))
}

fn concurrency<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    between("concurrency", MOST_AT_ONCE, deserializer)
}

fn attempts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    // More than this is a loop that fills the log.
    between("attempts", 100, deserializer)
}

fn between<'de, D: Deserializer<'de>>(name: &str, most: u32, deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        number if (1..=most).contains(&number) => Ok(number),
        number => Err(serde::de::Error::custom(format!("`{name}` is 1 to {most}, not {number}"))),
    }
}

impl AgentConfig {
    /// What the types alone do not say.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.every.is_some() && self.cron.is_some() {
            return Err("give `every` or `cron`, not both".to_owned());
        }
        for pattern in self.subscribe.iter().flatten() {
            let grant = Grant::new(Capability::BlackboardSubscribe, pattern);
            let strange = pattern.starts_with('@') || pattern.chars().any(char::is_whitespace);
            if grant.is_err() || strange {
                let shown = pattern.escape_debug();
                return Err(format!("no channel fits `subscribe: {shown}`: they have no spaces and begin with no `@`"));
            }
        }
        Ok(())
    }

    /// The agent that runs `skill` under its own name: what a section says that names the skill and nothing else.
    pub(crate) fn of(skill: &SkillName) -> Self {
        Self {
            skill: skill.clone(),
            subscribe: None,
            deliver: Deliver::default(),
            tags: Vec::new(),
            tenant: Tenant::default(),
            every: None,
            cron: None,
            concurrency: one(),
            restart: Restart::default(),
            attempts: three(),
            backoff: second(),
        }
    }
}
