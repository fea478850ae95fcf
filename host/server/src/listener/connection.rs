//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service as _;

use crate::listener::accept::Door;
use crate::listener::activity::{Activity, Waiting};
use crate::listener::peer::Connected;

/// How long a connection without a request may still send one once the host stops: it may be on its way.
const FIRST_WORDS: Duration = Duration::from_millis(500);

/// How long the last of the last answer may take, and a farewell on HTTP/2: a megabyte over a bad line.
const FAREWELL: Duration = Duration::from_secs(60);

/// The body of an answer, which is given out when it is dropped.
struct Answer {
    body: Body,
    waiting: Waiting,
}

impl Answer {
    fn new(body: Body, mut waiting: Waiting) -> Self {
        waiting.owe(true);
        Self { body, waiting }
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
        self.waiting.owe(frame.is_ready());
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
    let activity = Activity::new();
    let service = service_fn(|request: Request<Incoming>| {
        let waiting = Waiting::new(&activity);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(connected);
        let answered = door.router.clone().call(request);
        async move {
            let answer = answered.await.unwrap_or_else(|never| match never {});
            Ok::<_, Infallible>(answer.map(|body| Answer::new(body, waiting)))
        }
    });
    let serving = door.http.serve_connection_with_upgrades(TokioIo::new(io), service);
    tokio::pin!(serving);
    let served = tokio::select! {
        served = serving.as_mut() => served,
        () = activity.stalled() => Ok(()),
        () = over(&activity, door) => {
            // What is not answered yet still is, and then there is an end, whatever the other side says to it.
            serving.as_mut().graceful_shutdown();
            tokio::select! {
                served = serving.as_mut() => served,
                () = activity.idle(FAREWELL) => Ok(()),
            }
        }
    };
    if let Err(error) = served {
        tracing::debug!(error, "a connection broke");
    }
}

/// Waits until no further request is to come. HTTP/1 has a limit of its own between requests; that of the door is also for what
/// never says which HTTP it speaks, and for HTTP/2.
async fn over(activity: &Activity, door: &Door) {
    let stopped = async {
        door.stopping.cancelled().await;
        // Either way it is over.
        let _ = tokio::time::timeout(FIRST_WORDS, activity.asked()).await;
    };
    tokio::select! {
        () = stopped => {}
        () = activity.idle(door.idle) => {}
    }
}
