//! A file's way in: read, compiled, described, linked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use skillhost_capabilities::{Context, DescribeSkill, Indices, Links, RunInfo, Services, SkillInfo, State, is_known};
use skillhost_engine::values::{ExportedFunction, exported_functions};
use skillhost_engine::{
    Cache, Compiler, Directory, Engine, Environment, InspectError, Inspection, Protected, RunState, place_of,
};
use skillhost_types::{
    Caller, Capability, Digest, Grant, Grants, Limits, NameError, RunId, SkillName, Source, Tenant, ToolName, Want,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinError;
use wasmtime::component::{Component, InstancePre};

use crate::config::Config;
use crate::generation::{Code, Generation, Kind, Tool, ToolEntry, capabilities_of};
use crate::keep::Keep;
use crate::manifest::{self, Described, ManifestError};
use crate::package::{self, Package, PackageError};

/// The source of the host's own events.
const HOST: &str = "host";

/// Time that a skill has to say what it is. An interpreter's start takes most of it.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of files that are in memory at once while they are absorbed, in KiB: some interpreters of 20 MiB, or hundreds of
/// ordinary skills. Who comes later waits until one is done.
const ROOM: u32 = 256 << 10;

/// See [`Absorber::asking`].
const ASKING: usize = 4;

/// The contract's package, any version.
const CONTRACT: &str = "skillhost:skill/";
/// What a native skill exports.
const SKILL: &str = "skillhost:skill/skill@0.1.0";

/// What the cache says of a component.
enum LookedUp {
    Cached((Component, Facts)),
    New(Inspection),
}

/// Why a file was refused, for a person to act on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Package(#[from] PackageError),
    #[error(transparent)]
    Inspect(#[from] InspectError),
    #[error(transparent)]
    Compile(#[from] skillhost_engine::CompileError),
    #[error(transparent)]
    Load(#[from] skillhost_engine::LoadError),
    #[error("it imports `{}`, which this host does not know; build it against the WIT of this host's version", .0.escape_default())]
    UnknownImport(String),
    #[error("it was built for `{}`; this host speaks {SKILL}", .0.escape_default())]
    OtherVersion(String),
    #[error("it does not link: {0}; build it against the WIT of this host's version")]
    Link(String),
    #[error(
        "asked what it is, it {0}; `describe` gets {time} s and the default limits, whatever is configured",
        time = DESCRIBE_TIMEOUT.as_secs()
    )]
    Describe(String),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("its file's name gives no skill name: {0}; rename the file")]
    Name(#[from] NameError),
    #[error("it calls itself `{HOST}`, which is what the host calls itself in the log; give it another name")]
    Reserved,
    #[error("it exports no function that can be a tool{}", .0.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    NoTools(Option<String>),
    #[error("the data directory cannot be written: {0}; check its space and rights")]
    Data(#[from] std::io::Error),
    #[error("absorbing it was interrupted: {0}; copy it again")]
    Interrupted(#[from] JoinError),
}

/// A refusal and what was learnt of the file before it.
pub(crate) struct Refused {
    pub(crate) why: Refusal,
    pub(crate) digest: Option<Digest>,
}

/// Turns files into generations.
pub(crate) struct Absorber {
    /// See [`ROOM`].
    room: Semaphore,
    /// Reading, hashing and loading from the cache at once: as many as there are processors.
    hands: Semaphore,
    /// Skills that are asked at once what they are: each may take a run's memory.
    asking: Semaphore,
    pub(crate) engine: Engine,
    links: Links,
    cache: Cache,
    compiler: Compiler,
    services: Arc<Services>,
    source: Arc<dyn Source>,
    protected: Protected,
}

/// What the cache keeps beside the machine code, so that a second start asks nothing again.
#[derive(Serialize, Deserialize)]
struct Facts {
    inspection: Inspection,
    manifest: Option<skillhost_capabilities::Manifest>,
}

impl Absorber {
    pub(crate) fn new(
        engine: Engine,
        cache: Cache,
        compiler: Compiler,
        services: Arc<Services>,
        source: Arc<dyn Source>,
        protected: Protected,
    ) -> wasmtime::Result<Self> {
        Ok(Self {
            room: Semaphore::new(ROOM as usize),
            hands: Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)),
            asking: Semaphore::new(ASKING),
            links: Links::new(&engine)?,
            engine,
            cache,
            compiler,
            services,
            source,
            protected,
        })
    }

    /// Absorbs the entry `name` of `folder`. Its files lie in `keep` when it has any.
    pub(crate) async fn absorb(
        self: &Arc<Self>,
        folder: &Path,
        name: &str,
        config: &Config,
        keep: &Arc<Keep>,
    ) -> Result<(Generation, Package), Refused> {
        let (path, file) = (folder.to_owned(), name.to_owned());
        let package = match self.aside(move || package::read(&path, &file)).await {
            Ok(Ok(package)) => package,
            Ok(Err(error)) => return Err(Refused { why: error.into(), digest: None }),
            Err(error) => return Err(Refused { why: error.into(), digest: None }),
        };
        let digest = package.digest;
        self.generation(package, name, config, keep).await.map_err(|why| Refused { why, digest: Some(digest) })
    }

    /// Absorbs a package that was read already.
    pub(crate) async fn generation(
        self: &Arc<Self>,
        package: Package,
        file: &str,
        config: &Config,
        keep: &Arc<Keep>,
    ) -> Result<(Generation, Package), Refusal> {
        let Some(component) = package.component.clone() else {
            return Ok((self.instructions(&package, file, config)?, package));
        };
        let folder = (!package.files.is_empty()).then(|| keep.path(&package.digest));
        let environment = Arc::new(Environment { folder, ..Environment::new(self.source.clone()) });
        let (compiled, facts) = self.compiled(component).await?;
        let indices = Indices::find(&compiled);
        let described = match facts.manifest {
            Some(manifest) => manifest::check(manifest, indices.is_some_and(|indices| indices.handles()))?,
            None => Described::plain(
                match &package.card {
                    Some(card) => card.name.clone(),
                    None => SkillName::from_file_stem(file.strip_suffix(".wasm").unwrap_or(file))?,
                },
                facts.inspection.version.as_deref(),
                facts.inspection.description.as_deref(),
            ),
        };
        // Refusals fit whatever is imported: that it fits the real interfaces is found out now, not once it is approved.
        if facts.inspection.imports.iter().any(|import| import.starts_with(CONTRACT)) {
            self.link(&compiled, &Capability::ALL.into_iter().map(Grant::full).collect())?;
        }
        let linked = self.link(&compiled, &Grants::default())?;
        let (kind, tools) = match indices {
            Some(_) => (Kind::Native, native_tools(described.tools)),
            None => (Kind::Plain, plain_tools(&self.engine, &compiled)?),
        };
        let wants = match kind {
            Kind::Plain => plain_wants(&facts.inspection.imports),
            _ => described.wants,
        };
        let (name, description) = match &package.card {
            Some(card) => (card.name.clone(), card.description.clone()),
            None => (described.name, described.description),
        };
        if name.as_str() == HOST {
            return Err(Refusal::Reserved);
        }
        let generation = Generation {
            limits: config.limits_of(&name),
            shared: shared(&name, config),
            shared_name: name.as_str().into(),
            name,
            version: described.version.to_string(),
            description,
            kind,
            digest: package.digest,
            file: file.to_owned(),
            size: package.size,
            tools: tools.into(),
            wants: with_subscriptions(wants, &described.subscriptions),
            subscriptions: described.subscriptions,
            imports: facts.inspection.imports,
            instructions: package.instructions.clone(),
            code: Some(Code { component: compiled, linked, native: indices }),
            environment,
        };
        Ok((generation, package))
    }

    /// `generation` with what it holds.
    pub(crate) fn grant(
        &self,
        mut generation: Generation,
        grants: Grants,
        config: &Config,
    ) -> Result<Generation, Refusal> {
        let directories = directories(&grants, config);
        let unread = directories.iter().filter(|own| !grants.allows(Capability::FsRead, &own.name));
        let unread = unread.filter_map(|own| std::fs::canonicalize(&own.path).ok()).collect();
        let own = generation.environment.folder.as_deref().and_then(place_of);
        let protected = Protected { unread, own, ..self.protected.clone() }.within(&directories);
        let before = Environment::clone(&generation.environment);
        generation.environment = Arc::new(Environment { directories, protected, ..before });
        generation.shared = Arc::new(SkillInfo { grants, ..SkillInfo::clone(&generation.shared) });
        if let Some(code) = &mut generation.code {
            code.linked = self.link(&code.component, &generation.shared.grants)?;
        }
        Ok(generation)
    }

    fn link(&self, component: &Component, grants: &Grants) -> Result<InstancePre<State>, Refusal> {
        self.links.serving(component, grants).map_err(|error| Refusal::Link(format!("{error:#}")))
    }

    fn instructions(&self, package: &Package, file: &str, config: &Config) -> Result<Generation, Refusal> {
        let Some(card) = &package.card else {
            return Err(Refusal::NoTools(None));
        };
        let name = card.name.clone();
        Ok(Generation {
            limits: config.limits_of(&name),
            shared: shared(&name, config),
            shared_name: name.as_str().into(),
            name,
            version: "0.0.0".into(),
            description: card.description.clone(),
            kind: Kind::Instructions,
            digest: package.digest,
            file: file.to_owned(),
            size: package.size,
            tools: Arc::default(),
            subscriptions: Vec::new(),
            wants: Vec::new(),
            imports: Vec::new(),
            instructions: package.instructions.clone(),
            code: None,
            environment: Arc::new(Environment::new(self.source.clone())),
        })
    }

    /// From the cache, or inspected, compiled in the child, described and cached.
    async fn compiled(
        self: &Arc<Self>,
        package::Component { digest, bytes }: package::Component,
    ) -> Result<(Component, Facts), Refusal> {
        let this = self.clone();
        let read = bytes.clone();
        let looked_up = self.aside(move || {
            let hit = this.cache.load(&digest).and_then(|sealed| {
                let facts = serde_json::from_slice::<Facts>(&sealed.facts).ok()?;
                Some((sealed.component, facts))
            });
            match hit {
                Some(hit) => Ok(LookedUp::Cached(hit)),
                None => skillhost_engine::inspect(&read).map(LookedUp::New),
            }
        });
        let inspection = match looked_up.await?? {
            LookedUp::Cached((component, facts)) => return Ok((component, facts)),
            LookedUp::New(inspection) => inspection,
        };
        let unknown = |import: &&String| !is_known(import);
        if let Some(import) = inspection.imports.iter().find(unknown) {
            return Err(Refusal::UnknownImport(import.clone()));
        }
        let foreign = |export: &&String| export.starts_with(&format!("{CONTRACT}skill@")) && *export != SKILL;
        if let Some(export) = inspection.exports.iter().find(foreign) {
            return Err(Refusal::OtherVersion(export.clone()));
        }
        let code = self.compiler.compile(&bytes).await?;
        let this = self.clone();
        let stored = self.aside(move || this.cache.store(&digest, &code).map(|component| (component, code)));
        let (component, code) = stored.await??;
        let manifest = match Indices::find(&component) {
            Some(indices) => Some(self.describe(&component, indices).await?),
            None => None,
        };
        let facts = Facts { inspection, manifest };
        let sealed = serde_json::to_vec(&facts).map_err(std::io::Error::other)?;
        let this = self.clone();
        // Without its seal the entry does not count, and the next start compiles again; that is all.
        if let Err(error) = self.aside(move || this.cache.seal(&digest, &code, &sealed)).await? {
            tracing::warn!(%digest, %error, "the compiled form was not kept");
        }
        Ok((component, facts))
    }

    /// Does what blocks, as soon as a hand is free.
    async fn aside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
        // Never closed, so there is always a permit to come.
        let _hand = self.hands.acquire().await;
        tokio::task::spawn_blocking(work).await
    }

    /// Waits until there is room for a file of `size` bytes. The room is given back with what is returned.
    pub(crate) async fn room_for(&self, size: u64) -> Option<SemaphorePermit<'_>> {
        let size = u32::try_from(size >> 10).unwrap_or(u32::MAX).clamp(1, ROOM);
        self.room.acquire_many(size).await.ok()
    }

    /// Asks the skill what it is: the default limits and a shorter time, no folder, and the host's own interfaces trap.
    async fn describe(
        &self,
        component: &Component,
        indices: Indices,
    ) -> Result<skillhost_capabilities::Manifest, Refusal> {
        let _turn = self.asking.acquire().await;
        let linked = self.links.describing(component).map_err(|error| Refusal::Link(format!("{error:#}")))?;
        let limits = Limits { timeout: DESCRIBE_TIMEOUT, ..Limits::default() };
        let run = RunId::new(&*self.source);
        let info = RunInfo {
            run,
            root: run,
            exhausted: None,
            tenant: Tenant::default(),
            agent: None,
            caller: Caller::Cli,
            depth: 0,
            hops: 0,
            limits: limits.clone(),
            skill: Arc::new(SkillInfo {
                name: SkillName::from_file_stem("describe")?,
                grants: Grants::default(),
                config: BTreeMap::new(),
            }),
        };
        let context = Context::new(Arc::new(info), self.services.clone(), self.source.now(), None);
        let environment = Arc::new(Environment::new(self.source.clone()));
        let state: State = RunState::new(context, &limits, environment);
        let ended =
            skillhost_engine::run(&linked, state, &limits, DescribeSkill(indices), std::future::pending()).await;
        ended.result.map_err(|stop| {
            // Without its advice to raise a limit, which `describe` does not look at.
            let message = stop.into_error(&limits).message;
            Refusal::Describe(message.split("; raise").next().unwrap_or(&message).to_owned())
        })
    }
}

