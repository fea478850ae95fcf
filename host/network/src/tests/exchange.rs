//! How requests and answers pass.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};

use crate::tests::support::{Sender, Server, answer, text};
use crate::{NetworkOptions, Refusal};

const LOCAL: &[&str] = &["http.request http://localhost:*", "http.request https://localhost:*"];

#[tokio::test]
async fn connections_are_reused() {
    let server = Server::http(|_| answer("hello")).await;
    let sender = Sender::new(LOCAL).build();
    for path in ["/", "/a", "/b"] {
        assert_eq!(sender.text(&format!("http://{}{path}", server.at("localhost"))).await, "hello");
    }
    assert_eq!((server.connections(), server.seen().len()), (1, 3));
}

#[tokio::test]
async fn connections_over_tls_are_reused_in_both_versions() {
    for (protocols, version) in [(&["h2"][..], http::Version::HTTP_2), (&["http/1.1"], http::Version::HTTP_11)] {
        let server = Server::https(protocols, |_| answer("hello")).await;
        let sender = Sender::new(LOCAL).build();
        for _ in 0..3 {
            assert_eq!(sender.text(&format!("https://{}/", server.at("localhost"))).await, "hello");
        }
        assert_eq!(server.connections(), 1, "{version:?}");
        assert!(server.seen().iter().all(|seen| seen.head.version == version));
    }
}

