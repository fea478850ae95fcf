//! The host: what absorbs, serves and records.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use serde_json::{Value, json};
use skillhost_blackboard::{Blackboard, BoardError, Channel, Message};
use skillhost_capabilities::{CallSkills, Services};
use skillhost_engine::{Admission, Cache, Compiler, Engine, PoolUsage, Settings};
use skillhost_events::{EventError, EventLog, Head, NewEvent, Recording as Answer};
use skillhost_ledger::{Ledger, Meter, Standing};
use skillhost_llm::ProviderMetrics;
use skillhost_network::Resolve;
use skillhost_store::StoreError;
use skillhost_types::{Grant, RunId, RunRecord, Source, System, Tenant};
use tokio::sync::watch;

use crate::absorb::Absorber;
use crate::agents::{AgentInfo, Agents, Parked};
use crate::authority::{Approval, Approvals, DecideError, Passing};
use crate::config::{Config, Recording};
use crate::folder::Fingerprint;
use crate::generation::Generation;
use crate::keep::Keep;
use crate::protected;
use crate::registry::{Entry, Registry};
use crate::reload::Reload;
use crate::run::RunRequest;
use crate::secrets;
use crate::services::{self, OpenError};
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
    /// Where the configuration is read again when it is edited; none: it stays as it is.
    pub reload: Option<Reload>,
    /// Whether nothing is going to run: then the blackboard is not opened.
    pub idle: bool,
    /// Where everybody reaches this host. None: it is its opener's alone, as `skillhost mcp` is an assistant's, and when it begins
    /// and ends to watch is no event.
    pub address: Option<String>,
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
            reload: None,
            idle: false,
            address: None,
            compiler: "/proc/self/exe".into(),
        }
    }
}

/// What became of a file, of the configuration or of a message.
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
    Configured { changed: Vec<String>, at_next_start: Vec<String> },
    NotConfigured { file: String, reason: String },
    AgentParked { agent: String, channel: String, reason: String },
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
    /// The configuration names something that is not there or cannot be used.
    #[error("the configuration cannot be used: {0}")]
    Config(Box<dyn std::error::Error + Send + Sync>),
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
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) services: Arc<Services>,
    pub(crate) admission: Admission,
    pub(crate) registry: ArcSwap<Registry>,
    /// Hears that something else serves.
    changes: watch::Sender<()>,
    pub(crate) agents: Agents,
    /// What runs use, on its way to the ledger.
    pub(crate) meter: Meter,
    config: ArcSwap<Config>,
    pub(crate) reload: Option<Reload>,
    /// See [`Options::address`].
    pub(crate) address: Option<String>,
    pub(crate) absorber: Arc<Absorber>,
    pub(crate) keep: Arc<Keep>,
    pub(crate) approvals: Approvals,
    pub(crate) passing: Passing,
    notices: Option<Listener>,
    /// One file takes its place at a time, so that who is first is decided once.
    pub(crate) commit: tokio::sync::Mutex<()>,
    drop_folder: PathBuf,
    pub(crate) folder: Mutex<FolderState>,
    /// Whether everything that was in the folder at the start was absorbed or refused.
    pub(crate) absorbed: watch::Sender<bool>,
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
        self.run_as(RunId::new(&*self.inner.source), request).await
    }

    /// The same under a name that is known before it begins. No two runs may have one name.
    pub async fn run_as(&self, run: RunId, request: RunRequest) -> Arc<RunRecord> {
        self.inner.run(run, request).await
    }

    /// What lies in the drop folder and what became of it.
    pub fn entries(&self) -> Vec<Entry> {
        self.inner.registry.load().entries().cloned().collect()
    }

    /// The generation that serves `skill`.
    pub fn skill(&self, skill: &str) -> Option<Arc<Generation>> {
        self.inner.registry.load().skill(skill).cloned()
    }

    /// Changes whenever something else serves: after an absorption, a replacement, a removal or an approval. What is asked
    /// for then is what serves now.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.inner.changes.subscribe()
    }

    /// Comes back when all that lay in the drop folder when it was first watched is absorbed or refused.
    pub async fn absorbed(&self) {
        // The sender lives as long as the host.
        let _ = self.inner.absorbed.subscribe().wait_for(|absorbed| *absorbed).await;
    }

    /// The folder with the files of `generation`, which nobody writes to. It stays at least an hour after it served last.
    pub fn folder_of(&self, generation: &Generation) -> PathBuf {
        self.inner.keep.path(&generation.digest)
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
    pub async fn publish(&self, tenant: &Tenant, channel: &str, payload: &Value) -> Result<u32, BoardError> {
        self.inner.publish(tenant, channel, payload.to_string().into()).await
    }

    /// The configuration as it is now.
    pub fn config(&self) -> Arc<Config> {
        Guard::into_inner(self.inner.config())
    }

    /// How far each budget is used. Blocks while it reads.
    pub fn budgets(&self) -> Result<Vec<Standing>, StoreError> {
        self.inner.services.ledger.status(&self.inner.services.budgets.load())
    }

    /// What was spent. Blocks while it reads.
    pub fn ledger(&self) -> &Ledger {
        &self.inner.services.ledger
    }

    /// The agents that live here, wait here, or left messages here.
    pub async fn agents(&self) -> Result<Vec<AgentInfo>, StoreError> {
        self.inner.agents.list(&self.inner.config()).await
    }

    /// The messages that agents failed on for good, the oldest first.
    pub async fn parked(&self) -> Result<Vec<Parked>, StoreError> {
        self.inner.agents.parked().await
    }

    /// Lets parked messages wait again, these or all. Gives how many.
    pub async fn replay(&self, ids: Option<Vec<String>>) -> Result<usize, StoreError> {
        self.inner.agents.replay(ids).await
    }

    /// What every provider of models did.
    pub fn models(&self) -> Vec<ProviderMetrics> {
        self.inner.services.llm.metrics()
    }

    /// What a request without a model gets, and every alias with the `provider/model` that are tried for it in order.
    pub fn cascades(&self) -> (Option<String>, BTreeMap<String, Vec<String>>) {
        let llm = &self.inner.services.llm;
        (llm.default_model(), llm.aliases())
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
        if let Some(file) = &self.inner.config().events.head_file {
            skillhost_events::write_head(file, &head)?;
        }
        Ok(head)
    }

    /// Writes what is queued and closes the log.
    pub async fn close(&self) {
        self.inner.agents.flush();
        self.inner.meter_down().await;
        if let Err(error) = self.inner.services.ledger.close() {
            tracing::error!(%error, "the last entries of the ledger are lost");
        }
        self.inner.services.events.close().await;
    }
}

