//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use crate::listener::accept::Door;
use crate::listener::peer::Connected;
use crate::listener::watched::STALL;

/// How long a connection without a request may still send one once the host stops: it may be on its way.
const FIRST_WORDS: Duration = Duration::from_millis(500);

/// How long the last of the last answer may take, and a farewell on HTTP/2: a megabyte over a bad line.
const FAREWELL: Duration = Duration::from_secs(60);

/// What a connection has to do.
#[derive(Default)]
struct Activity {
    /// Requests so far.
    requests: u64,
    /// Those whose answers are not given out yet.
    waiting: usize,
}

/// A request whose answer is not given out yet.
struct Waiting(watch::Sender<Activity>);

impl Waiting {
    fn new(activity: &watch::Sender<Activity>) -> Self {
        activity.send_modify(|activity| {
            activity.requests += 1;
            activity.waiting += 1;
        });
        Self(activity.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.send_modify(|activity| activity.waiting -= 1);
    }
}

/// Whether the other side takes its answers. On HTTP/2 a reader may take nothing of one while the connection itself goes on.
struct Taking {
    started: Instant,
    /// Answers of which there is something to take, as far as is known.
    owed: AtomicUsize,
    /// When something was last taken, in milliseconds since the start.
    last: AtomicU64,
}

impl Taking {
    fn new() -> Arc<Self> {
        Arc::new(Self { started: Instant::now(), owed: AtomicUsize::new(0), last: AtomicU64::new(0) })
    }

    fn touch(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// Waits until nothing was taken for [`STALL`] of what there is to take.
    async fn stalled(&self) {
        loop {
            tokio::time::sleep(STALL / 3).await;
            let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
            if self.owed.load(Ordering::Relaxed) > 0 && self.started.elapsed().saturating_sub(last) >= STALL {
                return;
            }
        }
    }
}

/// The body of an answer, which is given out when it is dropped.
struct Answer {
    body: Body,
    /// Is there something to take, as far as is known?
    owed: bool,
    taking: Arc<Taking>,
    _waiting: Waiting,
}

impl Answer {
    fn new(body: Body, taking: Arc<Taking>, waiting: Waiting) -> Self {
        let mut answer = Self { body, owed: false, taking, _waiting: waiting };
        answer.owe(true);
        answer
    }

    fn owe(&mut self, owed: bool) {
        self.taking.touch();
        match (self.owed, owed) {
            (false, true) => drop(self.taking.owed.fetch_add(1, Ordering::Relaxed)),
            (true, false) => drop(self.taking.owed.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
        self.owed = owed;
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.owe(false);
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        // Who asks has room for more.
        self.owe(frame.is_ready());
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Serves `io` until either side is done with it.
pub(crate) async fn serve<S>(io: S, connected: Connected, door: &Door)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = watch::Sender::new(Activity::default());
    let taking = Taking::new();
    let service = service_fn(|request: Request<Incoming>| {
        let taking = taking.clone();
        let waiting = Waiting::new(&activity);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(connected);
        let answered = door.router.clone().call(request);
        async move {
            let answer = answered.await.unwrap_or_else(|never| match never {});
            Ok::<_, Infallible>(answer.map(|body| Answer::new(body, taking, waiting)))
        }
    });
    let serving = door.http.serve_connection_with_upgrades(TokioIo::new(io), service);
    tokio::pin!(serving);
    let served = tokio::select! {
        served = serving.as_mut() => served,
        () = taking.stalled() => Ok(()),
        () = over(&activity, door) => {
            // What is not answered yet still is, and then there is an end, whatever the other side says to it.
            serving.as_mut().graceful_shutdown();
            tokio::select! {
                served = serving.as_mut() => served,
                () = idle(activity.subscribe(), FAREWELL) => Ok(()),
            }
        }
    };
    if let Err(error) = served {
        tracing::debug!(error, "a connection broke");
    }
}

/// Waits until no further request is to come.
async fn over(activity: &watch::Sender<Activity>, door: &Door) {
    tokio::select! {
        () = stopped(activity.subscribe(), &door.stopping) => {}
        () = idle(activity.subscribe(), door.idle) => {}
    }
}

async fn stopped(mut activity: watch::Receiver<Activity>, stopping: &CancellationToken) {
    stopping.cancelled().await;
    // Either way it is over.
    drop(tokio::time::timeout(FIRST_WORDS, activity.wait_for(|activity| activity.requests > 0)).await);
}

/// Waits until there was nothing to do for `limit`. HTTP/1 has a limit of its own between requests; this one is also for what
/// never says which HTTP it speaks, and for HTTP/2.
async fn idle(mut activity: watch::Receiver<Activity>, limit: Duration) {
    // The sender lives as long as the connection.
    while activity.wait_for(|activity| activity.waiting == 0).await.is_ok() {
        if tokio::time::timeout(limit, activity.changed()).await.is_err() {
            return;
        }
    }
}
