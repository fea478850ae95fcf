//! One connection, from its first byte to its last.
//!
//! Contract: it ends when it had nothing to do for `http.header_timeout`, when its reader took nothing of what it is owed for
//! [`STALL`], and, once the host stops, with the answer that is on its way. What readers leave untaken is bounded for all together.
//! Price: a task and hyper's buffers.

use std::convert::Infallible;
use std::pin::Pin;
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
use tower_service::Service as _;

use crate::listener::accept::Door;
use crate::listener::activity::{Activity, Waiting};
use crate::listener::peer::Connected;
use crate::listener::untaken::Room;
use crate::problem::Problem;

/// How long a connection without a request may still send one once the host stops: it may be on its way.
const FIRST_WORDS: Duration = Duration::from_millis(500);

/// How long the last of the last answer may take, and a farewell on HTTP/2: a megabyte over a bad line.
const FAREWELL: Duration = Duration::from_secs(60);

/// An answer that is as long needs [`Room`], in bytes; and this much of it is handed on at once.
const PIECE: usize = 64 << 10;

/// What is said where there is none.
const NO_ROOM: &str = "too many long answers wait to be taken; take them, or ask again in a moment or for less";

/// The body of an answer, which is given out when it is dropped.
struct Answer {
    body: Body,
    /// What the body gave and is not handed on yet.
    rest: Bytes,
    waiting: Waiting,
    _room: Option<Room>,
}

impl Answer {
    /// The answer, if there is `room` for one of its length; or that there is none.
    fn of(response: Response, waiting: Waiting, room: impl FnOnce(usize) -> Option<Room>) -> http::Response<Self> {
        let length = usize::try_from(response.body().size_hint().lower()).unwrap_or(usize::MAX);
        if length < PIECE {
            return response.map(|body| Self::new(body, waiting, None));
        }
        match room(length) {
            Some(room) => response.map(|body| Self::new(body, waiting, Some(room))),
            None => no_room().map(|body| Self::new(body, waiting, None)),
        }
    }

    fn new(body: Body, waiting: Waiting, room: Option<Room>) -> Self {
        waiting.owe(true);
        Self { body, rest: Bytes::new(), waiting, _room: room }
    }

    /// The next piece. HTTP/2 keeps what it is given, however little its reader takes.
    fn piece(&mut self) -> Frame<Bytes> {
        let piece = self.rest.len().min(PIECE);
        Frame::data(self.rest.split_to(piece))
    }
}

fn no_room() -> Response {
    Problem::unavailable(NO_ROOM).into_response()
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
        let (untaken, acts) = (door.untaken.clone(), !request.method().is_safe());
        let owner = untaken.owner(request.headers(), connected.peer);
        let answered = if acts && untaken.is_used_up_by(owner) {
            None
        } else {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(connected);
            Some(door.router.clone().call(request))
        };
        async move {
            let response = match answered {
                Some(answered) => answered.await.unwrap_or_else(|never| match never {}),
                None => no_room(),
            };
            Ok::<_, Infallible>(Answer::of(response, waiting, |length| untaken.take(owner, length, acts)))
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
    use http::{HeaderMap, StatusCode};
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::listener::untaken::{Owner, Untaken};

    fn answer(length: usize, untaken: &Untaken) -> http::Response<Answer> {
        of(Body::from(vec![b'x'; length]), untaken)
    }

    fn of(body: Body, untaken: &Untaken) -> http::Response<Answer> {
        let owner = owner(untaken);
        Answer::of(Response::new(body), Waiting::new(&Activity::new()), |length| untaken.take(owner, length, false))
    }

    fn owner(untaken: &Untaken) -> Owner {
        untaken.owner(&HeaderMap::new(), [127, 0, 0, 1].into())
    }

    #[tokio::test]
    async fn a_long_answer_comes_in_pieces_and_holds_its_room_until_it_is_taken() {
        const LENGTH: usize = 20 << 20;
        let untaken = Untaken::default();
        let mut long = answer(LENGTH, &untaken).into_body();
        assert_eq!(long.size_hint().exact(), Some(LENGTH as u64));
        let mut came = 0;
        while let Some(frame) = long.frame().await {
            let data = frame.unwrap().into_data().unwrap();
            came += data.len();
            assert!((1..=PIECE).contains(&data.len()));
            assert_eq!(long.size_hint().exact(), Some((LENGTH - came) as u64));
            assert!(untaken.is_used_up_by(owner(&untaken)));
        }
        assert_eq!(came, LENGTH);
        drop(long);
        assert!(!untaken.is_used_up_by(owner(&untaken)));
    }

    #[tokio::test]
    async fn without_room_a_long_answer_is_told_to_come_again_and_a_short_one_is_given() {
        let untaken = Untaken::default();
        let _held = untaken.take(owner(&untaken), 20 << 20, false);
        assert_eq!(answer(200 << 10, &untaken).status(), StatusCode::SERVICE_UNAVAILABLE);
        let short = answer(PIECE - 1, &untaken);
        assert_eq!(short.status(), StatusCode::OK);
        assert_eq!(short.into_body().collect().await.unwrap().to_bytes().len(), PIECE - 1);
        let open = Body::from_stream(futures_util::stream::pending::<Result<Bytes, axum::Error>>());
        assert_eq!(of(open, &untaken).status(), StatusCode::OK, "a stream of its own kind");
    }
}
