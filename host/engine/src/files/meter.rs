//! How much a run writes into files.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{DynOutputStream, OutputStream, Pollable, StreamError, StreamResult};

/// Bytes that one run may write: as much as the default memory holds, so that what a run can make it can also put down.
const WRITTEN: u64 = 64 << 20;

/// What a new name in a directory counts, in bytes: about what it takes on a disk.
pub(crate) const ENTRY: u64 = 4 << 10;

/// What is left of a run's bytes. Clones share it.
#[derive(Clone)]
pub(crate) struct Meter(Arc<AtomicU64>);

impl Default for Meter {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(WRITTEN)))
    }
}

impl Meter {
    /// Takes so many bytes; false if there are not so many left.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }
}

/// A stream into a file that takes what it writes from a meter.
pub(crate) struct Metered {
    pub(crate) stream: DynOutputStream,
    pub(crate) meter: Meter,
}

#[async_trait]
impl Pollable for Metered {
    async fn ready(&mut self) {
        self.stream.ready().await;
    }
}

#[async_trait]
impl OutputStream for Metered {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if !self.meter.take(bytes.len() as u64) {
            let full = std::io::Error::new(
                std::io::ErrorKind::QuotaExceeded,
                format!("a run may write {} MiB into files", WRITTEN >> 20),
            );
            return Err(StreamError::LastOperationFailed(full.into()));
        }
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.stream.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.stream.check_write()
    }

    async fn cancel(&mut self) {
        self.stream.cancel().await;
    }
}
