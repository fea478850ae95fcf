//! What skills use and never see: where it comes from, and to whom it is given.
//!
//! Contract: a value comes from the environment or from a file, never from the configuration itself, and is held where
//! nothing prints it. Price: read once, when the host opens.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};
use skillhost_network::{CertificateDer, Network, NetworkOptions, Resolve, Secret, certificates};
use skillhost_redaction::{MAX_SECRET_BYTES, Redactor};

use crate::config::{Config, SecretConfig};

/// The shortest password or key of the host's own that is taken out of texts, in bytes.
const SHORTEST_OWN: usize = 8;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Where a secret's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// `${NAME}`: a variable of the environment.
    Environment(String),
    /// `file:PATH`: a file's text, without the line's end.
    File(PathBuf),
}

/// Not in clear: what stands there may be the secret itself, so it is not shown.
#[derive(Debug, thiserror::Error)]
#[error("a secret is given as `${{ENV_NAME}}` or `file:PATH`, never in clear")]
pub struct InClear;

impl FromStr for SecretSource {
    type Err = InClear;

    fn from_str(text: &str) -> Result<Self, InClear> {
        let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).filter(|name| !name.is_empty());
        match (name, text.strip_prefix("file:").filter(|path| !path.is_empty())) {
            (Some(name), _) => Ok(Self::Environment(name.to_owned())),
            (None, Some(path)) => Ok(Self::File(path.into())),
            (None, None) => Err(InClear),
        }
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl SecretSource {
    pub(crate) fn read(&self) -> Result<SecretString, Failure> {
        match self {
            Self::Environment(name) => {
                std::env::var(name).map(SecretString::from).map_err(|_| format!("${name} is not set").into())
            }
            Self::File(path) => {
                let text = SecretString::from(
                    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?,
                );
                Ok(text.expose_secret().trim_end_matches(['\r', '\n']).into())
            }
        }
    }
}

/// Where all secrets of `config` come from, by names to show in their place.
pub(crate) fn sources(config: &Config) -> Vec<(String, SecretSource)> {
    let own = config.secrets.iter().map(|(name, secret)| (name.clone(), secret.value.clone()));
    let password = config.blackboard.redis.iter().filter_map(|redis| redis.password.clone());
    let providers = config.llm.iter().flat_map(|llm| &llm.providers);
    let keys = providers
        .filter_map(|(name, provider)| Some((format!("llm/{name}"), provider.key.as_ref()?.as_str().parse().ok()?)));
    let found =
        skillhost_llm::key_variables().map(|name| (name.to_owned(), SecretSource::Environment(name.to_owned())));
    own.chain(password.map(|source| ("redis".to_owned(), source))).chain(keys).chain(found).collect()
}

/// The way out, and what keeps the secrets in it out of everything else.
pub(crate) fn open(
    config: &Config,
    resolver: Option<std::sync::Arc<dyn Resolve>>,
) -> Result<(Network, Redactor), Failure> {
    let mut secrets = Vec::new();
    let mut known = Vec::new();
    for (name, SecretConfig { value, hosts, header }) in &config.secrets {
        let value = match value.read() {
            Ok(value) => value,
            // Most commands need none; the requests that do say that they are not allowed in.
            Err(error) => {
                tracing::warn!(secret = name, %error, "requests go out without this secret");
                continue;
            }
        };
        secrets.push(Secret::new(name, value.clone(), hosts, header)?);
        known.push((name.clone(), value));
    }
    // Of those that the host uses itself the short ones stay: they would be found everywhere.
    let own = sources(config).into_iter().filter(|(name, _)| !config.secrets.contains_key(name));
    known.extend(own.filter_map(|(name, source)| {
        let value = source.read().ok()?;
        (SHORTEST_OWN..=MAX_SECRET_BYTES).contains(&value.expose_secret().len()).then_some((name, value))
    }));
    let mut options =
        NetworkOptions { secrets, roots: roots(config.network.ca_file.as_deref())?, ..Default::default() };
    if let Some(resolver) = resolver {
        options.resolver = resolver;
    }
    Ok((Network::new(options)?, Redactor::new(known)?))
}

/// The certificate authorities that the operator trusts besides the public ones.
pub(crate) fn roots(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let Some(file) = file else { return Ok(Vec::new()) };
    certificates(file).map_err(|error| format!("`network.ca_file` {}: {error}", file.display()).into())
}
