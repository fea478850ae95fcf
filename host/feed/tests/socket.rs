//! The feed over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod support;

use std::time::Duration;

use futures_util::SinkExt as _;
use serde_json::json;
use skillhost_events::NewEvent;
use skillhost_feed::FeedConfig;
use support::{CONFIG, Client, Server};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{Error, Message};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn event(size: usize) -> NewEvent {
    let data = json!({"text": "x".repeat(size)});
    NewEvent { kind: "skill.x".into(), source: "s".into(), run: None, tenant: None, data }
}

#[tokio::test]
async fn more_connections_than_an_address_may_have_are_refused_before_the_upgrade() {
    let folder = folder();
    let server = Server::start(&folder, FeedConfig { per_address: 2, ..CONFIG }).await;
    let mut first = Client::connect(server.address).await.unwrap();
    let _second = Client::connect(server.address).await.unwrap();
    match Client::connect(server.address).await {
        Err(Error::Http(response)) => assert_eq!(response.status().as_u16(), 429),
        other => panic!("{:?}", other.map(|_| "connected")),
    }
    first.socket.close(None).await.unwrap();
    assert!(first.next().await.is_err());
    // Its place is given back once the server has seen it go.
    while Client::connect(server.address).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_connection_with_its_reason() {
    let folder = folder();
    let server = Server::start(&folder, CONFIG).await;
    let mut client = Client::connect(server.address).await.unwrap();
    client.socket.send(Message::Text("x".repeat(9 << 10).into())).await.unwrap();
    assert_eq!(client.next().await.unwrap_err(), Some(1008));
}

#[tokio::test]
async fn a_client_resumes_behind_a_host_that_began_anew_on_the_same_log_and_on_no_other() {
    let (folder, other) = (folder(), folder());
    let server = Server::start(&folder, CONFIG).await;
    for _ in 0..3 {
        server.log.append(event(1)).await.unwrap();
    }
    let mut client = Client::connect(server.address).await.unwrap();
    client.subscribe(&[], None).await;
    let epoch = client.next().await.unwrap()["epoch"].as_str().unwrap().to_owned();
    for seq in 1..=3 {
        assert_eq!(client.next().await.unwrap()["payload"]["seq"], seq);
    }
    server.feed.close().await;
    assert_eq!(client.next().await.unwrap_err(), Some(1001));
    server.log.append(event(1)).await.unwrap();

    let again = Server::start(&folder, CONFIG).await;
    let mut client = Client::connect(again.address).await.unwrap();
    client.subscribe(&[], Some((&epoch, 3))).await;
    let subscribed = client.next().await.unwrap();
    assert_eq!((&subscribed["recovered"], &subscribed["replayed"]), (&json!(true), &json!(1)));
    assert_eq!(client.next().await.unwrap()["payload"]["seq"], 4);

    let anew = Server::start(&other, CONFIG).await;
    for _ in 0..5 {
        anew.log.append(event(1)).await.unwrap();
    }
    let mut client = Client::connect(anew.address).await.unwrap();
    client.subscribe(&[], Some((&epoch, 3))).await;
    assert_eq!(client.next().await.unwrap()["recovered"], false);
}

#[tokio::test]
async fn the_largest_events_reach_a_client_that_reads_and_close_one_that_does_not() {
    let folder = folder();
    let config = FeedConfig { rate: 1_000.try_into().unwrap(), send_timeout: Duration::from_millis(500), ..CONFIG };
    let server = Server::start(&folder, config).await;
    let (mut reader, mut deaf) =
        (Client::connect(server.address).await.unwrap(), Client::connect(server.address).await.unwrap());
    for client in [&mut reader, &mut deaf] {
        client.subscribe(&[], None).await;
        assert_eq!(client.next().await.unwrap()["type"], "subscribed");
    }
    let mut seq = 0;
    while server.feed.counters().closed_slow == 0 {
        seq += 1;
        server.log.append(event(65_000)).await.unwrap();
        let message = reader.next().await.unwrap();
        assert_eq!((&message["payload"]["seq"], &message["type"]), (&json!(seq), &json!("event")));
        assert!(seq < 5_000, "nobody was closed");
    }
}
