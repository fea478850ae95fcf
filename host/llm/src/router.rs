//! The router: names become candidates, candidates are asked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use reqwest::Client;
use rustls::pki_types::CertificateDer;
use secrecy::SecretString;
use skillhost_types::{RunId, Source, Tenant};
use tokio::time::Instant;
use url::Url;

use crate::cascade::{Candidate, Cascade};
use crate::chat::{Begun, Whole};
use crate::config::{Config, Kind, Timeouts};
use crate::detect::{EMBED, detect, keys};
use crate::embed::Embed;
use crate::installed::has;
use crate::price::Price;
use crate::provider::{Provider, Spec};
use crate::request::{Prepared, Request, check_model};
use crate::schema::CompileSchema;
use crate::stream::{CompletionStream, Progress, completion};
use crate::transport::client;
use crate::{Account, Attempt, Completion, ConfigError, Embeddings, ErrorKind, LlmError, Observer, ProviderMetrics};

/// Finds what `${ENV_NAME}` or `file:PATH` stands for, or says why it cannot.
pub type Secrets = dyn Fn(&str) -> Result<SecretString, String> + Send + Sync;

/// What the host passes in.
#[derive(Clone)]
pub struct Options {
    /// Clock and randomness.
    pub source: Arc<dyn Source>,
    /// Where keys come from; also how the environment is asked for `OLLAMA_HOST` and the others.
    pub secrets: Arc<Secrets>,
    /// Compiles output schemas.
    pub schema: Arc<CompileSchema>,
    /// Certificate authorities that are trusted besides the public ones.
    pub roots: Vec<CertificateDer<'static>>,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
}

/// Who asks.
pub struct Ask<'a> {
    /// For whom.
    pub tenant: &'a Tenant,
    /// In which run.
    pub run: Option<RunId>,
    /// Who pays.
    pub account: &'a dyn Account,
    /// When the caller's time is up.
    pub deadline: Instant,
}

#[derive(Clone)]
pub(crate) struct Who {
    pub(crate) tenant: Tenant,
    pub(crate) run: Option<RunId>,
}

impl Ask<'_> {
    pub(crate) fn who(&self) -> Who {
        Who { tenant: self.tenant.clone(), run: self.run }
    }
}

/// Asks language models. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Router {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) observer: Arc<dyn Observer>,
    secrets: Arc<Secrets>,
    schema: Arc<CompileSchema>,
    roots: Vec<CertificateDer<'static>>,
    state: RwLock<Arc<State>>,
}

impl Shared {
    /// A random share of one.
    pub(crate) fn share(&self) -> f64 {
        let mut bytes = [0; 4];
        self.source.fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
    }
}

/// A configuration in use.
pub(crate) struct State {
    pub(crate) config: Config,
    providers: BTreeMap<String, Arc<Provider>>,
    client: (std::time::Duration, Client),
    /// Whether the providers were found in the environment.
    detected: bool,
}

impl Router {
    /// A router without connections yet.
    pub fn new(config: Config, options: Options) -> Result<Self, ConfigError> {
        let Options { source, secrets, schema, roots, observer } = options;
        let state = State::new(config, None, &*secrets, &roots, &observer)?;
        let state = RwLock::new(Arc::new(state));
        Ok(Self { shared: Arc::new(Shared { source, observer, secrets, schema, roots, state }) })
    }

    /// Takes another configuration: calls that run end with the old one. Providers that did not change keep their
    /// breaker, places and metrics. Secrets are read again.
    pub fn reconfigure(&self, config: Config) -> Result<(), ConfigError> {
        let Shared { secrets, roots, observer, .. } = &*self.shared;
        let state = State::new(config, Some(&self.state()), &**secrets, roots, observer)?;
        *self.shared.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
        Ok(())
    }

    /// What a request without a model gets: an alias, or `provider/model`.
    pub fn default_model(&self) -> Option<String> {
        self.state().config.default_model().map(str::to_owned)
    }

    /// The aliases, each with the `provider/model` that are tried for it in order; those that were found in the environment too.
    pub fn aliases(&self) -> BTreeMap<String, Vec<String>> {
        self.state().config.models.clone()
    }

