//! The host: what absorbs, serves and records.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::Value;
use skillhost_blackboard::{Blackboard, MemoryBoard, MemoryLimits, Message};
use skillhost_capabilities::{CallSkills, ChannelRates, Services};
use skillhost_engine::{Admission, Cache, Compiler, Engine, PoolUsage, Protected, Settings, place_of};
use skillhost_events::{EventError, EventLog, Head, NewEvent, Recording as Answer};
use skillhost_network::Resolve;
use skillhost_types::{Grant, RunId, RunRecord, Source, System, Tenant};

use crate::absorb::Absorber;
use crate::agents::Agents;
use crate::approvals::{Approval, Approvals, DecideError};
use crate::authority::Passing;
use crate::config::{Config, DEFAULT_FILE, Recording};
use crate::folder::Fingerprint;
use crate::generation::Generation;
use crate::keep::Keep;
use crate::registry::{Entry, Registry};
use crate::run::RunRequest;
use crate::secrets::{self, SecretSource};
use crate::watch::Watch;

/// Hears what becomes of files. Must not block.
pub type Listener = Arc<dyn Fn(&Notice) + Send + Sync>;

/// How to open a host.
pub struct Options {
    /// What is configured.
    pub config: Config,
    /// Where time and randomness come from.
    pub source: Arc<dyn Source>,
    /// Hears what becomes of files, for a terminal. Must not block.
    pub notices: Option<Listener>,
    /// What is granted for this process only, and to whom.
    pub passing: Passing,
    /// Who finds the addresses of names; none: the system.
    pub resolver: Option<Arc<dyn Resolve>>,
    /// The program that compiles as a child. Its `main` must begin with `skillhost_engine::compile::child`.
    pub compiler: PathBuf,
}

impl Options {
    /// The usual options for `config`: this same program compiles.
    pub fn new(config: Config) -> Self {
        // Linux gives the running program this name, also after its file was replaced.
        Self {
            config,
            source: Arc::new(System),
            notices: None,
            passing: Passing::default(),
            resolver: None,
            compiler: "/proc/self/exe".into(),
        }
    }
}

/// What became of a file.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Notice {
    Reading { file: String },
    Absorbed { skill: String, version: String, file: String, tools: usize },
    Waits { skill: String, file: String, reason: String },
    Rejected { skill: String, file: String, reason: String },
    Replaced { skill: String, version: String, file: String },
    Refused { file: String, reason: String },
    Removed { skill: String, file: String },
}

