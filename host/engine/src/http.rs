//! `wasi:http`, linked so that components which import it start, and refusing every request.

use wasmtime::component::Linker;
use wasmtime_wasi_http::{
    Error, RequestOptions, Result, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use crate::state::RunState;

/// What a guest finds behind `wasi:http`: its types work, its requests are refused.
#[derive(Default)]
pub(crate) struct Refusing {
    context: WasiHttpCtx,
    hooks: Hooks,
}

#[derive(Default)]
struct Hooks;

/// Links `wasi:http`'s outgoing half.
pub(crate) fn link<H: Send + 'static>(linker: &mut Linker<RunState<H>>) -> wasmtime::Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)
}

impl<H: Send> WasiHttpView for RunState<H> {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http.context, table: &mut self.table, hooks: &mut self.http.hooks }
    }
}

type Exchange = (http::Response<WasiBody>, Box<dyn Future<Output = Result<()>> + Send>);

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<()>> + Send>,
    ) -> Box<dyn Future<Output = Result<Exchange>> + Send> {
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}
