//! Bodies that are too large or too slow.
//!
//! Contract: the answer to one is 413 or 408, whatever the handler made of the broken body, and also if it reads none of it.
//! Price: nothing for a request without a body; otherwise a box for the body and a timer if it is not there yet.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::time::{Sleep, sleep};

use crate::problem::Problem;

/// How much of a body that is too large is taken and thrown away, in bytes. Who is cut off while it writes often does not read
/// why; who sends more than this does not want to know.
const THROWN_AWAY: usize = 16 << 20;

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
    /// Heard by whoever handed the body on.
    fault: Arc<OnceLock<Fault>>,
}

/// Runs the rest of the request with its body under these limits.
pub(crate) async fn bounded(
    request: Request,
    limit: usize,
    timeout: Duration,
    next: Next,
) -> Result<Response, Problem> {
    if request.body().is_end_stream() {
        return Ok(next.run(request).await);
    }
    let fault = Arc::new(OnceLock::new());
    let headers = request.headers();
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let too_large = declared.is_some_and(|declared| declared > limit as u64);
    if too_large && headers.contains_key(EXPECT) {
        // It asked first, and has sent nothing yet.
        return Err(Fault::TooLarge { limit }.into());
    }
    let bound = |body| Bounded { body, limit, came: 0, timeout, waiting: None, fault: fault.clone() };
    let request = request.map(|body| Body::new(bound(body)));
    if too_large {
        let mut body = request.into_body();
        // It ends with its fault.
        while let Some(Ok(_)) = body.frame().await {}
        return Err(fault.get().copied().unwrap_or(Fault::TooLarge { limit }).into());
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

impl http_body::Body for Bounded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            let next = Pin::new(&mut self.body).poll_frame(context);
            let (limit, too_large) = (self.limit, self.came > self.limit);
            match next {
                Poll::Ready(Some(Ok(frame))) => {
                    self.came = self.came.saturating_add(frame.data_ref().map_or(0, Bytes::len));
                    if self.came <= limit {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                    if self.came > limit.saturating_add(THROWN_AWAY) {
                        return self.over(Fault::TooLarge { limit });
                    }
                }
                Poll::Ready(_) if too_large => return self.over(Fault::TooLarge { limit }),
                Poll::Ready(ended) => return Poll::Ready(ended),
                Poll::Pending => {
                    let timeout = self.timeout;
                    let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(timeout)));
                    return match waiting.as_mut().poll(context) {
                        Poll::Pending => Poll::Pending,
                        Poll::Ready(()) if too_large => self.over(Fault::TooLarge { limit }),
                        Poll::Ready(()) => self.over(Fault::TooSlow { limit: timeout }),
                    };
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream() && self.came <= self.limit
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
            bounded(request, 10, TIMEOUT, next).await
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
