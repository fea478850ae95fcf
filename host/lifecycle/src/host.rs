//! The host: what absorbs, serves and records.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::{Value, json};
use skillhost_blackboard::{Blackboard, MemoryBoard, MemoryLimits, Message};
use skillhost_capabilities::{CallSkills, ChannelRates, Links, Services};
use skillhost_engine::{Admission, Cache, Compiler, Engine, PoolUsage, Settings};
use skillhost_events::{EventLog, NewEvent, Recording as Answer};
use skillhost_types::{RunId, RunRecord, SkillName, Source, System, Tenant};

use crate::absorb::{Absorber, Refused};
use crate::agents::Agents;
use crate::config::{Config, Recording};
use crate::folder::{self, Fingerprint};
use crate::generation::Generation;
use crate::keep::{Keep, Kept};
use crate::package::Package;
use crate::registry::{Change, Entry, FileState, Registry};
use crate::run::RunRequest;
use crate::watch::Watch;

/// How to open a host.
pub struct Options {
    /// What is configured.
    pub config: Config,
    /// Where time and randomness come from.
    pub source: Arc<dyn Source>,
    /// Hears what becomes of files, for a terminal. Must not block.
    pub notices: Option<Arc<dyn Fn(&Notice) + Send + Sync>>,
    /// The program that compiles as a child. Its `main` must begin with `skillhost_engine::compile::child`.
    pub compiler: PathBuf,
}

impl Options {
    /// The usual options for `config`: this same program compiles.
    pub fn new(config: Config) -> Self {
        // Linux gives the running program this name, also after its file was replaced.
        Self { config, source: Arc::new(System), notices: None, compiler: "/proc/self/exe".into() }
    }
}

/// What became of a file.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Notice {
    Reading { file: String },
    Absorbed { skill: String, version: String, file: String, tools: usize },
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
    config: Config,
    absorber: Arc<Absorber>,
    keep: Arc<Keep>,
    notices: Option<Arc<dyn Fn(&Notice) + Send + Sync>>,
    /// One file takes its place at a time, so that who is first is decided once.
    commit: tokio::sync::Mutex<()>,
    folder: Mutex<FolderState>,
}

