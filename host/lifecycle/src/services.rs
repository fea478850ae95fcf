//! Opens the services behind the contract's interfaces, and turns what they tell into events.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use skillhost_blackboard::{
    Blackboard, BoardError, BoardLimits, BoardNotice, DiskBoard, FallbackBoard, MemoryBoard, OffBoard, RedisBoard,
    RedisOptions,
};
use skillhost_capabilities::{ChannelRates, Services};
use skillhost_events::{EventLog, NewEvent};
use skillhost_ledger::Ledger;
use skillhost_llm::{BreakerState, Called, Failed, Observer, Router};
use skillhost_network::Network;
use skillhost_redaction::Redactor;
use skillhost_types::{RunId, Source, Tenant};

use crate::config::{BlackboardConfig, Config, Merge, RedisConfig};
use crate::schema::Schema;
use crate::secrets::{self, SecretSource};

/// Why the services do not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The configuration is wrong.
    #[error("{0}")]
    Config(String),
    /// The data directory cannot be used.
    #[error("{0}")]
    Data(String),
}

impl From<BoardError> for OpenError {
    fn from(error: BoardError) -> Self {
        match error {
            BoardError::Invalid(_) => Self::Config(error.to_string()),
            BoardError::Limit(_) | BoardError::Unavailable(_) => Self::Data(error.to_string()),
        }
    }
}

/// Opens all services of a host on `config.data_dir`. Blocks.
pub(crate) fn open(
    config: &Config,
    idle: bool,
    source: Arc<dyn Source>,
    events: EventLog,
    network: Network,
    redactor: Redactor,
) -> Result<Services, OpenError> {
    let teller = Arc::new(Teller { events: events.clone() });
    let models = skillhost_llm::Options {
        source: source.clone(),
        secrets: Arc::new(read_secret),
        schema: Arc::new(check_of),
        roots: secrets::roots(config.network.ca_file.as_deref())
            .map_err(|error| OpenError::Config(error.to_string()))?,
        observer: teller.clone(),
    };
    Ok(Services {
        blackboard: if idle { Arc::new(OffBoard) } else { blackboard(config, source.clone(), teller)? },
        events,
        skills: OnceLock::new(),
        rates: ChannelRates::default(),
        network: Arc::new(network),
        redactor,
        llm: Router::new(config.llm.clone().unwrap_or_default(), models)
            .map_err(|error| OpenError::Config(error.to_string()))?,
        ledger: Ledger::open(&config.data_dir, source).map_err(|error| OpenError::Data(error.to_string()))?,
        budgets: ArcSwap::from_pointee(config.budgets.clone()),
    })
}

fn blackboard(config: &Config, source: Arc<dyn Source>, teller: Arc<Teller>) -> Result<Arc<dyn Blackboard>, OpenError> {
    let BlackboardConfig { enabled, redis, keyspace_prefix, ttl_seconds, fallback_to_memory, merge, persist } =
        &config.blackboard;
    let limits = BoardLimits {
        default_ttl: (*ttl_seconds > 0).then(|| Duration::from_secs(*ttl_seconds)),
        ..BoardLimits::default()
    };
    if !enabled {
        return Ok(Arc::new(OffBoard));
    }
    let Some(RedisConfig { url, password }) = redis else {
        return Ok(if *persist {
            Arc::new(DiskBoard::open(&config.data_dir, limits, source)?)
        } else {
            Arc::new(MemoryBoard::new(limits, source))
        });
    };
    let unread = |error| OpenError::Config(format!("`blackboard.redis.password`: {error}"));
    let password = password.as_ref().map(SecretSource::read).transpose().map_err(unread)?;
    let options = RedisOptions {
        url: url.clone(),
        password: password.map(|password| password.expose_secret().to_owned()),
        prefix: keyspace_prefix.clone(),
    };
    let notices = Arc::new(move |notice| teller.board(notice));
    let board: Result<Arc<dyn Blackboard>, BoardError> = if *fallback_to_memory {
        let merge = match merge {
            Merge::Never => skillhost_blackboard::Merge::Never,
            Merge::Newer => skillhost_blackboard::Merge::Newer,
        };
        FallbackBoard::open(options, merge, limits, source, notices).map(|board| Arc::new(board) as _)
    } else {
        RedisBoard::open(options, limits, source, notices).map(|board| Arc::new(board) as _)
    };
    Ok(board?)
}

/// What `${ENV_NAME}` or `file:PATH` stands for.
fn read_secret(source: &str) -> Result<SecretString, String> {
    let source: SecretSource = source.parse().map_err(|error: secrets::InClear| error.to_string())?;
    source.read().map_err(|error| error.to_string())
}

/// A check against a schema that a skill wrote, under the same bounds as those of tools.
fn check_of(schema: &str) -> Result<skillhost_llm::Check, String> {
    let schema = Schema::compile(schema).map_err(|error| error.to_string())?;
    Ok(Box::new(move |document| {
        schema.check(document).map_err(|mismatch| format!("{}: {}", mismatch.path, mismatch.message))
    }))
}

/// Writes events for those who cannot wait.
struct Teller {
    events: EventLog,
}

impl Teller {
    fn tell(&self, kind: &str, tenant: Option<&Tenant>, run: Option<RunId>, data: Value) {
        let event = NewEvent { kind: kind.to_owned(), source: "host".into(), run, tenant: tenant.cloned(), data };
        // It waits only while the log's queue is full, which is no time for more.
        match self.events.append_relaxed(event).now_or_never() {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::warn!(kind, %error, "an event was not written"),
            None => tracing::warn!(kind, "an event was not written: the log has no room"),
        }
    }

    fn board(&self, notice: BoardNotice) {
        let (kind, data) = match notice {
            BoardNotice::Lost { error, in_memory } => {
                ("system.degraded", json!({"part": "blackboard", "error": error, "in_memory": in_memory}))
            }
            BoardNotice::Back { merged, dropped, keys } => (
                "system.recovered",
                json!({"part": "blackboard", "merged": merged, "dropped": dropped, "dropped_keys": keys}),
            ),
        };
        self.tell(kind, None, None, data);
    }
}

impl Observer for Teller {
    fn called(&self, called: &Called<'_>) {
        let Called { tenant, run, provider, model, error, latency, usage, micros } = called;
        let data = json!({
            "provider": provider,
            "model": model,
            "ok": error.is_none(),
            "error": error,
            "latency_us": u64::try_from(latency.as_micros()).unwrap_or(u64::MAX),
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "usd_micros": micros,
        });
        self.tell("llm.called", Some(tenant), *run, data);
    }

    fn fallback(&self, tenant: &Tenant, run: Option<RunId>, from: &str, to: &str, why: &str) {
        self.tell("llm.fallback", Some(tenant), run, json!({"from": from, "to": to, "why": why}));
    }

    fn failed(&self, failed: &Failed<'_>) {
        let attempts: Vec<_> = failed
            .attempts
            .iter()
            .map(|attempt| {
                json!({
                    "provider": &*attempt.provider,
                    "model": attempt.model,
                    "latency_us": u64::try_from(attempt.latency.as_micros()).unwrap_or(u64::MAX),
                    "error": attempt.error.as_ref().map(|error| error.text.as_str()),
                })
            })
            .collect();
        let data = json!({"attempts": attempts, "message": failed.message});
        self.tell("llm.failed", Some(failed.tenant), failed.run, data);
    }

    fn breaker(&self, provider: &str, from: BreakerState, to: BreakerState) {
        self.tell("llm.breaker", None, None, json!({"provider": provider, "from": from, "to": to}));
    }
}
