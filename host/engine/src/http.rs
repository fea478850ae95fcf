//! `wasi:http`'s outgoing half, sent by whoever the capabilities put behind it.

use tokio::time::Instant;
use wasmtime::component::Linker;
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

use crate::state::RunState;

/// What the capabilities' part of a store offers to WASI.
pub trait Reach: Send + 'static {
    /// Who sends the run's requests, of which so many are left. The run ends at `deadline`.
    fn http(&mut self, deadline: Instant, left: u64) -> &mut dyn WasiHttpHooks;

    /// How many requests were sent since this was last asked.
    fn take_sent(&mut self) -> u64;
}

/// Links it.
pub(crate) fn link<H: Reach>(linker: &mut Linker<RunState<H>>) -> wasmtime::Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)
}

impl<H: Reach> RunState<H> {
    /// Counts the requests that were sent as host calls, which they are. The standard has a word for one too many, so it is
    /// refused with that and does not end the run.
    pub(crate) fn count_requests(&mut self) {
        let sent = self.host.take_sent();
        drop(self.count_host_calls(sent));
    }
}

impl<H: Reach> WasiHttpView for RunState<H> {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.count_requests();
        let left = self.host_calls_left();
        let hooks = self.host.http(self.deadline, left);
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks }
    }
}