/// Why a host does not open.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The engine does not start.
    #[error(transparent)]
    Engine(#[from] skillhost_engine::EngineError),
    /// The engine's linker does not take the host's own functions.
    #[error("the host's interfaces do not link: {0:#}")]
    Link(wasmtime::Error),
    /// The secrets or the certificate authorities cannot be used.
    #[error("the configuration cannot be used: {0}")]
    Network(Box<dyn std::error::Error + Send + Sync>),
    /// The data directory cannot be used.
    #[error("the data directory {} cannot be used: {error}", path.display())]
    Data {
        /// Which.
        path: PathBuf,
        /// Why.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The drop folder cannot be read.
    #[error("the skills folder {} cannot be read: {error}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// The host. Cheap to clone; all clones are the same host.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) services: Arc<Services>,
    pub(crate) admission: Admission,
    pub(crate) registry: ArcSwap<Registry>,
    pub(crate) agents: Agents,
    pub(crate) config: Config,
    pub(crate) absorber: Arc<Absorber>,
    pub(crate) keep: Arc<Keep>,
    pub(crate) approvals: Approvals,
    pub(crate) passing: Passing,
    notices: Option<Listener>,
    /// One file takes its place at a time, so that who is first is decided once.
    pub(crate) commit: tokio::sync::Mutex<()>,
    pub(crate) folder: Mutex<FolderState>,
}

#[derive(Default)]
pub(crate) struct FolderState {
    /// What was last read of each entry.
    pub(crate) seen: HashMap<String, Fingerprint>,
    /// At which look each entry was first there.
    pub(crate) arrivals: HashMap<String, u64>,
    /// Looks at the folder so far.
    pub(crate) looks: u64,
    /// Entries that are being absorbed.
    pub(crate) busy: HashSet<String>,
}

impl Host {
    /// Opens a host: its engine, its data directory. Absorbs nothing yet.
    pub async fn open(options: Options) -> Result<Self, HostError> {
        let inner = tokio::task::spawn_blocking(move || Inner::open(options)).await;
        let inner = match inner {
            Ok(inner) => Arc::new(inner?),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let skills: Weak<dyn CallSkills> = Arc::<Inner>::downgrade(&inner);
        inner.services.skills.get_or_init(|| skills);
        Ok(Self { inner })
    }

    /// Absorbs what lies in the drop folder, once. Comes back when every file serves or is refused.
    pub async fn absorb_folder(&self) -> Result<(), HostError> {
        self.inner.absorb_folder().await
    }

    /// Absorbs one file from anywhere, for this process only. Gives its entry.
    pub async fn absorb_file(&self, path: &Path) -> Entry {
        self.inner.absorb_file(path).await
    }

    /// Watches the drop folder and lets agents have their messages, until the watch is stopped.
    pub fn watch(&self) -> Watch {
        Watch::start(self.inner.clone())
    }

    /// Runs one tool. Always gives a record, also of what could not run.
    pub async fn run(&self, request: RunRequest) -> Arc<RunRecord> {
        self.inner.run(request).await
    }

    /// What lies in the drop folder and what became of it.
    pub fn entries(&self) -> Vec<Entry> {
        self.inner.registry.load().entries().cloned().collect()
    }

    /// The generation that serves `skill`.
    pub fn skill(&self, skill: &str) -> Option<Arc<Generation>> {
        self.inner.registry.load().skill(skill).cloned()
    }

    /// The event log and the record of runs.
    pub fn events(&self) -> &EventLog {
        &self.inner.services.events
    }

    /// The blackboard.
    pub fn blackboard(&self) -> &Arc<dyn Blackboard> {
        &self.inner.services.blackboard
    }

    /// Sends a message to a channel, from outside. Gives the count of receivers.
    pub async fn publish(
        &self,
        tenant: &Tenant,
        channel: &str,
        payload: &Value,
    ) -> Result<u32, skillhost_blackboard::BoardError> {
        let message = Message {
            id: RunId::new(&*self.inner.source).to_string(),
            channel: skillhost_blackboard::Channel::new(channel)?,
            payload: payload.to_string().into(),
            source: None,
            hops: 0,
            published_at: self.inner.source.now(),
        };
        self.inner.services.blackboard.publish(tenant, message).await
    }

    /// Runs that hold a place, and what the instance pool holds for them: all zero when nothing runs.
    pub fn in_use(&self) -> (usize, PoolUsage) {
        (self.inner.admission.running(), self.inner.absorber.engine.pool_usage())
    }

    /// What waits for a person; with `all` also what was decided. The oldest first.
    pub fn approvals(&self, all: bool) -> Result<Vec<Approval>, DecideError> {
        Ok(self.inner.approvals.list(all)?)
    }

    /// Says yes to what waits as `id`: to all of it, or to `only` these grants. `by` is who says so.
    pub async fn approve(&self, id: &str, only: Option<Vec<Grant>>, by: &str) -> Result<Approval, DecideError> {
        self.inner.clone().approve(id, only, by).await
    }

    /// Says no to what waits as `id`.
    pub async fn reject(&self, id: &str, by: &str) -> Result<Approval, DecideError> {
        self.inner.clone().reject(id, by).await
    }

    /// The head of the event log's chain, also written to `events.head_file` if there is one. Blocks.
    pub fn keep_head(&self) -> Result<Head, EventError> {
        let head = self.inner.services.events.chain_head()?;
        if let Some(file) = &self.inner.config.events.head_file {
            skillhost_events::write_head(file, &head)?;
        }
        Ok(head)
    }

    /// Writes what is queued and closes the log.
    pub async fn close(&self) {
        self.inner.services.events.close().await;
    }
}

impl Inner {
    fn open(options: Options) -> Result<Self, HostError> {
        let Options { config, source, notices, passing, resolver, compiler } = options;
        let data = config.data_dir.clone();
        let unusable = |error: Box<dyn std::error::Error + Send + Sync>| HostError::Data { path: data.clone(), error };
        let engine =
            Engine::new(&Settings { concurrency: config.limits.concurrency, largest_memory: config.largest_memory() })?;
        let (network, redactor) = secrets::open(&config, resolver).map_err(HostError::Network)?;
        let events =
            EventLog::open_with(&data, source.clone(), redactor.clone()).map_err(|error| unusable(error.into()))?;
        let folder = std::path::absolute(&config.skills_dir)
            .map_err(|error| HostError::Folder { path: config.skills_dir.clone(), error })?;
        let keep = Keep::open(&data, &folder).map_err(|error| unusable(error.into()))?;
        let cache = Cache::open(&data.join("cache"), &engine).map_err(|error| unusable(error.into()))?;
        let limits = MemoryLimits {
            default_ttl: (config.blackboard.ttl_seconds > 0)
                .then(|| Duration::from_secs(config.blackboard.ttl_seconds)),
            ..MemoryLimits::default()
        };
        let services = Arc::new(Services {
            blackboard: Arc::new(MemoryBoard::new(limits, source.clone())),
            events,
            skills: OnceLock::new(),
            rates: ChannelRates::default(),
            network: Arc::new(network),
            redactor,
        });
        let protected = protected(&config);
        let absorber =
            Absorber::new(engine, cache, Compiler::new(compiler), services.clone(), source.clone(), protected)
                .map_err(HostError::Link)?;
        Ok(Self {
            source: source.clone(),
            services,
            admission: Admission::new(usize::try_from(config.limits.concurrency).unwrap_or(usize::MAX)),
            registry: ArcSwap::default(),
            agents: Agents::default(),
            config,
            absorber: Arc::new(absorber),
            approvals: keep.approvals(source.clone()),
            keep: Arc::new(keep),
            passing,
            notices,
            commit: tokio::sync::Mutex::default(),
            folder: Mutex::default(),
        })
    }

    pub(crate) fn queue_timeout(&self) -> Duration {
        self.config.limits.queue_timeout
    }

    pub(crate) fn recording(&self) -> Answer {
        match self.config.recording {
            Recording::Durable => Answer::Durable,
            Recording::Relaxed => Answer::Relaxed,
        }
    }

    pub(crate) fn drop_folder(&self) -> &Path {
        &self.config.skills_dir
    }

    pub(crate) fn find(
        &self,
        skill: &str,
        tool: Option<&str>,
    ) -> Result<(Arc<Generation>, usize), skillhost_types::RunError> {
        self.registry.load().find(skill, tool)
    }

    /// Changes the picture that readers see, as a whole.
    pub(crate) fn change<R>(&self, act: impl FnOnce(&mut Registry) -> R) -> R {
        let mut registry = Registry::clone(&self.registry.load());
        let result = act(&mut registry);
        self.registry.store(Arc::new(registry));
        result
    }

    pub(crate) async fn event(&self, kind: &str, data: Value) {
        let event = NewEvent { kind: kind.to_owned(), source: "host".into(), run: None, tenant: None, data };
        // On disk before anybody hears of it otherwise.
        if let Err(error) = self.services.events.append(event).await {
            tracing::warn!(kind, %error, "an event was not written");
        }
    }

    pub(crate) fn notify(&self, notice: &Notice) {
        if let Some(notices) = &self.notices {
            notices(notice);
        }
    }
}

/// What no skill reaches through a directory that it was granted: what the host keeps, and what says what skills may do.
fn protected(config: &Config) -> Protected {
    // Where it is or will be; and where its name is, which may be a link that another could take the place of.
    let both = |path: &Path| {
        let named = std::path::absolute(path).ok();
        let named = named.and_then(|path| Some(place_of(path.parent()?)?.join(path.file_name()?)));
        place_of(path).into_iter().chain(named)
    };
    let files = config.secrets.values().filter_map(|secret| match &secret.value {
        SecretSource::File(path) => Some(path.as_path()),
        SecretSource::Environment(_) => None,
    });
    let hidden = files.chain([config.data_dir.as_path()]).flat_map(both).collect();
    let file = config.file.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
    let more = [&config.network.ca_file, &config.events.head_file].into_iter().flatten().map(PathBuf::as_path);
    let frozen = [file, config.skills_dir.as_path()].into_iter().chain(more).flat_map(both).collect();
    Protected { hidden, frozen, ..Protected::default() }
}
