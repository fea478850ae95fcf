//! A configuration for who has none.
//!
//! Contract: without `providers` there are an Ollama at its usual address (or `OLLAMA_HOST`), and OpenAI, Anthropic
//! and Gemini where their keys are set. The aliases `default` and `local` try them in this order, `embed` is for
//! vectors; aliases of the configuration win. Price: a few look-ups of variables when the router is made.

use secrecy::ExposeSecret as _;
use url::Url;

use crate::ConfigError;
use crate::config::{Config, DEFAULT, KeySource, Kind, ProviderConfig, parse_address};
use crate::router::Secrets;

/// The alias for vectors, also where a request names no model.
pub(crate) const EMBED: &str = "embed";

/// The alias for whatever is near.
const LOCAL: &str = "local";

/// Ollama's port.
const OLLAMA_PORT: u16 = 11_434;

struct Known {
    name: &'static str,
    kind: Kind,
    /// Without it the provider is left out; Ollama needs none.
    key: Option<&'static str>,
    address: Option<&'static str>,
    /// Small and cheap ones: who wants others writes a configuration.
    chat: &'static str,
    embed: Option<&'static str>,
}

const KNOWN: [Known; 4] = [
    Known {
        name: "ollama",
        kind: Kind::Ollama,
        key: None,
        address: Some("OLLAMA_HOST"),
        chat: "llama3.2",
        embed: Some("nomic-embed-text"),
    },
    Known {
        name: "openai",
        kind: Kind::OpenAi,
        key: Some("OPENAI_API_KEY"),
        address: Some("OPENAI_BASE_URL"),
        chat: "gpt-4o-mini",
        embed: Some("text-embedding-3-small"),
    },
    Known {
        name: "anthropic",
        kind: Kind::Anthropic,
        key: Some("ANTHROPIC_API_KEY"),
        address: None,
        chat: "claude-haiku-4-5",
        embed: None,
    },
    Known {
        name: "gemini",
        kind: Kind::Gemini,
        key: Some("GEMINI_API_KEY"),
        address: None,
        chat: "gemini-2.5-flash",
        embed: Some("gemini-embedding-001"),
    },
];

/// The variables of the environment in which keys are looked for.
pub fn key_variables() -> impl Iterator<Item = &'static str> {
    KNOWN.into_iter().filter_map(|known| known.key)
}

/// Them in a sentence: `OPENAI_API_KEY (or …)`.
pub(crate) fn keys() -> String {
    let mut keys = key_variables();
    let first = keys.next().unwrap_or_default();
    format!("{first} (or {})", keys.collect::<Vec<_>>().join(", "))
}

/// `config` with the providers of the environment.
pub(crate) fn detect(config: &Config, secrets: &Secrets) -> Result<Config, ConfigError> {
    let read = |name: &'static str| {
        let value = secrets(KeySource::variable(name).as_str()).ok()?;
        Some(value).filter(|value| !value.expose_secret().trim().is_empty())
    };
    let mut detected = config.clone();
    let (mut chat, mut embed) = (Vec::new(), Vec::new());
    for known in KNOWN {
        let usable = known.key.is_none_or(|key| read(key).is_some());
        // One that the configuration names is there, and says what it lacks.
        if !usable && !config.names(known.name) {
            continue;
        }
        let url = match known.address.and_then(|variable| Some((variable, read(variable)?))) {
            Some((variable, value)) => {
                let text = value.expose_secret().trim();
                let url = if known.kind == Kind::Ollama { ollama_address(text) } else { parse_address(text) };
                Some(url.map_err(|reason| ConfigError::Environment { variable, reason })?)
            }
            None => None,
        };
        let provider = ProviderConfig {
            kind: Some(known.kind),
            url,
            key: known.key.map(KeySource::variable),
            ..ProviderConfig::default()
        };
        detected.providers.insert(known.name.to_owned(), provider);
        if usable {
            chat.push(format!("{}/{}", known.name, known.chat));
            embed.extend(known.embed.map(|model| format!("{}/{model}", known.name)));
        }
    }
    for (alias, cascade) in [(DEFAULT, chat.clone()), (LOCAL, chat), (EMBED, embed)] {
        detected.models.entry(alias.to_owned()).or_insert(cascade);
    }
    Ok(detected)
}

/// What Ollama's own variable may hold: `host`, `host:port`, `:port` of this machine, an address; that of a server that listens everywhere
/// is reached at the loopback address.
fn ollama_address(text: &str) -> Result<Url, &'static str> {
    let explicit = text.contains("://");
    let (scheme, place) = text.split_once("://").unwrap_or(("http", text));
    let host = if place.starts_with(':') { "localhost" } else { "" };
    let mut url = parse_address(&format!("{scheme}://{host}{place}"))?;
    let port = url.port().or(explicit.then(|| url.port_or_known_default()).flatten()).unwrap_or(OLLAMA_PORT);
    let everywhere = matches!(url.host_str(), Some("0.0.0.0" | "[::]"));
    if everywhere {
        url.set_host(Some("127.0.0.1")).map_err(|_| "no host")?;
    }
    url.set_port(Some(port)).map_err(|()| "no port")?;
    Ok(url)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
    use super::*;

    fn secrets(variables: &'static [(&str, &str)]) -> Box<Secrets> {
        Box::new(move |source| {
            let found = variables.iter().find(|(name, _)| source == format!("${{{name}}}"));
            found.map(|(_, value)| (*value).into()).ok_or_else(|| format!("{source} is not set"))
        })
    }

    #[test]
    fn without_a_section_ollama_is_tried_and_then_who_has_a_key() {
        let config = detect(&Config::default(), &secrets(&[])).unwrap();
        assert_eq!(config.models["default"], ["ollama/llama3.2"]);
        let config = detect(&Config::default(), &secrets(&[("OPENAI_API_KEY", "k"), ("GEMINI_API_KEY", "k")])).unwrap();
        assert_eq!(config.models["local"], ["ollama/llama3.2", "openai/gpt-4o-mini", "gemini/gemini-2.5-flash"]);
        config.check().unwrap();
        assert_eq!(config.default_model(), Some("default"));
    }

    #[test]
    fn one_that_the_configuration_names_is_there_without_its_key() {
        let named = Config { default: Some("openai/gpt-4o-mini".into()), ..Config::default() };
        let config = detect(&named, &secrets(&[])).unwrap();
        assert!(config.providers.contains_key("openai") && !config.providers.contains_key("gemini"));
        config.check().unwrap();
    }

    #[test]
    fn addresses_of_the_environment_are_honoured() {
        for (given, expected) in [
            ("myhost", "http://myhost:11434/"),
            ("0.0.0.0", "http://127.0.0.1:11434/"),
            ("127.0.0.1:9999", "http://127.0.0.1:9999/"),
            (":21434", "http://localhost:21434/"),
            ("http://:21434", "http://localhost:21434/"),
            ("https://models.example", "https://models.example/"),
            ("http://models.example:8000", "http://models.example:8000/"),
        ] {
            assert_eq!(ollama_address(given).unwrap().as_str(), expected);
        }
        let config = detect(
            &Config::default(),
            &secrets(&[("OPENAI_API_KEY", "k"), ("OPENAI_BASE_URL", "http://127.0.0.1:8080/v1")]),
        );
        assert_eq!(config.unwrap().providers["openai"].url.as_ref().unwrap().as_str(), "http://127.0.0.1:8080/v1");
        let wrong = detect(&Config::default(), &secrets(&[("OLLAMA_HOST", "ftp://x")])).unwrap_err();
        assert!(wrong.to_string().contains("OLLAMA_HOST"), "{wrong}");
    }
}
