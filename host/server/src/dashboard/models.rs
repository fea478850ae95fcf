//! `/models`: who answers when a skill asks a model, and how they fare.
//!
//! What was asked in numbers is everybody's together, so it is shown to those who see all tenants.

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;
use skillhost_lifecycle::Host;
use skillhost_llm::{BreakerState, ProviderMetrics};

use super::fault::Fault;
use super::filters;
use super::layout::{Page, Section, html};
use super::session::Session;
use crate::shared::State;

/// A model of a cascade.
struct Candidate {
    name: String,
    /// Is its provider left alone now?
    open: bool,
}

struct Alias {
    name: String,
    is_default: bool,
    candidates: Vec<Candidate>,
}

struct Provider {
    numbers: ProviderMetrics,
    breaker: &'static str,
    tone: &'static str,
    /// What failed, as `kind × count`.
    errors: Vec<(String, u64)>,
}

#[derive(Template)]
#[template(path = "models.html")]
struct Models {
    page: Page,
    aliases: Vec<Alias>,
    /// What a request without a model gets, where that is no alias.
    default: Option<String>,
    providers: Vec<Provider>,
    sees_all: bool,
}

/// `GET /models`
pub(super) async fn models(shared: State, session: Session) -> Result<Response, Fault> {
    let host = &shared.app()?.host;
    let metrics = host.models();
    let (aliases, default) = aliases(host, &metrics);
    let providers = metrics.into_iter().map(provider).collect();
    let sees_all = session.identity.tenants.only().is_none();
    html(&Models { page: Page::new(&session, Section::Models, "Models"), aliases, default, providers, sees_all })
}

fn aliases(host: &Host, metrics: &[ProviderMetrics]) -> (Vec<Alias>, Option<String>) {
    let state: BTreeMap<&str, BreakerState> =
        metrics.iter().map(|provider| (provider.provider.as_str(), provider.breaker)).collect();
    let is_open = |model: &str| {
        let provider = model.split('/').next().unwrap_or_default();
        state.get(provider) == Some(&BreakerState::Open)
    };
    let (default, aliases) = host.cascades();
    let is_alias = default.as_ref().is_some_and(|default| aliases.contains_key(default));
    let aliases = aliases
        .into_iter()
        .map(|(name, models)| Alias {
            is_default: default.as_ref() == Some(&name),
            candidates: models.into_iter().map(|name| Candidate { open: is_open(&name), name }).collect(),
            name,
        })
        .collect();
    (aliases, default.filter(|_| !is_alias))
}

fn provider(numbers: ProviderMetrics) -> Provider {
    let (breaker, tone) = match numbers.breaker {
        BreakerState::Closed => ("closed", "good"),
        BreakerState::Open => ("open", "bad"),
        BreakerState::HalfOpen => ("half-open", "warn"),
    };
    let kind =
        |kind| serde_json::to_value(kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
    let errors = numbers.errors.iter().map(|(error, count)| (kind(error), *count)).collect();
    Provider { breaker, tone, errors, numbers }
}
