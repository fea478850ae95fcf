//! Calls of tools, whichever way they come in: over the API, the Model Context Protocol, or a form of the dashboard.
//!
//! Contract: while the host stops no call begins. One whose caller goes away is cancelled, and so is one that still runs when
//! the host has waited long enough; either way it comes to its end and is written down before the host is gone. Price: a box, a
//! token and a count.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use skillhost_lifecycle::{Host, RunRequest};
use skillhost_types::{ErrorKind, RunError, RunId, RunRecord};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// All calls of one server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Calls {
    /// Cancelled when no more calls are taken.
    stopping: CancellationToken,
    /// Cancelled when what still runs is to be broken off. The tokens of runs are children of it.
    ending: CancellationToken,
    running: TaskTracker,
}

impl Calls {
    /// Calls that are taken until `stopping`.
    pub(crate) fn new(stopping: CancellationToken) -> Self {
        Self { stopping, ending: CancellationToken::new(), running: TaskTracker::new() }
    }

    /// Runs a tool.
    pub(crate) fn run(&self, host: &Host, request: RunRequest) -> Call<Arc<RunRecord>> {
        self.run_as(RunId::new(host.events().source()), host, request)
    }

    /// The same under a name that is known before it begins.
    pub(crate) fn run_as(&self, run: RunId, host: &Host, mut request: RunRequest) -> Call<Arc<RunRecord>> {
        let (host, stopping) = (host.clone(), self.stopping.is_cancelled());
        self.call(|cancel| {
            request.cancel = Some(cancel);
            async move {
                if stopping {
                    let error = RunError::new(ErrorKind::Cancelled, "the host is stopping; it takes no more calls");
                    return Arc::new(request.unrun(run, host.events().source().now(), error));
                }
                host.run_as(run, request).await
            }
        })
    }

    /// Runs what is made with the token that cancels it.
    pub(crate) fn call<F>(&self, run: impl FnOnce(CancellationToken) -> F) -> Call<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let cancel = self.ending.child_token();
        Call { run: Some(Box::pin(run(cancel.clone()))), cancel, running: self.running.token() }
    }

    /// Does `work`, of which calls are a part, to its end, whoever waits for it.
    pub(crate) fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.running.spawn(work)
    }

    /// Comes back when nothing runs any more. Only while the host stops.
    pub(crate) async fn ended(&self) {
        self.running.close();
        self.running.wait().await;
    }

    /// Breaks off what still runs, and all that comes.
    pub(crate) fn break_off(&self) {
        self.ending.cancel();
    }
}

/// A run that is cancelled when this is dropped before it ended, and then goes on to its end by itself, where it is written
/// down. As long as somebody waits it costs no task of its own.
pub(crate) struct Call<T: Send + 'static> {
    run: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    cancel: CancellationToken,
    running: TaskTrackerToken,
}

impl<T: Send + 'static> Call<T> {
    /// Cancels the run, wherever it is waited for.
    pub(crate) fn token(&self) -> CancellationToken {
        self.cancel.clone()
    }
}

impl<T: Send + 'static> Future for Call<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(run) = &mut self.run else { return Poll::Pending };
        let ended = run.as_mut().poll(context);
        if ended.is_ready() {
            self.run = None;
        }
        ended
    }
}

impl<T: Send + 'static> Drop for Call<T> {
    fn drop(&mut self) {
        let Some(run) = self.run.take() else { return };
        self.cancel.cancel();
        // Without an executor, the process is ending.
        if let Ok(executor) = tokio::runtime::Handle::try_current() {
            self.running.task_tracker().spawn_on(async move { drop(run.await) }, &executor);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn calls() -> Calls {
        Calls::new(CancellationToken::new())
    }

    /// What runs until it is cancelled.
    async fn endless(cancel: CancellationToken) -> &'static str {
        cancel.cancelled().await;
        tokio::task::yield_now().await;
        "cancelled"
    }

    #[tokio::test]
    async fn who_stops_waiting_cancels_the_run_which_goes_on_to_its_end() {
        let calls = calls();
        let (ended, mut told) = tokio::sync::oneshot::channel();
        let mut call = calls.call(|cancel| async move { ended.send(endless(cancel).await) });
        assert!(futures_util::poll!(&mut call).is_pending());
        assert!(told.try_recv().is_err());
        drop(call);
        calls.ended().await;
        assert_eq!(told.await, Ok("cancelled"));
    }

    #[tokio::test]
    async fn a_run_that_ended_cancels_nothing() {
        let call = calls().call(|_| async { 1 });
        let cancel = call.token();
        assert_eq!(call.await, 1);
        assert!(!cancel.is_cancelled());
    }

    #[tokio::test]
    async fn what_runs_is_waited_for_and_breaks_off_when_it_is_told_to() {
        let calls = calls();
        let waited_for = tokio::spawn(calls.call(endless));
        let spawned = calls.spawn({
            let calls = calls.clone();
            async move { calls.call(endless).await }
        });
        assert!(calls.ended().now_or_never().is_none());
        calls.break_off();
        calls.ended().await;
        assert_eq!((waited_for.await.unwrap(), spawned.await.unwrap()), ("cancelled", "cancelled"));
        assert_eq!(calls.call(endless).await, "cancelled", "what comes later does not last either");
    }
}