#[derive(Default)]
struct FolderState {
    /// What was last read of each entry.
    seen: HashMap<String, Fingerprint>,
    /// Entries that are being absorbed.
    busy: HashSet<String>,
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
    pub async fn publish(&self, tenant: &Tenant, channel: &str, payload: &Value) -> Result<u32, skillhost_blackboard::BoardError> {
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

    /// Writes what is queued and closes the log.
    pub async fn close(self) {
        self.inner.services.events.close().await;
    }
}

impl Inner {
    fn open(options: Options) -> Result<Self, HostError> {
        let Options { config, source, notices, compiler } = options;
        let data = config.data_dir.clone();
        let unusable = |error: Box<dyn std::error::Error + Send + Sync>| HostError::Data { path: data.clone(), error };
        let engine = Engine::new(&Settings {
            concurrency: config.limits.concurrency,
            largest_memory: config.largest_memory(),
        })?;
        let events = EventLog::open(&data, source.clone()).map_err(|error| unusable(error.into()))?;
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
        });
        let absorber = Absorber {
            links: Links::new(&engine).map_err(HostError::Link)?,
            cache,
            compiler: Compiler::new(compiler),
            services: services.clone(),
            source: source.clone(),
            engine,
        };
        Ok(Self {
            source,
            services,
            admission: Admission::new(usize::try_from(config.limits.concurrency).unwrap_or(usize::MAX)),
            registry: ArcSwap::default(),
            agents: Agents::default(),
            config,
            absorber: Arc::new(absorber),
            keep: Arc::new(keep),
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

    async fn absorb_folder(self: &Arc<Self>) -> Result<(), HostError> {
        loop {
            let (unsettled, tasks) = self.rescan().await?;
            for task in tasks {
                // A task that panicked has said so; the file is looked at again when it changes.
                drop(task.await);
            }
            if !unsettled {
                return Ok(());
            }
            tokio::time::sleep(folder::SETTLE).await;
        }
    }

    /// Looks at the drop folder. Says whether something in it is not whole yet, and gives the absorptions
    /// that it began.
    pub(crate) async fn rescan(
        self: &Arc<Self>,
    ) -> Result<(bool, Vec<tokio::task::JoinHandle<()>>), HostError> {
        let path = self.drop_folder().to_owned();
        let scanned = tokio::task::spawn_blocking(move || folder::scan(&path)).await;
        let found = match scanned {
            Ok(Ok(found)) => found,
            // A folder that is not there holds nothing.
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Default::default(),
            Ok(Err(error)) => return Err(HostError::Folder { path: self.drop_folder().to_owned(), error }),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        self.remove_missing(&found).await;
        let mut unsettled = false;
        let mut due = Vec::new();
        {
            let mut state = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
            for (file, fingerprint) in found {
                if state.seen.get(&file) == Some(&fingerprint) {
                    continue;
                }
                if state.busy.contains(&file) || !fingerprint.is_settled() {
                    unsettled = true;
                    continue;
                }
                state.busy.insert(file.clone());
                state.seen.insert(file.clone(), fingerprint);
                due.push(file);
            }
        }
        // Files that served before come first: they keep their skill's name.
        let kept = self.keep.files().unwrap_or_default();
        due.sort_by_key(|file| (!kept.contains(file), file.clone()));
        let mut turn = None;
        let tasks = due
            .into_iter()
            .map(|file| {
                let (done, next) = tokio::sync::oneshot::channel::<()>();
                let before = turn.replace(next);
                let this = self.clone();
                tokio::spawn(async move {
                    this.take(&file, before).await;
                    this.folder.lock().unwrap_or_else(PoisonError::into_inner).busy.remove(&file);
                    drop(done);
                })
            })
            .collect();
        Ok((unsettled, tasks))
    }

    /// Absorbs one entry and puts what came of it in place, after those `before` it if they are still at it.
    async fn take(self: &Arc<Self>, file: &str, before: Option<tokio::sync::oneshot::Receiver<()>>) {
        self.notify(&Notice::Reading { file: file.to_owned() });
        let absorbed = self.absorber.absorb(self.drop_folder(), file, &self.config, &self.keep).await;
        if let Some(before) = before
            && self.registry.load().entry(file).is_none()
        {
            // Only the first look at a file waits its turn: it may claim a name. The sender never sends.
            drop(tokio::time::timeout(Duration::from_millis(200), before).await);
        }
        let _one_at_a_time = self.commit.lock().await;
        match absorbed {
            Ok((generation, package)) => self.serve(generation, package).await,
            Err(refused) => {
                self.restore(file).await;
                self.refuse(file, refused).await;
            }
        }
    }

    async fn serve(self: &Arc<Self>, generation: Arc<Generation>, package: Package) {
        let kept = Kept { skill: generation.name.to_string(), digest: generation.digest };
        let file = generation.file.clone();
        if let Some(other) = self.registry.load().skill(generation.name.as_str()).filter(|other| other.file != file) {
            let reason = format!("the skill `{}` is already provided by {}; remove one of the two", kept.skill, other.file);
            return self.refused_entry(&generation, reason).await;
        }
        let (keep, name) = (self.keep.clone(), file.clone());
        let stored = tokio::task::spawn_blocking(move || -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
            if keep.holds(&name, &kept)? {
                return Ok(false);
            }
            keep.store(&package)?;
            keep.remember(&name, &kept)?;
            Ok(true)
        })
        .await;
        let is_new = match stored {
            Ok(Ok(is_new)) => is_new,
            Ok(Err(error)) => {
                let reason = format!("the data directory cannot be written: {error}");
                return self.refused_entry(&generation, reason).await;
            }
            Err(error) => return self.refused_entry(&generation, error.to_string()).await,
        };
        match self.change(|registry| registry.serve(generation.clone())) {
            Change::Same | Change::Taken => {}
            Change::Absorbed => {
                // What served before a restart was absorbed then.
                if is_new {
                    self.event("skill.absorbed", about(&generation)).await;
                }
                self.notify(&Notice::Absorbed {
                    skill: generation.name.to_string(),
                    version: generation.version.clone(),
                    file,
                    tools: generation.tools.len(),
                });
            }
            Change::Replaced(before) => {
                let mut data = about(&generation);
                if let Value::Object(fields) = &mut data {
                    fields.insert("replaced".into(), json!(before.digest));
                }
                self.event("skill.replaced", data).await;
                self.notify(&Notice::Replaced {
                    skill: generation.name.to_string(),
                    version: generation.version.clone(),
                    file,
                });
            }
        }
        self.agents.follow(self);
    }

    /// Lists a file as refused. What served under it goes on serving.
    async fn refuse(&self, file: &str, refused: Refused) {
        let stem = file.strip_suffix(".wasm").or_else(|| file.strip_suffix(".skill")).unwrap_or(file);
        let name = SkillName::from_file_stem(stem).map_or_else(|_| stem.to_owned(), |name| name.to_string());
        self.list_refused(Entry {
            file: file.to_owned(),
            name,
            version: None,
            digest: refused.digest,
            state: FileState::Refused,
            reason: Some(refused.why.to_string()),
            serving: None,
        })
        .await;
    }

    async fn refused_entry(&self, generation: &Generation, reason: String) {
        self.list_refused(Entry {
            file: generation.file.clone(),
            name: generation.name.to_string(),
            version: Some(generation.version.clone()),
            digest: Some(generation.digest),
            state: FileState::Refused,
            reason: Some(reason),
            serving: None,
        })
        .await;
    }

    async fn list_refused(&self, entry: Entry) {
        let (file, digest) = (entry.file.clone(), entry.digest);
        let reason = entry.reason.clone().unwrap_or_default();
        self.change(|registry| registry.refuse(entry));
        self.event("skill.refused", json!({"file": file, "digest": digest, "reason": reason})).await;
        self.notify(&Notice::Refused { file, reason });
    }

    /// After a restart: lets the generation that `file` served before serve again, from the kept bytes.
    async fn restore(self: &Arc<Self>, file: &str) {
        if self.registry.load().entry(file).is_some() {
            return;
        }
        let Ok(Some(kept)) = self.keep.kept(file) else { return };
        if self.registry.load().skill(&kept.skill).is_some() {
            return;
        }
        let bytes = self.keep.path(&kept.digest);
        let package = tokio::task::spawn_blocking(move || crate::package::read_kept(&bytes)).await;
        let restored = match package {
            Ok(Ok(package)) if package.digest == kept.digest => {
                self.absorber.generation(package, file, &self.config, &self.keep).await.map_err(|why| why.to_string())
            }
            Ok(Ok(_)) => Err("its kept bytes were changed".to_owned()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match restored {
            Ok((generation, _)) => {
                self.change(|registry| registry.serve(generation));
                self.agents.follow(self);
            }
            Err(error) => tracing::warn!(file, %error, "what served before the restart cannot serve again"),
        }
    }

    async fn remove_missing(self: &Arc<Self>, found: &std::collections::BTreeMap<String, Fingerprint>) {
        let missing: HashSet<String> = {
            let registry = self.registry.load();
            let listed = registry.entries().map(|entry| entry.file.clone());
            let kept = self.keep.files().unwrap_or_default();
            let busy = &self.folder.lock().unwrap_or_else(PoisonError::into_inner).busy;
            let gone = |file: &String| !found.contains_key(file) && !busy.contains(file) && !is_path(file);
            listed.chain(kept).filter(gone).collect()
        };
        for file in missing {
            let _one_at_a_time = self.commit.lock().await;
            self.folder.lock().unwrap_or_else(PoisonError::into_inner).seen.remove(&file);
            if let Err(error) = self.keep.forget(&file) {
                tracing::warn!(file, %error, "the data directory still remembers a file that is gone");
            }
            let Some(entry) = self.change(|registry| registry.remove(&file)) else { continue };
            self.event("skill.removed", json!({"skill": entry.name, "file": file, "digest": entry.digest})).await;
            self.notify(&Notice::Removed { skill: entry.name, file });
            self.agents.follow(self);
        }
    }

    async fn absorb_file(self: &Arc<Self>, path: &Path) -> Entry {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let shown = path.to_string_lossy().into_owned();
        let _one_at_a_time = self.commit.lock().await;
        match self.absorber.absorb(folder, &name, &self.config, &self.keep).await {
            Ok((generation, package)) => {
                // A folder's files must lie somewhere for its runs to see; nothing is remembered.
                let kept = if package.files.is_empty() { Ok(()) } else { self.keep.store(&package) };
                if let Err(error) = kept {
                    tracing::warn!(path = shown, %error, "the skill's own folder cannot be kept");
                }
                let file = generation.file.clone();
                self.change(|registry| {
                    registry.serve(generation);
                });
                let registry = self.registry.load();
                registry.entry(&file).cloned().unwrap_or_else(|| unlisted(&file))
            }
            Err(refused) => {
                self.refuse(&name, refused).await;
                let registry = self.registry.load();
                registry.entry(&name).cloned().unwrap_or_else(|| unlisted(&name))
            }
        }
    }

    /// Changes the picture that readers see, as a whole.
    fn change<R>(&self, act: impl FnOnce(&mut Registry) -> R) -> R {
        let mut registry = Registry::clone(&self.registry.load());
        let result = act(&mut registry);
        self.registry.store(Arc::new(registry));
        result
    }

    pub(crate) async fn event(&self, kind: &str, data: Value) {
        let event = NewEvent { kind: kind.to_owned(), source: "host".into(), run: None, data };
        if let Err(error) = self.services.events.append_relaxed(event).await {
            tracing::warn!(kind, %error, "an event was not written");
        }
    }

    fn notify(&self, notice: &Notice) {
        tracing::debug!(?notice);
        if let Some(notices) = &self.notices {
            notices(notice);
        }
    }
}

/// An entry that came by `absorb_file` is no entry of the drop folder.
fn is_path(file: &str) -> bool {
    file.contains('/')
}

fn unlisted(file: &str) -> Entry {
    Entry {
        file: file.to_owned(),
        name: file.to_owned(),
        version: None,
        digest: None,
        state: FileState::Refused,
        reason: Some("it was removed meanwhile".into()),
        serving: None,
    }
}

fn about(generation: &Generation) -> Value {
    json!({
        "skill": generation.name,
        "version": generation.version,
        "file": generation.file,
        "digest": generation.digest,
        "tools": generation.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(),
    })
}
