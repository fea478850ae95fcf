//! A request's body on its way out.
//!
//! Contract: it is no larger than the limit, exactly as long as the guest declared where it declared a length, and over at
//! the deadline even if the answer came long before. Price: one counter per piece.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use tokio::time::{Sleep, sleep_until};

use crate::client::Clock;
use crate::{Part, Phase, Refusal, headers};

/// What the client sends.
pub(crate) struct RequestBody {
    inner: UnsyncBoxBody<Bytes, Refusal>,
    /// Bytes that may still come.
    left: u64,
    limit: u64,
    declared: Option<u64>,
    clock: Clock,
    end: Pin<Box<Sleep>>,
}

impl RequestBody {
    pub(crate) fn new<B>(inner: B, declared: Option<u64>, limit: u64, clock: Clock) -> Result<Self, Refusal>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        if declared.unwrap_or(inner.size_hint().lower()) > limit {
            return Err(Refusal::TooLarge { part: Part::RequestBody, limit });
        }
        Ok(Self {
            inner: inner.map_err(|error| Refusal::RequestBody(Arc::from(error.into()))).boxed_unsync(),
            left: declared.unwrap_or(limit),
            limit,
            declared,
            clock,
            end: Box::pin(sleep_until(clock.deadline)),
        })
    }

    fn wrong_length(&self, declared: u64) -> Refusal {
        Refusal::Length { declared: declared.to_string() }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Refusal;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(Refusal::Timeout { phase: Phase::Total, limit: self.clock.total })));
        }
        let next = match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(next) => next,
        };
        Poll::Ready(match (next, self.declared) {
            (Some(Ok(mut frame)), declared) => Some(match frame.data_ref().map(|data| data.remaining() as u64) {
                Some(length) => match (self.left.checked_sub(length), declared) {
                    (Some(left), _) => {
                        self.left = left;
                        Ok(frame)
                    }
                    (None, Some(declared)) => Err(self.wrong_length(declared)),
                    (None, None) => Err(Refusal::TooLarge { part: Part::RequestBody, limit: self.limit }),
                },
                None => frame.trailers_mut().map_or(Ok(None), headers::outgoing).map(|_| frame),
            }),
            (None, Some(declared)) if self.left > 0 => Some(Err(self.wrong_length(declared))),
            (other, _) => other,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream() && (self.declared.is_none() || self.left == 0)
    }

    fn size_hint(&self) -> SizeHint {
        if self.declared.is_some() { SizeHint::with_exact(self.left) } else { self.inner.size_hint() }
    }
}
