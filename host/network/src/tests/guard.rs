//! What reaches a server at all.

use std::sync::Arc;

use http::{Method, Response, StatusCode};
use http_body_util::Full;
use skillhost_types::{Grant, Grants};

use crate::tests::support::{Answers, Sender, Server, answer, text};
use crate::{Refusal, Target};

#[tokio::test]
async fn what_is_granted_is_answered() {
    let server = Server::http(|_| answer("hello")).await;
    let sender = Sender::new(&["http.request GET http://localhost:*/a/*"]).build();
    assert_eq!(sender.text(&format!("http://{}/a/b?c=d", server.at("localhost"))).await, "hello");
    assert_eq!(server.seen()[0].head.uri, "/a/b?c=d");
}

#[tokio::test]
async fn what_is_not_granted_connects_to_nothing() {
    let server = Server::http(|_| answer("hello")).await;
    let port = server.address.port();
    let grant = format!("http.request GET http://127.0.0.1:{port}/open/*");
    let sender = Sender::new(&[&grant]).build();
    for (method, url) in [
        (Method::GET, format!("http://127.0.0.1:{port}/closed")),
        (Method::POST, format!("http://127.0.0.1:{port}/open/x")),
        (Method::GET, format!("https://127.0.0.1:{port}/open/x")),
        (Method::GET, format!("http://127.0.0.1:{}/open/x", port ^ 1)),
        (Method::GET, "http://127.0.0.1/open/x".to_owned()),
        (Method::GET, format!("http://127.0.0.2:{port}/open/x")),
        (Method::GET, format!("http://localhost:{port}/open/x")),
        (Method::GET, format!("http://[::1]:{port}/open/x")),
        (Method::GET, format!("http://[::ffff:127.0.0.1]:{port}/open/x")),
    ] {
        let refused = sender.send(method, &url, &[], Full::default()).await.unwrap_err();
        assert!(matches!(refused, Refusal::Denied { .. }), "{url}: {refused}");
    }
    for url in [
        format!("http://127.0.0.1:{port}/open/../closed"),
        format!("http://127.0.0.1:{port}/open/%2e%2e/closed"),
        format!("http://2130706433:{port}/open/x"),
        format!("http://x@127.0.0.1:{port}/open/x"),
    ] {
        let refused = sender.get(&url).await.unwrap_err();
        assert!(matches!(refused, Refusal::Target(_)), "{url}: {refused}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_grant_for_every_name_reaches_neither_localhost_nor_an_address() {
    let server = Server::http(|_| answer("hello")).await;
    let sender = Sender::new(&["http.request *", "http.request http://*:*", "http.request http://*.test:*"]).build();
    for host in [
        "localhost",
        "LOCALHOST.",
        "127.0.0.1",
        "[::1]",
        "[::ffff:7f00:1]",
        "169.254.169.254",
        "10.0.0.1",
        "[64:ff9b::7f00:1]",
    ] {
        let refused = sender.get(&format!("http://{}/", server.at(host))).await.unwrap_err();
        assert!(matches!(refused, Refusal::Denied { .. }), "{host}: {refused}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_resolves_to_this_machine_is_refused() {
    let server = Server::http(|_| answer("hello")).await;
    for address in
        ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1"]
    {
        let mut sender = Sender::new(&["http.request *"]);
        sender.options.resolver = Arc::new(Answers::new(&[&["1.1.1.1", address]]));
        let refused = sender.build().get(&format!("http://{}/", server.at("evil.test"))).await.unwrap_err();
        assert!(matches!(refused, Refusal::Address { .. }), "{address}: {refused}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_resolves_differently_the_second_time_is_refused_then() {
    let server =
        Server::http(|_| Response::builder().header("connection", "close").body("hello".into()).unwrap()).await;
    let mut sender = Sender::new(&["http.request http://rebind.test:*"]);
    sender.options.resolver = Arc::new(Answers::new(&[&["1.1.1.1"], &["127.0.0.1"]]));
    sender.rerouted = Some(server.address);
    let sender = sender.build();
    let url = format!("http://{}/", server.at("rebind.test"));
    assert_eq!(sender.text(&url).await, "hello");
    let refused = sender.get(&url).await.unwrap_err();
    assert!(matches!(refused, Refusal::Address { .. }), "{refused}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_an_answer_whose_next_step_is_refused() {
    let inside = Server::http(|_| answer("metadata")).await;
    let location = format!("http://{}/latest/meta-data", inside.at("127.0.0.1"));
    let target = location.clone();
    let outside = Server::http(move |_| {
        Response::builder().status(StatusCode::FOUND).header("location", &target).body(Full::default()).unwrap()
    })
    .await;
    let mut sender = Sender::new(&["http.request *", "http.request http://*:*"]);
    sender.options.resolver = Arc::new(Answers::new(&[&["1.1.1.1"]]));
    sender.rerouted = Some(outside.address);
    let sender = sender.build();
    let redirect = sender.get("http://public.test/").await.unwrap();
    assert_eq!(redirect.status(), StatusCode::FOUND);
    assert_eq!(redirect.headers()["location"], location.as_str());
    let refused = sender.get(&location).await.unwrap_err();
    assert!(matches!(refused, Refusal::Denied { .. }), "{refused}");
    assert_eq!((outside.connections(), inside.connections()), (1, 0));
}

#[tokio::test]
async fn tunnels_are_refused() {
    let server = Server::http(|_| answer("hello")).await;
    let sender = Sender::new(&["http.request http://localhost:*"]).build();
    let refused =
        sender.send(Method::CONNECT, &format!("http://{}/", server.at("localhost")), &[], Full::default()).await;
    assert!(matches!(refused.unwrap_err(), Refusal::Target(_)));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_denial_names_the_grant_that_would_cover_it() {
    let sender = Sender::new(&[]).build();
    let long = format!("/{}", "a".repeat(600));
    for (method, url, path) in [
        ("GET", "https://api.test:8443", "/a/b?q"),
        ("POST", "http://[2001:db8::1]", "/"),
        ("get", "https://api.test", "/x"),
        ("GET", "https://api.test", "/a[1]*"),
        ("GET", "https://api.test", long.as_str()),
        ("PUT", "http://localhost:1", "/%5B%20"),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let refused = sender.send(method.clone(), &format!("{url}{path}"), &[], Full::default()).await.unwrap_err();
        let Refusal::Denied { needed, .. } = refused else { panic!("{refused}") };
        let grants: Grants = [needed.parse::<Grant>().unwrap()].into_iter().collect();
        let (scheme, authority) = url.split_once("://").unwrap();
        let target = Target::new(method, scheme, authority, path).unwrap();
        assert!(grants.allows_http(&target.as_granted()).is_some(), "{needed}");
    }
    let refused = sender.get("https://api.test/a").await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "request not sent: GET https://api.test/a is not granted; `http.request GET https://api.test/a` would cover it"
    );
}

#[tokio::test]
async fn a_query_is_in_no_refusal() {
    let refused = Sender::new(&[]).build().get("https://api.test/a?token=EXAMPLE").await.unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("EXAMPLE"));
}

#[tokio::test]
async fn a_grant_that_names_an_address_leads_there() {
    let server = Server::http(|seen| answer(seen.head.headers["host"].as_bytes().to_vec())).await;
    let sender = Sender::new(&["http.request http://127.0.0.1:*"]).build();
    let response = sender.get(&format!("http://{}/", server.at("127.0.0.1"))).await.unwrap();
    assert_eq!(text(response).await.unwrap(), server.at("127.0.0.1"));
}