    /// The numbers of every provider.
    pub fn metrics(&self) -> Vec<ProviderMetrics> {
        self.state().providers.values().map(|provider| provider.numbers()).collect()
    }

    /// The answer of the first candidate that gives one.
    pub async fn complete(&self, request: &Request, ask: &Ask<'_>) -> Result<Completion, LlmError> {
        check_model(request.model.as_deref())?;
        let prepared = Prepared::new(request, &*self.shared.schema)?;
        let state = self.state();
        let candidates = state.candidates(request.model.as_deref(), false, &self.shared, ask).await?;
        let mut cascade = Cascade::new(&self.shared, &state, ask);
        let said = cascade.run(&candidates, &Whole(&prepared)).await?;
        Ok(completion(said, cascade.attempts, cascade.started))
    }

    /// As [`Self::complete`], piece by piece. Given back once the first piece is there.
    pub async fn stream(&self, request: &Request, ask: &Ask<'_>) -> Result<CompletionStream, LlmError> {
        check_model(request.model.as_deref())?;
        let prepared = Prepared::new(request, &*self.shared.schema)?;
        let state = self.state();
        let candidates = state.candidates(request.model.as_deref(), false, &self.shared, ask).await?;
        let mut cascade = Cascade::new(&self.shared, &state, ask);
        let (speech, first) = cascade.run(&candidates, &Begun(&prepared)).await?;
        let (started, attempts) = (cascade.started, cascade.attempts);
        Ok(CompletionStream {
            shared: Arc::clone(&self.shared),
            who: ask.who(),
            check: prepared.schema.map(|(_, check)| check),
            started,
            attempts,
            state: Progress::Speaking(Box::new(speech), first),
        })
    }

    /// One vector per input. Without a model the alias `embed` is taken where there is one, else the default.
    pub async fn embed(&self, inputs: &[String], model: Option<&str>, ask: &Ask<'_>) -> Result<Embeddings, LlmError> {
        check_model(model)?;
        let work = Embed::new(inputs)?;
        let state = self.state();
        let candidates = state.candidates(model, true, &self.shared, ask).await?;
        let mut cascade = Cascade::new(&self.shared, &state, ask);
        let mut embeddings = cascade.run(&candidates, &work).await?;
        embeddings.attempts = cascade.attempts;
        Ok(embeddings)
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.shared.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("config", &self.state().config).finish_non_exhaustive()
    }
}