impl Inner {
    fn open(options: Options) -> Result<Self, HostError> {
        let Options { config, source, notices, passing, resolver, reload, idle, address, compiler } = options;
        let data = config.data_dir.clone();
        let unusable = |error: Box<dyn std::error::Error + Send + Sync>| HostError::Data { path: data.clone(), error };
        let engine =
            Engine::new(&Settings { concurrency: config.limits.concurrency, largest_memory: config.largest_memory() })?;
        let (network, redactor) = secrets::open(&config, resolver).map_err(HostError::Config)?;
        let events =
            EventLog::open_with(&data, source.clone(), redactor.clone()).map_err(|error| unusable(error.into()))?;
        let folder = std::path::absolute(&config.skills_dir)
            .map_err(|error| HostError::Folder { path: config.skills_dir.clone(), error })?;
        let keep = Keep::open(&data, &folder).map_err(|error| unusable(error.into()))?;
        let cache = Cache::open(&data.join("cache"), &engine).map_err(|error| unusable(error.into()))?;
        let services =
            services::open(&config, idle, source.clone(), events, network, redactor).map_err(|error| match error {
                OpenError::Config(_) => HostError::Config(error.into()),
                OpenError::Data(_) => unusable(error.into()),
            })?;
        let services = Arc::new(services);
        let protected = protected::of(&config);
        let drop_folder = config.skills_dir.clone();
        let absorber =
            Absorber::new(engine, cache, Compiler::new(compiler), services.clone(), source.clone(), protected)
                .map_err(HostError::Link)?;
        Ok(Self {
            source: source.clone(),
            admission: Admission::new(usize::try_from(config.limits.concurrency).unwrap_or(usize::MAX)),
            registry: ArcSwap::default(),
            changes: watch::Sender::default(),
            meter: Meter::new(services.ledger.clone()),
            services,
            agents: Agents::new(&data).map_err(|error| unusable(error.into()))?,
            config: ArcSwap::from_pointee(config),
            reload,
            address,
            absorber: Arc::new(absorber),
            approvals: keep.approvals(source.clone()),
            keep: Arc::new(keep),
            passing,
            notices,
            commit: tokio::sync::Mutex::default(),
            drop_folder,
            folder: Mutex::default(),
            absorbed: watch::Sender::new(false),
        })
    }

    /// The configuration as it is now.
    pub(crate) fn config(&self) -> Guard<Arc<Config>> {
        self.config.load()
    }

    pub(crate) fn set_config(&self, config: Config) {
        self.config.store(Arc::new(config));
    }

    /// Sends a message to a channel, from outside.
    pub(crate) async fn publish(&self, tenant: &Tenant, channel: &str, payload: Arc<str>) -> Result<u32, BoardError> {
        let message = Message {
            id: RunId::new(&*self.source).to_string(),
            channel: Channel::new(channel)?,
            payload,
            source: None,
            hops: 0,
            published_at: self.source.now(),
        };
        let data = json!({"channel": channel, "id": message.id});
        let receivers = self.services.blackboard.publish(tenant, message).await?;
        let (kind, tenant) = ("message.published".to_owned(), Some(tenant.clone()));
        let event = NewEvent { kind, source: "host".into(), run: None, tenant, data };
        if let Err(error) = self.services.events.append_relaxed(event).await {
            tracing::warn!(%error, "an event was not written");
        }
        Ok(receivers)
    }

    pub(crate) fn queue_timeout(&self) -> Duration {
        self.config().limits.queue_timeout
    }

    pub(crate) fn recording(&self) -> Answer {
        match self.config().recording {
            Recording::Durable => Answer::Durable,
            Recording::Relaxed => Answer::Relaxed,
        }
    }

    pub(crate) fn drop_folder(&self) -> &Path {
        &self.drop_folder
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
        let other = !registry.serves_as(&self.registry.load());
        self.registry.store(Arc::new(registry));
        if other {
            self.changes.send_replace(());
        }
        result
    }

    pub(crate) async fn event(&self, kind: &str, data: Value) {
        let event = NewEvent { kind: kind.to_owned(), source: "host".into(), run: None, tenant: None, data };
        // On disk before anybody hears of it otherwise.
        if let Err(error) = self.services.events.append(event).await {
            tracing::warn!(kind, %error, "an event was not written");
        }
    }

    /// Writes what runs used to the ledger.
    pub(crate) async fn meter_down(&self) {
        if let Err(error) = self.meter.flush().await {
            tracing::warn!(%error, "what runs used is written later");
        }
    }

    pub(crate) fn notify(&self, notice: &Notice) {
        if let Some(notices) = &self.notices {
            notices(notice);
        }
    }
}
