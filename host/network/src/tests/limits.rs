//! That every request ends, in time and in size.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;

use crate::tests::support::{Sender, Server, answer, text};
use crate::{Body, Part, Phase, Refusal};

const LOCAL: &[&str] = &["http.request http://localhost:*", "http.request https://localhost:*"];
/// What a test waits for something that never comes.
const SHORT: Duration = Duration::from_millis(100);
/// More than it may take on a slow machine, and less than any limit that a test does not mean.
const SOON: Duration = Duration::from_secs(8);

/// Never ends: gives the same piece again and again, or nothing at all.
struct Endless(Option<Bytes>);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &self.0 {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece.clone())))),
            None => Poll::Pending,
        }
    }
}

async fn refused(sender: Sender, server: &Server, scheme: &str) -> Refusal {
    let begun = Instant::now();
    let refused = match sender.build().get(&format!("{scheme}://{}/", server.at("localhost"))).await {
        Ok(response) => text(response).await.unwrap_err(),
        Err(refused) => refused,
    };
    assert!(begun.elapsed() < SOON);
    refused
}

#[track_caller]
fn timed_out(refused: &Refusal, expected: Phase) {
    assert!(matches!(refused, Refusal::Timeout { phase, .. } if *phase == expected), "{refused:?}");
}

#[track_caller]
fn too_large(refused: &Refusal, expected: Part) {
    assert!(matches!(refused, Refusal::TooLarge { part, .. } if *part == expected), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_never_finishes_tls_is_given_up() {
    let server = Server::raw("", "").await;
    let mut sender = Sender::new(LOCAL);
    sender.options.limits.connect = SHORT;
    timed_out(&refused(sender, &server, "https").await, Phase::Connect);
}

#[tokio::test]
async fn a_guest_may_wait_less_for_a_connection_than_the_host() {
    let server = Server::raw("", "").await;
    let mut sender = Sender::new(LOCAL);
    sender.timeouts.connect = Some(SHORT);
    timed_out(&refused(sender, &server, "https").await, Phase::Connect);
}

#[tokio::test]
async fn slow_headers_are_given_up() {
    for reply in ["", "HTTP/1.1 200 OK\r\nX: "] {
        let server = Server::raw(reply, "").await;
        let mut sender = Sender::new(LOCAL);
        sender.options.limits.first_byte = SHORT;
        timed_out(&refused(sender, &server, "http").await, Phase::FirstByte);
        let mut sender = Sender::new(LOCAL);
        sender.timeouts.first_byte = Some(SHORT);
        timed_out(&refused(sender, &server, "http").await, Phase::FirstByte);
    }
}

#[tokio::test]
async fn a_slow_body_is_given_up() {
    let server = Server::raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel", "").await;
    let mut sender = Sender::new(LOCAL);
    sender.options.limits.between_bytes = SHORT;
    timed_out(&refused(sender, &server, "http").await, Phase::BetweenBytes);
}

#[tokio::test]
async fn a_guest_that_reads_late_is_not_mistaken_for_a_slow_server() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let more = Arc::new(Notify::new());
    let asked = more.clone();
    let server = Server::accept(Arc::default(), move |mut stream| {
        let asked = asked.clone();
        async move {
            stream.read_u8().await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nfirst").await.unwrap();
            asked.notified().await;
            stream.write_all(b"later").await.unwrap();
            std::future::pending().await
        }
    })
    .await;
    let mut sender = Sender::new(LOCAL);
    (sender.deadline, sender.options.limits.total) = (DAY, DAY);
    let between = sender.options.limits.between_bytes;
    let response = sender.build().get(&format!("http://{}/", server.at("localhost"))).await.unwrap();
    let mut body = response.into_body();
    let poll = |body: &mut Body| Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "first");

    tokio::time::pause();
    tokio::time::advance(DAY / 2).await;
    assert!(poll(&mut body).is_pending(), "the guest begins to wait only now");
    tokio::time::advance(between / 3 * 2).await;
    assert!(poll(&mut body).is_pending());

    // While something is on its way through the system, the clock runs by itself.
    tokio::time::resume();
    more.notify_one();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "later");

    tokio::time::pause();
    assert!(poll(&mut body).is_pending(), "the next piece has all the time again");
    tokio::time::advance(between / 3 * 2).await;
    assert!(poll(&mut body).is_pending());
    tokio::time::advance(between).await;
    let Poll::Ready(Some(Err(refused))) = poll(&mut body) else { panic!("the server is slow") };
    timed_out(&refused, Phase::BetweenBytes);
    assert!(matches!(poll(&mut body), Poll::Ready(None)), "what was refused is over");
}

#[tokio::test]
async fn no_limit_outlasts_the_callers_deadline() {
    for reply in ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel"] {
        let server = Server::raw(reply, "").await;
        let mut sender = Sender::new(LOCAL);
        sender.deadline = SHORT;
        timed_out(&refused(sender, &server, "http").await, Phase::Total);
        let mut sender = Sender::new(LOCAL);
        sender.options.limits.total = SHORT;
        timed_out(&refused(sender, &server, "http").await, Phase::Total);
    }
}

