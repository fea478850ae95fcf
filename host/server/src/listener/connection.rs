//! One connection, from its first byte to its last.
//!
//! Contract: it ends when it had nothing to do for `http.header_timeout`, when its reader took nothing of what it is owed for
//! [`STALL`], and, once the host stops, with the answer that is on its way. What readers leave untaken is bounded for all together.
//! Price: a task and hyper's buffers.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service as _;

use crate::listener::accept::Door;
use crate::listener::activity::{Activity, Waiting};
use crate::listener::peer::Connected;
use crate::problem::Problem;

/// How long a connection without a request may still send one once the host stops: it may be on its way.
const FIRST_WORDS: Duration = Duration::from_millis(500);

/// How long the last of the last answer may take, and a farewell on HTTP/2: a megabyte over a bad line.
const FAREWELL: Duration = Duration::from_secs(60);

/// An answer that is longer counts among [`UNTAKEN`], in bytes; and this much of it is handed on at once.
const PIECE: usize = 64 << 10;

/// What long answers may hold that are not taken yet, of all connections together, in KiB: 64 MiB, some dozens of the longest pages.
/// Who finds no room is told to come again.
pub(super) const UNTAKEN: usize = 64 << 10;

/// The body of an answer, which is given out when it is dropped.
struct Answer {
    body: Body,
    /// What the body gave and is not handed on yet.
    rest: Bytes,
    waiting: Waiting,
    _room: Option<OwnedSemaphorePermit>,
}

impl Answer {
    /// The answer, or that there is no room for it.
    fn of(response: Response, waiting: Waiting, untaken: Arc<Semaphore>) -> http::Response<Self> {
        let kib = response.body().size_hint().lower() / 1024;
        // One that is longer than all the room takes it all.
        let kib = u32::try_from(kib.min(UNTAKEN as u64)).unwrap_or(u32::MAX);
        if u64::from(kib) * 1024 < PIECE as u64 {
            return response.map(|body| Self::new(body, waiting, None));
        }
        match untaken.try_acquire_many_owned(kib) {
            Ok(room) => response.map(|body| Self::new(body, waiting, Some(room))),
            Err(_) => {
                Problem::unavailable("too many long answers wait to be taken; ask again in a moment, or for less")
                    .into_response()
                    .map(|body| Self::new(body, waiting, None))
            }
        }
    }

    fn new(body: Body, waiting: Waiting, room: Option<OwnedSemaphorePermit>) -> Self {
        waiting.owe(true);
        Self { body, rest: Bytes::new(), waiting, _room: room }
    }

    /// The next piece. HTTP/2 keeps what it is given, however little its reader takes.
    fn piece(&mut self) -> Frame<Bytes> {
        let piece = self.rest.len().min(PIECE);
        Frame::data(self.rest.split_to(piece))
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if !self.rest.is_empty() {
            self.waiting.owe(true);
            return Poll::Ready(Some(Ok(self.piece())));
        }
        let frame = Pin::new(&mut self.body).poll_frame(context);
        // Who asks has room for more.
        self.waiting.owe(frame.is_ready());
        frame.map_ok(|frame| match frame.into_data() {
            Ok(data) => {
                self.rest = data;
                self.piece()
            }
            Err(frame) => frame,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, mut hint) = (self.rest.len() as u64, self.body.size_hint());
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
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
        let (answered, untaken) = (door.router.clone().call(request), door.untaken.clone());
        async move {
            let response = answered.await.unwrap_or_else(|never| match never {});
            Ok::<_, Infallible>(Answer::of(response, waiting, untaken))
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

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http_body_util::BodyExt as _;

    use super::*;

    fn answer(length: usize, room: &Arc<Semaphore>) -> http::Response<Answer> {
        let response = Response::new(Body::from(vec![b'x'; length]));
        Answer::of(response, Waiting::new(&Activity::new()), room.clone())
    }

    #[tokio::test]
    async fn a_long_answer_comes_in_pieces_and_holds_its_room_until_it_is_taken() {
        const LENGTH: usize = 200 << 10;
        let room = Arc::new(Semaphore::new(300));
        let mut long = answer(LENGTH, &room).into_body();
        assert_eq!((room.available_permits(), long.size_hint().exact()), (100, Some(LENGTH as u64)));
        let mut came = 0;
        while let Some(frame) = long.frame().await {
            let data = frame.unwrap().into_data().unwrap();
            came += data.len();
            assert!((1..=PIECE).contains(&data.len()));
            assert_eq!(long.size_hint().exact(), Some((LENGTH - came) as u64));
            assert_eq!(room.available_permits(), 100);
        }
        assert_eq!(came, LENGTH);
        drop(long);
        assert_eq!(room.available_permits(), 300);
    }

    #[tokio::test]
    async fn without_room_a_long_answer_is_told_to_come_again_and_a_short_one_is_given() {
        let room = Arc::new(Semaphore::new(100));
        assert_eq!(answer(200 << 10, &room).status(), StatusCode::SERVICE_UNAVAILABLE);
        let short = answer(PIECE - 1, &room);
        assert_eq!((short.status(), room.available_permits()), (StatusCode::OK, 100));
        assert_eq!(short.into_body().collect().await.unwrap().to_bytes().len(), PIECE - 1);
        let open = Response::new(Body::from_stream(futures_util::stream::pending::<Result<Bytes, axum::Error>>()));
        let open = Answer::of(open, Waiting::new(&Activity::new()), room.clone());
        assert_eq!((open.status(), room.available_permits()), (StatusCode::OK, 100), "a stream of its own kind");
    }
}