#[tokio::test]
async fn a_server_whose_authority_is_unknown_is_refused() {
    let server = Server::https(&["h2"], |_| answer("hello")).await;
    let mut sender = Sender::new(LOCAL);
    sender.options.roots = NetworkOptions::default().roots;
    let refused = sender.build().get(&format!("https://{}/", server.at("localhost"))).await.unwrap_err();
    assert!(matches!(refused, Refusal::Tls { .. }), "{refused:?}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let server = Server::https(&["h2"], |_| answer("hello")).await;
    let mut sender = Sender::new(&["http.request https://other.test:*"]);
    sender.options.resolver = std::sync::Arc::new(crate::tests::support::Answers::new(&[&["1.1.1.1"]]));
    sender.rerouted = Some(server.address);
    let refused = sender.build().get(&format!("https://{}/", server.at("other.test"))).await.unwrap_err();
    assert!(matches!(refused, Refusal::Tls { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_says_so() {
    // Bound, so that nobody else gets it, and never listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", socket.local_addr().unwrap());
    let refused = Sender::new(&["http.request http://127.0.0.1:*"]).build().get(&url).await.unwrap_err();
    assert!(matches!(refused, Refusal::Connect { .. }), "{refused:?}");
    assert!(refused.to_string().contains("efused"), "{refused}");
}

#[tokio::test]
async fn a_guest_cannot_smuggle_a_second_request() {
    let server = Server::http(|seen| answer(seen.body.clone())).await;
    let sender = Sender::new(LOCAL).build();
    let url = format!("http://{}/", server.at("localhost"));
    let smuggled = "0\r\n\r\nGET /second HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = smuggled.len().to_string();
    let headers = [
        ("content-length", length.as_str()),
        ("transfer-encoding", "chunked"),
        ("host", "evil.test"),
        ("connection", "keep-alive, x-drop"),
        ("x-drop", "1"),
        ("x-kept", "1"),
    ];
    let response = sender.send(Method::POST, &url, &headers, Full::new(Bytes::from(smuggled))).await.unwrap();
    assert_eq!(text(response).await.unwrap(), smuggled);
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    let sent = &seen[0].head.headers;
    assert_eq!(sent["host"], server.at("localhost").as_str());
    assert_eq!(sent.get_all("content-length").iter().collect::<Vec<_>>(), [length.as_str()]);
    assert!(!sent.contains_key("transfer-encoding") && !sent.contains_key("x-drop") && sent.contains_key("x-kept"));
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_declared_is_not_sent_whole() {
    let server = Server::http(|seen| answer(seen.body.clone())).await;
    let sender = Sender::new(LOCAL).build();
    let url = format!("http://{}/", server.at("localhost"));
    for declared in ["1", "100", "5, 5", "-1"] {
        let sent =
            sender.send(Method::POST, &url, &[("content-length", declared)], Full::new(Bytes::from("hello"))).await;
        let refused = sent.unwrap_err();
        assert!(matches!(refused, Refusal::Length { .. }), "{declared}: {refused:?}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_body_of_unknown_length_arrives_and_comes_back() {
    let sender = Sender::new(LOCAL).build();
    let url = |server: &Server| format!("http://{}/", server.at("localhost"));

    let server = Server::http(|seen| answer(seen.body.clone())).await;
    let unknown = Unsized(Full::new(Bytes::from("hello")));
    let response = sender.send(Method::POST, &url(&server), &[], unknown).await.unwrap();
    assert_eq!(text(response).await.unwrap(), "hello");
    assert_eq!(server.seen()[0].head.headers["transfer-encoding"], "chunked");

    let chunked =
        Server::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "").await;
    assert_eq!(sender.text(&url(&chunked)).await, "hello");
}

/// Hides how long a body is.
struct Unsized<B>(B);

impl<B: http_body::Body + Unpin> http_body::Body for Unsized<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<B::Data>, B::Error>>> {
        std::pin::Pin::new(&mut self.0).poll_frame(context)
    }
}

#[tokio::test]
async fn answers_without_a_body_have_none_and_keep_their_headers() {
    let server = Server::http(|seen| match seen.head.uri.path() {
        "/204" => Response::builder().status(StatusCode::NO_CONTENT).body(Full::default()).unwrap(),
        "/304" => {
            Response::builder().status(StatusCode::NOT_MODIFIED).header("etag", "x").body(Full::default()).unwrap()
        }
        _ => answer("hello"),
    })
    .await;
    let mut sender = Sender::new(LOCAL);
    sender.options.limits.at_once = 1;
    let sender = sender.build();
    for (method, path, length) in
        [(Method::HEAD, "/", Some("5")), (Method::GET, "/204", None), (Method::GET, "/304", None)]
    {
        let url = format!("http://{}{path}", server.at("localhost"));
        let response = sender.send(method, &url, &[], Full::default()).await.unwrap();
        assert_eq!(response.headers().get("content-length").map(|value| value.to_str().unwrap()), length, "{path}");
        assert!(response.body().is_end_stream());
        assert_eq!(response.body().size_hint().exact(), Some(0));
        // The place is free although the answer is still held.
        assert_eq!(sender.text(&format!("http://{}/", server.at("localhost"))).await, "hello");
        assert_eq!(text(response).await.unwrap(), "");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn trailers_pass_without_the_hosts_own_headers() {
    let reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n2\r\nhe\r\n0\r\nx-sum: 7\r\nconnection: x\r\n\r\n";
    let server = Server::raw(reply, "").await;
    let response = Sender::new(LOCAL).build().get(&format!("http://{}/", server.at("localhost"))).await.unwrap();
    assert!(!response.headers().contains_key("transfer-encoding") && !response.headers().contains_key("trailer"));
    let collected = response.into_body().collect().await.unwrap();
    let trailers = collected.trailers().unwrap();
    assert_eq!((trailers.len(), &trailers["x-sum"]), (1, &"7".parse().unwrap()));
}

#[tokio::test]
async fn an_answer_that_switches_protocols_or_packs_its_transfer_is_refused() {
    for reply in [
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ] {
        let server = Server::raw(reply, "").await;
        let sender = Sender::new(LOCAL).build();
        let refused = sender.get(&format!("http://{}/", server.at("localhost"))).await.unwrap_err();
        assert!(matches!(refused, Refusal::Answer(_) | Refusal::Protocol { .. }), "{refused:?}");
    }
}