/// What the runs of skill `name` share; it holds nothing yet.
fn shared(name: &SkillName, config: &Config) -> Arc<SkillInfo> {
    Arc::new(SkillInfo { name: name.clone(), grants: Grants::default(), config: config.config_of(name) })
}

fn native_tools(tools: Vec<manifest::DescribedTool>) -> Vec<Tool> {
    tools
        .into_iter()
        .map(|tool| Tool {
            shared_name: tool.name.as_str().into(),
            name: tool.name,
            description: tool.description,
            hints: tool.hints,
            entry: ToolEntry::Native { input: tool.input, output: tool.output },
        })
        .collect()
}

fn plain_tools(engine: &Engine, component: &Component) -> Result<Vec<Tool>, Refusal> {
    let mut tools = Vec::new();
    let mut why_not = None;
    for ExportedFunction { tool_name, interface, index, signature, .. } in
        exported_functions(engine.wasmtime(), component)
    {
        let signature = match signature {
            Ok(signature) => signature,
            Err(error) => {
                why_not.get_or_insert_with(|| error.to_string());
                continue;
            }
        };
        let Ok(name) = ToolName::from_wit(&tool_name) else { continue };
        tools.push(Tool {
            shared_name: name.as_str().into(),
            name,
            description: match interface {
                Some(interface) => format!("`{tool_name}` of the interface `{interface}`"),
                None => format!("`{tool_name}` of a plain component"),
            },
            hints: Vec::new(),
            entry: ToolEntry::Plain {
                function: index,
                input: signature.input_schema(),
                output: signature.output_schema(),
                signature,
            },
        });
    }
    if tools.is_empty() { Err(Refusal::NoTools(why_not)) } else { Ok(tools) }
}