impl State {
    fn new(
        config: Config,
        before: Option<&Self>,
        secrets: &Secrets,
        roots: &[CertificateDer<'static>],
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, ConfigError> {
        let detected = config.providers.is_empty();
        let config = if detected { detect(&config, secrets)? } else { config };
        config.check()?;
        let Timeouts { connect, .. } = config.timeouts;
        let client = match before {
            Some(State { client: (time, client), .. }) if *time == connect => client.clone(),
            _ => client(connect, roots)?,
        };
        let mut providers = BTreeMap::new();
        for (name, provider) in &config.providers {
            let kind = provider.kind.or(Kind::of_name(name)).ok_or_else(|| ConfigError::Kind(name.clone()))?;
            let usual = || Url::parse(kind.default_url()).map_err(|_| ConfigError::Kind(name.clone()));
            let base = provider.url.clone().map_or_else(usual, Ok)?;
            let spec = Spec {
                kind,
                config: provider.clone(),
                breaker: config.breaker.clone(),
                timeouts: config.timeouts.clone(),
            };
            let key = provider.key.as_ref().map(|key| secrets(key.as_str())).transpose();
            if let Err(reason) = &key {
                tracing::warn!(provider = name, reason, "this provider is left out");
            }
            let kept = before.and_then(|state| state.providers.get(name)).filter(|old| old.is(&spec, &key));
            let provider = match kept {
                Some(old) => Arc::clone(old),
                None => Arc::new(Provider::new(name, base, spec, key, client.clone(), Arc::clone(observer))),
            };
            providers.insert(name.clone(), provider);
        }
        Ok(Self { config, providers, client: (connect, client), detected })
    }

    /// Who may answer for `model`.
    async fn candidates(
        &self,
        model: Option<&str>,
        embed: bool,
        shared: &Shared,
        ask: &Ask<'_>,
    ) -> Result<Vec<Candidate>, LlmError> {
        let embed = || self.config.models.get_key_value(EMBED).filter(|_| embed).map(|(alias, _)| alias.as_str());
        let Some(model) = model.or_else(embed).or_else(|| self.config.default_model()) else {
            return Err(self.unknown("the request names no model and `llm.default` is not set".to_owned()));
        };
        if let Some(cascade) = self.config.models.get(model) {
            return Ok(cascade.iter().filter_map(|name| self.candidate(name)).collect());
        }
        if let Some(candidate) = self.candidate(model).or_else(|| self.bare(model)) {
            return Ok(vec![candidate]);
        }
        // What nobody wrote down may still be installed.
        for provider in self.providers.values().filter(|provider| provider.kind == Kind::Ollama) {
            let installed = match provider.known(shared.source.monotonic()) {
                None => provider.ask_models(&*shared.source, ask.deadline).await,
                known => known,
            };
            if installed.is_some_and(|installed| has(&installed, model)) {
                return Ok(vec![Candidate { provider: Arc::clone(provider), model: model.to_owned() }]);
            }
        }
        Err(self.unknown(format!("there is no model `{model}`")))
    }

    fn candidate(&self, name: &str) -> Option<Candidate> {
        let (provider, model) = name.split_once('/')?;
        let provider = self.providers.get(provider).filter(|_| !model.is_empty())?;
        Some(Candidate { provider: Arc::clone(provider), model: model.to_owned() })
    }

    /// A model's bare name: of the first provider that the configuration names it with, the default cascade's before
    /// others; or of the only provider.
    fn bare(&self, model: &str) -> Option<Candidate> {
        let of_default = self.config.default_model().and_then(|name| self.config.models.get(name));
        let named =
            of_default.into_iter().chain(self.config.models.values()).flatten().chain(self.config.prices.keys());
        let named = named.filter(|name| name.split_once('/').is_some_and(|(_, one)| one == model));
        let only = self.providers.keys().next().filter(|_| self.providers.len() == 1 && !self.detected);
        named
            .map(String::clone)
            .next()
            .or_else(|| Some(format!("{}/{model}", only?)))
            .and_then(|name| self.candidate(&name))
    }

    fn unknown(&self, what: String) -> LlmError {
        let aliases: Vec<&str> = self.config.models.keys().map(String::as_str).collect();
        let providers: Vec<&str> = self.providers.keys().map(String::as_str).collect();
        LlmError::Invalid(format!(
            "{what}; name an alias ({}), or `provider/model` with a provider of {}",
            aliases.join(", "),
            providers.join(", ")
        ))
    }

    /// Of exactly this name: another spelling may be another model, or the same one past its price.
    pub(crate) fn price(&self, provider: &str, model: &str) -> Option<Price> {
        self.config.prices.get(&format!("{provider}/{model}")).copied()
    }

    /// The ways out that would have helped: an Ollama that was not there, and the keys that nobody set.
    pub(crate) fn hint(&self, attempts: &[Attempt]) -> String {
        let absent = |attempt: &&Attempt| attempt.error.as_ref().is_some_and(|error| error.kind == ErrorKind::Connect);
        let ollama = attempts
            .iter()
            .filter(absent)
            .filter_map(|attempt| self.providers.get(&*attempt.provider))
            .find(|provider| provider.kind == Kind::Ollama)
            .map(|ollama| format!("Start Ollama at {}", ollama.base.as_str().trim_end_matches('/')));
        let keyless = self.detected && !self.providers.values().any(|provider| provider.has_key());
        match (ollama, keyless) {
            (Some(start), true) => format!(". {start}, or set {}", keys()),
            (Some(start), false) => format!(". {start}"),
            (None, true) => format!(". Set {}", keys()),
            (None, false) => String::new(),
        }
    }
}
