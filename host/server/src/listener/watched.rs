//! A stream that is given up when its reader takes nothing.
//!
//! Contract: writing waits at most [`STALL`], after which the stream is broken; its place among the connections is free once it
//! is dropped, whoever has it then. Price: a timer, while writing waits.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use skillhost_feed::Share;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long a reader may take nothing: longer than any network is away, and short enough that it holds no place for good.
pub(super) const STALL: Duration = Duration::from_secs(30);

/// A place among all connections, and among those of its address.
pub(crate) type Place = (OwnedSemaphorePermit, Option<Share>);

/// A stream with its place among the connections, which is free when the stream is dropped, also by a WebSocket.
pub(crate) struct Watched<S> {
    stream: S,
    /// Since when writing waits.
    stalled: Option<Pin<Box<Sleep>>>,
    /// How long it may.
    stall: Duration,
    _place: Place,
    _waited_for: Option<TaskTrackerToken>,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, place: Place, waited_for: Option<TaskTrackerToken>) -> Self {
        Self { stream, stalled: None, stall: STALL, _place: place, _waited_for: waited_for }
    }

    fn watch<T>(&mut self, context: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.stalled = None;
            return done;
        }
        let stall = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall)));
        stalled.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Sockets keep nothing to flush: this says nothing of the reader.
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, done)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Waker;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Semaphore;

    use super::*;

    async fn watched<S>(stream: S) -> (Watched<S>, Arc<Semaphore>) {
        let room = Arc::new(Semaphore::new(1));
        let place = room.clone().acquire_owned().await.unwrap();
        (Watched { stall: Duration::from_millis(20), ..Watched::new(stream, (place, None), None) }, room)
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_given_up_and_its_place_is_free() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let (mut ours, room) = watched(ours).await;
        assert_eq!(ours.write_all(&[0; 64]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(room.available_permits(), 0);
        drop(ours);
        assert_eq!(room.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_reader_that_takes_a_little_has_all_the_time_again() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let (mut ours, _room) = watched(ours).await;
        ours.write_all(&[0; 16]).await.unwrap();
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut ours).poll_write(&mut context, &[0]).is_pending());
        assert!(ours.stalled.is_some());
        theirs.read_exact(&mut [0]).await.unwrap();
        assert!(Pin::new(&mut ours).poll_write(&mut context, &[0]).is_ready());
        assert!(ours.stalled.is_none());
    }
}