#[tokio::test]
async fn a_server_that_keeps_dripping_ends_at_the_deadline() {
    let server = Server::raw("HTTP/1.1 200 OK\r\n\r\n", "x").await;
    let mut sender = Sender::new(LOCAL);
    sender.deadline = SHORT;
    sender.options.limits.response_body = u64::MAX;
    timed_out(&refused(sender, &server, "http").await, Phase::Total);
}

#[tokio::test]
async fn a_deadline_that_is_over_sends_nothing() {
    let server = Server::http(|_| answer("hello")).await;
    let mut sender = Sender::new(LOCAL);
    sender.deadline = Duration::ZERO;
    timed_out(&refused(sender, &server, "http").await, Phase::Total);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn an_endless_body_ends_at_the_size_limit() {
    for (head, then) in [
        ("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(1000)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", format!("3e8\r\n{}\r\n", "x".repeat(1000))),
    ] {
        let server = Server::raw(head, then).await;
        let mut sender = Sender::new(LOCAL);
        sender.options.limits.response_body = 100_000;
        too_large(&refused(sender, &server, "http").await, Part::ResponseBody);
    }
}

#[tokio::test]
async fn a_body_of_just_the_limit_is_taken_and_one_byte_more_is_not() {
    let sender = |limit| {
        let mut sender = Sender::new(LOCAL);
        sender.options.limits.response_body = limit;
        sender
    };
    let server = Server::http(|_| answer("hello")).await;
    assert_eq!(sender(5).build().text(&format!("http://{}/", server.at("localhost"))).await, "hello");
    too_large(&refused(sender(4), &server, "http").await, Part::ResponseBody);
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_before_it_comes() {
    let server = Server::raw("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "").await;
    let response = Sender::new(LOCAL).build().get(&format!("http://{}/", server.at("localhost"))).await;
    too_large(&response.unwrap_err(), Part::ResponseBody);
}

#[tokio::test]
async fn oversized_headers_are_refused() {
    let large = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(200));
    let piece = "x".repeat(1000);
    for (reply, then) in [(large.as_str(), ""), (many.as_str(), ""), ("HTTP/1.1 200 OK\r\nX: ", piece.as_str())] {
        let server = Server::raw(reply, then).await;
        too_large(&refused(Sender::new(LOCAL), &server, "http").await, Part::ResponseHead);
    }
}

#[tokio::test]
async fn oversized_headers_are_refused_in_http_2_as_well() {
    let server = Server::https(&["h2"], |_| {
        let mut response = answer("");
        response.headers_mut().insert("x", "x".repeat(100_000).parse().unwrap());
        response
    })
    .await;
    let refused = refused(Sender::new(LOCAL), &server, "https").await;
    assert!(matches!(refused, Refusal::TooLarge { .. } | Refusal::Protocol { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_large_request_is_refused() {
    let server = Server::http(|_| answer("")).await;
    let mut sender = Sender::new(LOCAL);
    sender.options.limits.request_body = 1000;
    let sender = sender.build();
    let url = format!("http://{}/", server.at("localhost"));
    let known = sender.send(Method::POST, &url, &[], Full::new(Bytes::from(vec![0; 1001]))).await;
    too_large(&known.unwrap_err(), Part::RequestBody);
    let declared =
        sender.send(Method::POST, &url, &[("content-length", "1001")], Endless(Some(Bytes::from("x")))).await;
    too_large(&declared.unwrap_err(), Part::RequestBody);
    let endless = sender.send(Method::POST, &url, &[], Endless(Some(Bytes::from("x")))).await;
    too_large(&endless.unwrap_err(), Part::RequestBody);
    assert!(server.seen().is_empty());
    sender.send(Method::POST, &url, &[], Full::new(Bytes::from(vec![0; 1000]))).await.unwrap();
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_outlive_its_deadline() {
    // The server answers at once and then waits for the rest of the request: only the host's end of it closes the connection.
    let server = Server::raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "").await;
    let mut sender = Sender::new(LOCAL);
    sender.deadline = SHORT;
    sender.options.limits.at_once = 1;
    let sender = sender.build();
    let url = format!("http://{}/", server.at("localhost"));
    let response = sender.send(Method::POST, &url, &[], Endless(None)).await.unwrap();
    assert_eq!(text(response).await.unwrap(), "");
    server.closed().await;
}

#[tokio::test]
async fn no_more_than_so_many_requests_are_under_way() {
    let server = Server::http(|_| answer("hello")).await;
    let mut sender = Sender::new(LOCAL);
    sender.options.limits.at_once = 1;
    let sender = sender.build();
    let url = format!("http://{}/", server.at("localhost"));
    let held = sender.get(&url).await.unwrap();
    assert!(matches!(sender.get(&url).await.unwrap_err(), Refusal::Busy { limit: 1 }));
    assert_eq!(text(held).await.unwrap(), "hello");
    drop(sender.get(&url).await.unwrap());
    assert_eq!(sender.text(&url).await, "hello");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_whole_answer() {
    let server = Server::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\nZZ\r\n", "").await;
    let refused = refused(Sender::new(LOCAL), &server, "http").await;
    assert!(matches!(refused, Refusal::Protocol { .. }), "{refused:?}");
}
