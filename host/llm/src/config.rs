//! The `llm` section, decoded once.
//!
//! Contract: every key has a default, an unknown key is an error, and keys of providers are named, never given.
//! Without `providers` those of the environment are taken: see `detect`.

use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use skillhost_types::parse_duration;
use url::Url;

use crate::ConfigError;
use crate::limits::CONCURRENCY;
use crate::price::Price;

/// The alias that is used where neither request nor configuration names a model.
pub(crate) const DEFAULT: &str = "default";

/// Longest time that can be set: whoever waits longer for a model waits for nothing, and sums of times cannot
/// overflow.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// The `llm` section.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What a request without a model gets: an alias, or `provider/model`. None: the alias `default`, else the only
    /// alias.
    pub default: Option<String>,
    /// Aliases; each is a cascade of `provider/model`, tried in order.
    pub models: BTreeMap<String, Vec<String>>,
    /// When a provider is left alone.
    pub breaker: BreakerConfig,
    /// How long is waited for a provider.
    pub timeouts: Timeouts,
    /// What tokens cost, by `provider/model`. Where it is not said they count as free, which a budget in money takes of
    /// local providers only; see [`Charge::priced`](crate::Charge::priced).
    pub prices: BTreeMap<String, Price>,
    /// Who answers, by name.
    pub providers: BTreeMap<String, ProviderConfig>,
}

/// When a provider is left alone, and for how long.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    /// Attempts that are looked at.
    pub window: NonZeroUsize,
    /// Attempts before anything is decided.
    pub min_calls: NonZeroUsize,
    /// The share of failures that opens the breaker.
    pub failure_rate: f64,
    /// How long the provider is left alone.
    #[serde(deserialize_with = "duration")]
    pub open: Duration,
    /// The time doubles with every failed probe, up to this.
    #[serde(deserialize_with = "duration")]
    pub open_max: Duration,
    /// Probes at once, and how many must succeed.
    pub probes: NonZeroU32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            window: NonZeroUsize::MIN.saturating_add(19),
            min_calls: NonZeroUsize::MIN.saturating_add(4),
            failure_rate: 0.5,
            open: Duration::from_secs(30),
            open_max: Duration::from_secs(300),
            probes: NonZeroU32::MIN,
        }
    }
}

/// How long is waited for a provider in one attempt; never beyond the caller's deadline.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// For a connection.
    #[serde(deserialize_with = "duration")]
    pub connect: Duration,
    /// For the first piece of the answer: a local model may have to be loaded. While another candidate is left, it is
    /// at most half of the time that the caller has.
    #[serde(deserialize_with = "duration")]
    pub first_token: Duration,
    /// Between two pieces.
    #[serde(deserialize_with = "duration")]
    pub chunk: Duration,
    /// For the whole attempt.
    #[serde(deserialize_with = "duration")]
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            first_token: Duration::from_secs(60),
            chunk: Duration::from_secs(30),
            total: Duration::from_secs(120),
        }
    }
}

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Ollama's own interface.
    Ollama,
    /// OpenAI's chat completions, as llama.cpp, vLLM, LM Studio and many more have them.
    #[serde(rename = "openai")]
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
    /// Gemini's `generateContent`.
    Gemini,
}

impl Kind {
    /// The kind that a provider of this name has where it says none.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "ollama" => Self::Ollama,
            "openai" => Self::OpenAi,
            "anthropic" => Self::Anthropic,
            "gemini" => Self::Gemini,
            _ => return None,
        })
    }

    pub(crate) fn default_url(self) -> &'static str {
        match self {
            Self::Ollama => "http://localhost:11434",
            Self::OpenAi => "https://api.openai.com/v1",
            Self::Anthropic => "https://api.anthropic.com/v1",
            Self::Gemini => "https://generativelanguage.googleapis.com/v1beta",
        }
    }
}

