//! A configured provider with what it keeps between calls: breaker, places, metrics, rest.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretString};
use skillhost_types::Source;
use tokio::time::Instant;
use url::{Host, Url};

use crate::breaker::Breaker;
use crate::clock::Clock;
use crate::config::{BreakerConfig, Kind, ProviderConfig, Timeouts};
use crate::fault::{ErrorKind, Fault};
use crate::gate::Gate;
use crate::limits::{INSTALLED_FOR, KEY_RUN, MAX_REST, MAX_TAGS, TAGS_TIMEOUT};
use crate::metrics::Metrics;
use crate::transport::{Framing, get};
use crate::wire::{Installed, Place, tags, tags_url};
use crate::{Observer, ProviderMetrics};

/// A key, none where none is configured, or why there is none.
pub(crate) type Key = Result<Option<SecretString>, String>;

/// What makes a provider another one when the configuration changes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spec {
    pub(crate) kind: Kind,
    pub(crate) config: ProviderConfig,
    pub(crate) breaker: BreakerConfig,
    pub(crate) timeouts: Timeouts,
}

pub(crate) struct Provider {
    pub(crate) name: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) base: Url,
    pub(crate) breaker: Arc<Breaker>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) metrics: Metrics,
    pub(crate) client: Client,
    key: Key,
    spec: Spec,
    /// Until when it asked to be left alone.
    rest: Mutex<Duration>,
    /// Since when, and what.
    installed: Mutex<Option<(Duration, Arc<[Installed]>)>>,
}

impl Provider {
    pub(crate) fn new(
        name: &str,
        base: Url,
        spec: Spec,
        key: Key,
        client: Client,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let name: Arc<str> = name.into();
        let own_name = Arc::clone(&name);
        let on_change = Box::new(move |from, to| observer.breaker(&own_name, from, to));
        Self {
            breaker: Arc::new(Breaker::new(spec.breaker.clone(), spec.timeouts.total, on_change)),
            gate: Arc::new(Gate::new(spec.config.concurrency.get())),
            metrics: Metrics::new(),
            kind: spec.kind,
            name,
            base,
            client,
            key,
            spec,
            rest: Mutex::default(),
            installed: Mutex::default(),
        }
    }

    /// Whether this is still what the configuration means.
    pub(crate) fn is(&self, spec: &Spec, key: &Key) -> bool {
        let same_key = match (&self.key, key) {
            (Ok(Some(ours)), Ok(Some(theirs))) => ours.expose_secret() == theirs.expose_secret(),
            (Ok(None), Ok(None)) => true,
            (Err(ours), Err(theirs)) => ours == theirs,
            _ => false,
        };
        same_key && self.spec == *spec
    }

    /// Where requests go, unless there is no key or it asked to be left alone.
    pub(crate) fn place(&self, now: Duration) -> Result<Place<'_>, Fault> {
        let key = self.key.as_ref().map_err(|reason| Fault::new(ErrorKind::NoKey, reason.as_str()))?;
        let until = *self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        if now < until {
            return Err(left_alone(until - now, "as it asked"));
        }
        Ok(Place { kind: self.kind, base: &self.base, key: key.as_ref() })
    }

    /// Nobody asks it for so long.
    pub(crate) fn rest(&self, now: Duration, time: Duration) {
        let mut until = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        *until = (*until).max(now + time.min(MAX_REST));
    }

    /// The models that an Ollama has, if it was asked a short while ago.
    pub(crate) fn known(&self, now: Duration) -> Option<Arc<[Installed]>> {
        let cached = self.installed.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, installed) = cached.as_ref()?;
        (now.saturating_sub(*since) <= INSTALLED_FOR).then(|| Arc::clone(installed))
    }

    /// Asks an Ollama for its models. None: it does not say.
    pub(crate) async fn ask_models(&self, source: &dyn Source, deadline: Instant) -> Option<Arc<[Installed]>> {
        let clock = Clock::within(TAGS_TIMEOUT, deadline);
        let body = get(&self.client, tags_url(&self.base), source, &clock, MAX_TAGS).await.ok()?;
        let installed: Arc<[Installed]> = tags(&body).ok()?.into();
        let entry = (source.monotonic(), Arc::clone(&installed));
        *self.installed.lock().unwrap_or_else(PoisonError::into_inner) = Some(entry);
        Some(installed)
    }

    /// A text without the key: some servers say it back, whole or in part.
    pub(crate) fn scrub(&self, text: &str) -> String {
        match &self.key {
            Ok(Some(key)) => masked(text, key.expose_secret()),
            _ => text.to_owned(),
        }
    }

    pub(crate) fn has_key(&self) -> bool {
        matches!(self.key, Ok(Some(_)))
    }

    /// Whether it runs on the operator's own machines, so that its tokens cost nothing.
    pub(crate) fn is_local(&self) -> bool {
        let loopback = match self.base.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
            None => false,
        };
        self.kind == Kind::Ollama || loopback
    }

    /// How its answers come.
    pub(crate) fn framing(&self) -> Framing {
        if self.kind == Kind::Ollama { Framing::Lines } else { Framing::Events }
    }

    pub(crate) fn numbers(&self) -> ProviderMetrics {
        self.metrics.of(&self.name, self.breaker.state())
    }
}

/// `text` with `[key]` for all of `key`, and for each run of [`KEY_RUN`] or more of its characters.
fn masked(text: &str, key: &str) -> String {
    let (text, key): (Vec<char>, Vec<char>) = (text.chars().collect(), key.chars().collect());
    let length = KEY_RUN.min(key.len()).max(1);
    let parts: HashSet<&[char]> = key.windows(length).collect();
    let mut masked = String::with_capacity(text.len());
    let mut hidden_to = 0;
    for (at, char) in text.iter().enumerate() {
        if text.get(at..at + length).is_some_and(|run| parts.contains(run)) {
            if at > hidden_to || hidden_to == 0 {
                masked.push_str("[key]");
            }
            hidden_to = at + length;
        }
        if at >= hidden_to {
            masked.push(*char);
        }
    }
    masked
}

pub(crate) fn left_alone(time: Duration, why: &str) -> Fault {
    let text = format!("left alone for another {:.1} s, {why}", time.as_secs_f64());
    Fault { retry_after: Some(time), ..Fault::new(ErrorKind::LeftAlone, text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_run_of_eight_characters_of_a_key_is_left() {
        const KEY: &str = "sk-very-secret-0123456789";
        for (text, expected) in [
            ("nothing of it", "nothing of it"),
            (KEY, "[key]"),
            ("Bearer sk-very-secret-0123456789!", "Bearer [key]!"),
            ("wrong key: sk-very-sec***6789", "wrong key: [key]***6789"),
            ("…ecret-0123456789", "…[key]"),
            ("sk-very-secret-012345678sk-very-secret-", "[key]"),
            ("sk-very sk-very-", "sk-very [key]"),
            ("very-secret-xvery-secret-x", "[key]x[key]x"),
            ("", ""),
        ] {
            assert_eq!(masked(text, KEY), expected, "{text}");
        }
        assert_eq!(masked("short: abc, ab", "abc"), "short: [key], ab");
        assert_eq!(masked("none", ""), "none");
    }
}
