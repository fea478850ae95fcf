//! Bodies that are too large or too slow.
//!
//! Contract: the answer to one is 413 or 408, whatever the handler made of the broken body; to one that says that it is too
//! large, at once, and also if the handler would read none of it. What is left of a body when its answer is given is taken and
//! thrown away for a while, so that whoever still writes gets to read: much of somebody who is known, little of others. Price:
//! nothing for a request without a body; otherwise a box for the body and a timer if it is not there yet.

use std::future::{Future as _, pending};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, EXPECT};
use http::{HeaderMap, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep, timeout};

use crate::problem::Problem;

/// How much of a body that is too large is thrown away of somebody who is known, in bytes. Who is cut off while it writes often
/// does not read why; who sends more than this does not want to know.
const OF_THE_KNOWN: usize = 16 << 20;

/// How much of any other body: what is on its way when the answer is given.
const OF_ANYBODY: usize = 64 << 10;

/// How long the rest of a body is waited for once the answer is given, and whoever writes more than is taken has to read that.
const LINGER: Duration = Duration::from_secs(5);

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum Fault {
    #[error("the body is over {limit} bytes, which is `max_body`; send less, or have it raised in config.yaml")]
    TooLarge { limit: usize },
    #[error("the body did not arrive within {} s, which is `http.body_timeout`", limit.as_secs_f64())]
    TooSlow { limit: Duration },
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let status = match fault {
            Fault::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Fault::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
        };
        Self::new(status, fault.to_string())
    }
}

/// A body that ends with a fault when it is over its limits.
struct Bounded {
    body: Body,
    limit: usize,
    /// What came so far.
    came: usize,
    timeout: Duration,
    /// Since when it is waited for.
    waiting: Option<Pin<Box<Sleep>>>,
    /// How much more of it is thrown away, once nobody reads it any more.
    rest: usize,
    /// Heard by whoever handed the body on.
    fault: Arc<OnceLock<Fault>>,
}

/// Runs the rest of the request with its body under these limits. `known` says whether somebody with these headers is.
pub(crate) async fn bounded(
    request: Request,
    limit: usize,
    timeout: Duration,
    known: impl FnOnce(&HeaderMap) -> bool,
    next: Next,
) -> Result<Response, Problem> {
    if request.body().is_end_stream() {
        return Ok(next.run(request).await);
    }
    let headers = request.headers();
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let too_large = declared.is_some_and(|declared| declared > limit as u64);
    if too_large && headers.contains_key(EXPECT) {
        // It asked first, and has sent nothing yet.
        return Err(Fault::TooLarge { limit }.into());
    }
    let rest = if (too_large || declared.is_none()) && known(headers) { OF_THE_KNOWN } else { OF_ANYBODY };
    let fault = Arc::new(OnceLock::new());
    let bound = |body| Bounded { body, limit, came: 0, timeout, waiting: None, rest, fault: fault.clone() };
    let request = request.map(|body| Body::new(bound(body)));
    if too_large {
        return Err(Fault::TooLarge { limit }.into());
    }
    let answer = next.run(request).await;
    fault.get().map_or(Ok(answer), |fault| Err((*fault).into()))
}

impl Bounded {
    fn over(&self, fault: Fault) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // The first one counts.
        let _ = self.fault.set(fault);
        Poll::Ready(Some(Err(axum::Error::new(fault))))
    }
}

impl Drop for Bounded {
    fn drop(&mut self) {
        // Without an executor, the process is ending.
        if let (false, Ok(executor)) = (self.body.is_end_stream(), Handle::try_current()) {
            executor.spawn(throw_away(std::mem::take(&mut self.body), self.rest));
        }
    }
}

/// Takes what still comes of `body`, `most` bytes of it. Who writes more is not broken off at once, but has to stop.
async fn throw_away(mut body: Body, most: usize) {
    let thrown = async {
        let mut left = most;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                pending::<()>().await;
            }
        }
    };
    // Either way it is over then.
    drop(timeout(LINGER, thrown).await);
}

impl http_body::Body for Bounded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let limit = self.limit;
                self.came = self.came.saturating_add(frame.data_ref().map_or(0, Bytes::len));
                if self.came <= limit { Poll::Ready(Some(Ok(frame))) } else { self.over(Fault::TooLarge { limit }) }
            }
            Poll::Ready(None) => {
                self.body = Body::empty();
                Poll::Ready(None)
            }
            Poll::Ready(broken) => Poll::Ready(broken),
            Poll::Pending => {
                let limit = self.timeout;
                let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(limit)));
                ready!(waiting.as_mut().poll(context));
                self.body = Body::empty();
                self.over(Fault::TooSlow { limit })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http::Method;

    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(20);

    /// What a handler that reads its whole body says of this one, and what the caller hears.
    async fn sent(body: Body, declared: Option<usize>) -> (StatusCode, usize) {
        let read = |body: Bytes| async move { body.len().to_string() };
        let layer = axum::middleware::from_fn(|request: Request, next: Next| async {
            bounded(request, 10, TIMEOUT, |_| false, next).await
        });
        let router = axum::Router::new().route("/", axum::routing::post(read)).layer(layer);
        let mut request = Request::builder().method(Method::POST).uri("/");
        if let Some(declared) = declared {
            request = request.header(CONTENT_LENGTH, declared);
        }
        let answer = tower::ServiceExt::oneshot(router, request.body(body).unwrap()).await.unwrap();
        let status = answer.status();
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        (status, std::str::from_utf8(&text).unwrap().parse().unwrap_or_default())
    }

    fn pieces(pieces: &'static [&'static str]) -> Body {
        Body::from_stream(stream::iter(pieces.iter().map(|piece| Ok::<_, std::io::Error>(*piece))))
    }

    #[tokio::test]
    async fn a_body_within_the_limit_arrives_whole() {
        assert_eq!(sent(Body::from("0123456789"), Some(10)).await, (StatusCode::OK, 10));
        assert_eq!(sent(pieces(&["01234", "56789"]), None).await, (StatusCode::OK, 10));
        assert_eq!(sent(Body::empty(), None).await, (StatusCode::OK, 0));
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_whether_or_not_it_says_so() {
        assert_eq!(sent(Body::from("0123456789a"), Some(11)).await.0, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(sent(pieces(&["01234", "56789", "a"]), None).await.0, StatusCode::PAYLOAD_TOO_LARGE);
        let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[0; 4096])));
        assert_eq!(sent(Body::from_stream(endless), None).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let stuck = stream::pending::<Result<Bytes, std::io::Error>>();
        assert_eq!(sent(Body::from_stream(stuck), None).await.0, StatusCode::REQUEST_TIMEOUT);
    }
}