/// One provider.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderConfig {
    /// What it speaks. None: what its name says.
    pub kind: Option<Kind>,
    /// Where it is. None: its kind's usual address.
    #[serde(deserialize_with = "address")]
    pub url: Option<Url>,
    /// Where its key is. Local servers need none.
    pub key: Option<KeySource>,
    /// Calls at once.
    pub concurrency: NonZeroUsize,
}

impl Default for ProviderConfig {
    fn default() -> Self {
        let concurrency = NonZeroUsize::MIN.saturating_add(CONCURRENCY - 1);
        Self { kind: None, url: None, key: None, concurrency }
    }
}

/// `${ENV_NAME}` or `file:PATH`: where a key is. Never the key.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySource(String);

impl KeySource {
    /// The variable `name`.
    pub(crate) fn variable(name: &str) -> Self {
        Self(format!("${{{name}}}"))
    }

    /// As it stands in the configuration.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for KeySource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let variable = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        if variable.or(text.strip_prefix("file:")).is_some_and(|name| !name.is_empty()) {
            return Ok(Self(text));
        }
        // Without the text: it may be the key itself.
        Err(serde::de::Error::custom("a key is given as `${ENV_NAME}` or `file:PATH`, never in clear"))
    }
}

impl Config {
    /// What the types alone do not say.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        for (name, provider) in &self.providers {
            if name.is_empty() || name.contains('/') {
                return Err(ConfigError::ProviderName(name.clone()));
            }
            if provider.kind.or(Kind::of_name(name)).is_none() {
                return Err(ConfigError::Kind(name.clone()));
            }
        }
        for (alias, cascade) in &self.models {
            if cascade.is_empty() {
                return Err(ConfigError::Empty(alias.clone()));
            }
            for model in cascade {
                self.known(model, &format!("models.{alias}"))?;
            }
        }
        for model in self.prices.keys() {
            self.known(model, "prices")?;
        }
        if let Some(default) = self.default.as_ref().filter(|name| !self.models.contains_key(*name)) {
            self.known(default, "default")?;
        }
        if !(self.breaker.failure_rate > 0.0 && self.breaker.failure_rate <= 1.0) {
            return Err(ConfigError::FailureRate);
        }
        Ok(())
    }

    fn known(&self, model: &str, place: &str) -> Result<(), ConfigError> {
        match model.split_once('/') {
            Some((provider, name)) if !name.is_empty() && self.providers.contains_key(provider) => Ok(()),
            Some((provider, name)) if !name.is_empty() => {
                Err(ConfigError::Provider { place: place.to_owned(), provider: provider.to_owned() })
            }
            _ => Err(ConfigError::Model { place: place.to_owned(), model: model.to_owned() }),
        }
    }

    /// Whether a model of this provider is anywhere in it.
    pub(crate) fn names(&self, provider: &str) -> bool {
        let mut models = self.models.values().flatten().chain(self.prices.keys()).chain(&self.default);
        models.any(|model| model.split_once('/').is_some_and(|(name, _)| name == provider))
    }

    /// What a request without a model gets.
    pub(crate) fn default_model(&self) -> Option<&str> {
        let only = || self.models.keys().next().filter(|_| self.models.len() == 1);
        let named = || self.models.get_key_value(DEFAULT).map(|(name, _)| name);
        self.default.as_ref().or_else(named).or_else(only).map(String::as_str)
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let duration = parse_duration(&text).map_err(serde::de::Error::custom)?;
    if duration.is_zero() || duration > LONGEST {
        return Err(serde::de::Error::custom("this time is longer than nothing and at most 24h"));
    }
    Ok(duration)
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    Option::<String>::deserialize(deserializer)?
        .map(|text| parse_address(&text).map_err(serde::de::Error::custom))
        .transpose()
}

/// An address without what could carry a key.
pub(crate) fn parse_address(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "an address is `http://HOST[:PORT][/PATH]` or `https://…`")?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("an address is `http://HOST[:PORT][/PATH]` or `https://…`");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("an address has no user, password or query; a key goes into `key`");
    }
    Ok(url)
}
