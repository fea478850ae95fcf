//! What skills use and never see: where it comes from, and to whom it is given.
//!
//! Contract: a value comes from the environment or from a file, never from the configuration itself, and is held where
//! nothing prints it. Price: read once, when the host opens.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};
use skillhost_network::{CertificateDer, Network, NetworkOptions, Resolve, Secret, certificates};
use skillhost_redaction::Redactor;

use crate::config::{Config, SecretConfig};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Where a secret's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// `${NAME}`: a variable of the environment.
    Environment(String),
    /// `file:PATH`: a file's text, without the line's end.
    File(PathBuf),
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).filter(|name| !name.is_empty());
        match (name, text.strip_prefix("file:").filter(|path| !path.is_empty())) {
            (Some(name), _) => Ok(Self::Environment(name.to_owned())),
            (None, Some(path)) => Ok(Self::File(path.into())),
            // Without the text: it may be the secret itself.
            (None, None) => {
                Err(serde::de::Error::custom("a secret is given as `${ENV_NAME}` or `file:PATH`, never in clear"))
            }
        }
    }
}

impl SecretSource {
    fn read(&self) -> Result<SecretString, Failure> {
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
    let mut options =
        NetworkOptions { secrets, roots: roots(config.network.ca_file.as_deref())?, ..Default::default() };
    if let Some(resolver) = resolver {
        options.resolver = resolver;
    }
    Ok((Network::new(options)?, Redactor::new(known)?))
}

fn roots(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let Some(file) = file else { return Ok(Vec::new()) };
    certificates(file).map_err(|error| format!("`network.ca_file` {}: {error}", file.display()).into())
}
