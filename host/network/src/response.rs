//! An answer's body on its way in.
//!
//! Contract: a guest gets at most the limit's bytes, until the deadline, and none of a secret that the host knows, however
//! the server cuts its pieces. While it waits for a piece, the server has the time between two. Dropping it gives up the
//! connection; reading it to its end gives the connection back to the pool.
//! Price: without known secrets the pieces pass as they are, else each is searched and copied once.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use skillhost_redaction::{Redactor, Stream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep, sleep_until};

use crate::client::Clock;
use crate::secrets::Secrets;
use crate::{NetworkLimits, Part, Phase, Refusal, headers};

/// What a guest reads of an answer.
pub struct Body {
    /// None once it is over; the place among the requests at once goes with it.
    open: Option<(Incoming, OwnedSemaphorePermit)>,
    /// What is left to give after the last piece.
    trailers: Option<HeaderMap>,
    /// None if the host knows no secrets.
    scrub: Option<Stream>,
    redactor: Redactor,
    /// Bytes that may still come.
    left: u64,
    limits: Limits,
    end: Pin<Box<Sleep>>,
    /// Runs while a piece is waited for.
    idle: Option<Pin<Box<Sleep>>>,
    host: String,
}

struct Limits {
    size: u64,
    head: u64,
    between: Duration,
    total: Duration,
}

impl Body {
    pub(crate) fn new(
        incoming: Incoming,
        place: OwnedSemaphorePermit,
        secrets: &Secrets,
        limits: &NetworkLimits,
        (between, clock): (Duration, Clock),
        host: String,
    ) -> Self {
        let has_body = !incoming.is_end_stream();
        Self {
            open: has_body.then_some((incoming, place)),
            trailers: None,
            scrub: (has_body && !secrets.is_empty()).then(|| secrets.redactor().stream()),
            redactor: secrets.redactor().clone(),
            left: limits.response_body,
            limits: Limits {
                size: limits.response_body,
                head: limits.response_head as u64,
                between,
                total: clock.total,
            },
            end: Box::pin(sleep_until(clock.deadline)),
            idle: None,
            host,
        }
    }

    /// The next piece as the server sent it.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        let Some((incoming, _)) = &mut self.open else { return Poll::Ready(None) };
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(Refusal::Timeout { phase: Phase::Total, limit: self.limits.total })));
        }
        let next = match Pin::new(incoming).poll_frame(context) {
            Poll::Ready(next) => next,
            Poll::Pending => {
                let between = self.limits.between;
                ready!(self.idle.get_or_insert_with(|| Box::pin(sleep(between))).as_mut().poll(context));
                return Poll::Ready(Some(Err(Refusal::Timeout { phase: Phase::BetweenBytes, limit: between })));
            }
        };
        self.idle = None;
        Poll::Ready(next.map(|piece| {
            let piece =
                piece.map_err(|error| Refusal::from_exchange(&error, &self.host, self.limits.head, &self.redactor))?;
            let length = piece.data_ref().map_or(0, |data| data.len() as u64);
            self.left = self
                .left
                .checked_sub(length)
                .ok_or(Refusal::TooLarge { part: Part::ResponseBody, limit: self.limits.size })?;
            Ok(piece)
        }))
    }

    /// Closes the connection's side, and gives what the scrubber held back.
    fn finish(&mut self) -> Bytes {
        self.open = None;
        self.scrub.take().map(Stream::finish).unwrap_or_default().into()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Refusal;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        loop {
            let data = match ready!(self.poll_piece(context)) {
                Some(Ok(piece)) => match (piece.into_data(), &mut self.scrub) {
                    (Ok(data), Some(scrub)) => scrub.push(&data).into(),
                    (Ok(data), None) => data,
                    (Err(other), _) => {
                        self.trailers = other.into_trailers().ok();
                        self.finish()
                    }
                },
                Some(Err(refusal)) => {
                    // What is held back may be the beginning of a secret: it is not given out.
                    self.open = None;
                    self.scrub = None;
                    return Poll::Ready(Some(Err(refusal)));
                }
                None => self.finish(),
            };
            if !data.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            if self.open.is_none() {
                return Poll::Ready(self.trailers.take().map(|mut trailers| {
                    headers::incoming(&mut trailers, &self.redactor);
                    Ok(Frame::trailers(trailers))
                }));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.open.is_none() && self.scrub.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.open, &self.scrub) {
            // What is redacted changes its length.
            (Some(_), Some(_)) => SizeHint::default(),
            (Some((incoming, _)), None) => incoming.size_hint(),
            (None, _) => SizeHint::with_exact(0),
        }
    }
}

/// Without what was held back.
impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("host", &self.host).field("left", &self.left).finish_non_exhaustive()
    }
}
