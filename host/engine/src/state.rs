//! What one run carries in its store.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use skillhost_types::{Limits, Source};
use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::WasiFilesystemCtxView;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::WasiHttpCtx;

use crate::files::{Directory, Guarded, Listings, Meter, Protected};
use crate::http::Reach;
use crate::limiter::Limiter;
use crate::log::Log;
use crate::stop::Stop;
use crate::wasi;

/// Host resources (streams, pollables) that one run may hold. Below wasmtime's own bound on handles, so
/// that a leak is told apart by its type.
const RESOURCES: usize = 1_024;

/// What a generation's runs see of the world through WASI: time, randomness and directories.
#[derive(Clone)]
pub struct Environment {
    /// Where clocks and randomness come from.
    pub source: Arc<dyn Source>,
    /// The skill's own folder, read-only at `/skill`.
    pub folder: Option<PathBuf>,
    /// The directories that it was granted.
    pub directories: Vec<Directory>,
    /// What lies in them and is not for skills.
    pub protected: Protected,
}

impl Environment {
    /// Time and randomness, and nothing else.
    pub fn new(source: Arc<dyn Source>) -> Self {
        Self { source, folder: None, directories: Vec::new(), protected: Protected::default() }
    }
}

/// The data of a store: what bounds the run, what it used, and `host`, which belongs to the capabilities.
pub struct RunState<H> {
    /// The capabilities' part.
    pub host: H,
    /// Counts linear memory and tables.
    pub limiter: Limiter,
    /// The run's log.
    pub log: Log,
    pub(crate) environment: Arc<Environment>,
    started: Instant,
    pub(crate) deadline: Instant,
    host_calls: u64,
    host_calls_limit: u64,
    output_limit: u64,
    pub(crate) table: ResourceTable,
    pub(crate) http: WasiHttpCtx,
    pub(crate) meter: Meter,
    pub(crate) listings: Listings,
    pub(crate) open: u32,
    wasi: Option<WasiCtx>,
}

impl<H> RunState<H> {
    /// The state of a run that begins now.
    pub fn new(host: H, limits: &Limits, environment: Arc<Environment>) -> Self {
        let started = Instant::now();
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        Self {
            host,
            limiter: Limiter::new(limits.memory),
            log: Log::new(limits.log),
            environment,
            started,
            deadline: started + limits.timeout,
            host_calls: 0,
            host_calls_limit: limits.host_calls,
            output_limit: limits.output,
            table,
            http: WasiHttpCtx::default(),
            meter: Meter::default(),
            listings: Listings::new(),
            open: 0,
            wasi: None,
        }
    }

    /// Takes one host call from the budget. The call that is over it ends the run.
    pub fn count_host_call(&mut self) -> Result<(), Stop> {
        self.count_host_calls(1)
    }

    /// Takes the host calls of a nested run from the budget.
    pub fn count_host_calls(&mut self, count: u64) -> Result<(), Stop> {
        let calls = self.host_calls.saturating_add(count);
        self.host_calls = calls.min(self.host_calls_limit);
        if calls > self.host_calls_limit { Err(Stop::HostCalls) } else { Ok(()) }
    }

    /// Host calls made so far.
    pub fn host_calls(&self) -> u64 {
        self.host_calls
    }

    /// Host calls that are left.
    pub fn host_calls_left(&self) -> u64 {
        self.host_calls_limit.saturating_sub(self.host_calls)
    }

    /// The largest payload that may cross to or from the guest, in bytes.
    pub fn output_limit(&self) -> u64 {
        self.output_limit
    }

    /// When the run began.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// When the run ends at the latest, on the monotonic clock.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Time that is left.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The host's side of what the guest holds handles of.
    pub fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// Where time and randomness come from.
    pub fn source(&self) -> &dyn Source {
        &*self.environment.source
    }
}

impl<H: Reach> RunState<H> {
    /// The run's files.
    pub(crate) fn guarded(&mut self) -> Guarded<'_> {
        let ctx = self.wasi.get_or_insert_with(|| wasi::context(&self.environment, &self.log));
        let view = WasiFilesystemCtxView { ctx: ctx.filesystem(), table: &mut self.table };
        let protected = Some(&self.environment.protected).filter(|protected| !protected.is_empty());
        Guarded::new(view, &self.meter, &mut self.listings, &mut self.open, protected)
    }
}

impl<H: Reach> WasiView for RunState<H> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // Most tools never ask WASI anything; those that do pay for its context at their first question.
        let ctx = self.wasi.get_or_insert_with(|| wasi::context(&self.environment, &self.log));
        WasiCtxView { ctx, table: &mut self.table }
    }
}
