//! WASI 0.2, linked so that ordinary components start, and empty.
//!
//! Contract: clocks and randomness are the host's injected ones; environment, arguments and directories
//! are empty, but for the skill's own folder at `/skill`, read-only, and the directories that it was granted; standard input is
//! at its end; what is printed becomes log lines; every socket is refused.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use skillhost_types::Source;
use tokio::io::AsyncWrite;
use wasmtime::component::Linker;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::{FsPerms, HostMonotonicClock, HostWallClock, WasiCtx};

use crate::files::Directory;
use crate::http::Reach;
use crate::log::{Log, Printed};
use crate::state::{Environment, RunState};

/// Where a skill finds its own folder.
const FOLDER: &str = "/skill";

/// Randomness that one call may ask for, in bytes: generous for keys, and soon made. A guest that asks in a loop is seen to be
/// late only when it yields, some thousand calls later; 8 KiB a call make that 36 ms.
const RANDOM_PER_CALL: u64 = 2 << 10;

/// Links WASI 0.2, `wasi:http` included.
pub fn link<H: Reach>(linker: &mut Linker<RunState<H>>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    crate::files::link(linker)?;
    crate::http::link(linker)
}

/// The context of one run.
pub(crate) fn context(environment: &Environment, log: &Log) -> WasiCtx {
    let source = &environment.source;
    let mut seed = [0; 16];
    source.fill(&mut seed);
    let mut builder = WasiCtx::builder();
    builder
        .wall_clock(Clock(source.clone()))
        .monotonic_clock(Clock(source.clone()))
        .secure_random(Randomness(source.clone()))
        .insecure_random(Randomness(source.clone()))
        .insecure_random_seed(u128::from_le_bytes(seed))
        .max_random_size(RANDOM_PER_CALL)
        .stdout(LogStream { log: log.clone(), stream: Printed::Stdout })
        .stderr(LogStream { log: log.clone(), stream: Printed::Stderr })
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    if let Some(folder) = &environment.folder
        && let Err(error) = builder.preopened_dir(folder, FOLDER, FsPerms::ReadOnly)
    {
        tracing::warn!(folder = %folder.display(), %error, "the skill's folder cannot be opened");
    }
    for Directory { name, path, writable } in &environment.directories {
        let perms = if *writable { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
        if let Err(error) = builder.preopened_dir(path, format!("/{name}"), perms) {
            tracing::warn!(name, path = %path.display(), %error, "a granted directory cannot be opened (`dirs`)");
        }
    }
    builder.build()
}

struct Clock(Arc<dyn Source>);

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.now().0)
    }
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.monotonic().as_nanos()).unwrap_or(u64::MAX)
    }
}

struct Randomness(Arc<dyn Source>);

impl rand::TryRng for Randomness {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

#[derive(Clone)]
struct LogStream {
    log: Log,
    stream: Printed,
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for LogStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.log.print(self.stream, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