/// The directories that the grants name.
fn directories(grants: &Grants, config: &Config) -> Vec<Directory> {
    let granted = |(name, path): (&String, &PathBuf)| {
        let writable = grants.allows(Capability::FsWrite, name);
        let seen = writable || grants.allows(Capability::FsRead, name);
        seen.then(|| Directory { name: name.clone(), path: path.clone(), writable })
    };
    config.dirs.iter().filter_map(granted).collect()
}

/// A plain component says nothing of its wants: they are its imports, each at full scope. Ordinary WASI and
/// secrets, which have no interface of their own, are not among them.
fn plain_wants(imports: &[String]) -> Vec<Want> {
    let mut wants: Vec<Want> = Vec::new();
    for import in imports {
        for capability in capabilities_of(import) {
            let silent = matches!(capability, Capability::FsRead | Capability::FsWrite | Capability::SecretsUse);
            if !silent && !wants.iter().any(|want| want.capability == capability.as_str()) {
                wants.push(Want {
                    capability: capability.as_str().to_owned(),
                    scope: "*".to_owned(),
                    reason: format!("it imports {import}"),
                });
            }
        }
    }
    wants
}

/// Subscriptions are wants, whether the manifest says so twice or not.
fn with_subscriptions(mut wants: Vec<Want>, subscriptions: &[String]) -> Vec<Want> {
    let capability = Capability::BlackboardSubscribe.as_str();
    for pattern in subscriptions {
        if !wants.iter().any(|want| want.capability == capability && want.scope == *pattern) {
            wants.push(Want {
                capability: capability.to_owned(),
                scope: pattern.clone(),
                reason: "it is woken up by these messages".to_owned(),
            });
        }
    }
    wants
}
