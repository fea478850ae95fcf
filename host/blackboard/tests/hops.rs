//! What the host says of a message survives the way over Redis also where the payload has no room for it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use skillhost_blackboard::{Blackboard, BoardLimits, Message, RedisBoard, Subscription};
use skillhost_types::{Glob, System, Tenant};
use support::{Server, message, notices};

/// Payloads that are no objects.
const BARE: [&str; 4] = ["[1]", "\"x\"", "7", " null "];

fn open(server: &Server) -> RedisBoard {
    RedisBoard::open(server.options("timmy"), BoardLimits::default(), Arc::new(System), notices().0).unwrap()
}

fn listen(board: &RedisBoard, pattern: &str) -> Subscription {
    board.subscribe(&Tenant::default(), vec![Glob::new(pattern)]).unwrap()
}

async fn next(subscription: &mut Subscription) -> Arc<Message> {
    tokio::time::timeout(Duration::from_secs(10), subscription.next()).await.unwrap().unwrap()
}

/// A program that knows nothing of hosts.
async fn outsider(server: &Server) -> redis::aio::MultiplexedConnection {
    redis::Client::open(server.options("").url).unwrap().get_multiplexed_async_connection().await.unwrap()
}

async fn publish(outsider: &mut redis::aio::MultiplexedConnection, channel: &str, payload: &str) -> u32 {
    redis::cmd("PUBLISH").arg(format!("timmy:{channel}")).arg(payload).query_async(outsider).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_object_keeps_its_hops_for_every_pattern_that_it_matches() {
    let server = Server::start();
    let (board, tenant) = (open(&server), Tenant::default());
    let mut all = ["*", "job:*", "job:?", "job:a"].map(|pattern| listen(&board, pattern));
    let mut outsider = outsider(&server).await;
    for (payload, hops) in BARE.into_iter().zip(3..) {
        let sent = Message { hops, ..message("job:a", payload) };
        board.publish(&tenant, sent.clone()).await.unwrap();
        for subscription in &mut all {
            assert_eq!(*next(subscription).await, sent);
        }
        // Once: the same bytes from elsewhere are not taken for it.
        publish(&mut outsider, "job:a", payload).await;
        for subscription in &mut all {
            let heard = next(subscription).await;
            assert_eq!((&*heard.payload, heard.hops, &heard.source), (payload, 0, &None));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_messages_in_a_row_keep_each_its_own_hops() {
    let server = Server::start();
    let (board, tenant, other) = (open(&server), Tenant::default(), Tenant::new("other").unwrap());
    let mut all = ["*", "a"].map(|pattern| listen(&board, pattern));
    let mut others = board.subscribe(&other, vec![Glob::new("*")]).unwrap();
    for hops in 1..=100 {
        // Another tenant's of the same bytes is not taken for it.
        board.publish(&other, Message { hops: 1_000 + hops, ..message("a", "[1]") }).await.unwrap();
        board.publish(&tenant, Message { hops, ..message("a", "[1]") }).await.unwrap();
    }
    for subscription in &mut all {
        for hops in 1..=100 {
            assert_eq!(next(subscription).await.hops, hops);
        }
    }
    for hops in 1_001..=1_100 {
        assert_eq!(next(&mut others).await.hops, hops);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_wakes_itself_is_seen_to_do_so() {
    /// Where the host ends a loop.
    const LOOP: u32 = 16;
    let server = Server::start();
    let (board, tenant) = (open(&server), Tenant::default());
    let mut own = listen(&board, "ping");
    let mut outsider = outsider(&server).await;
    board.publish(&tenant, Message { hops: 1, ..message("ping", "[0]") }).await.unwrap();
    for woken in 1..=LOOP {
        let heard = next(&mut own).await;
        assert_eq!(heard.hops, woken);
        let answer = message("ping", ["[0]", "[1]", "7"].get(woken as usize % 3).unwrap());
        board.publish(&tenant, Message { hops: heard.hops + 1, ..answer }).await.unwrap();
    }
    assert_eq!(next(&mut own).await.hops, LOOP + 1);
    // What comes from outside begins anew.
    assert_eq!(publish(&mut outsider, "ping", "[0]").await, 1);
    assert_eq!(next(&mut own).await.hops, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_from_outside_is_one_message_for_all_and_has_no_hops() {
    let server = Server::start();
    let board = open(&server);
    let mut all = ["*", "a*", "a"].map(|pattern| listen(&board, pattern));
    // The first one makes sure that the server knows of the subscriptions.
    board.publish(&Tenant::default(), message("a", "0")).await.unwrap();
    let mut outsider = outsider(&server).await;
    let mut identifiers = Vec::new();
    for subscription in &mut all {
        assert_eq!(next(subscription).await.hops, 2);
    }
    for payload in ["[1]", "[1]", "{}", "{}"] {
        assert_eq!(publish(&mut outsider, "a", payload).await, 3);
        let mut same = Vec::new();
        for subscription in &mut all {
            let heard = next(subscription).await;
            assert_eq!((heard.hops, &heard.source), (0, &None));
            same.push(heard.id.clone());
        }
        same.dedup();
        identifiers.extend(same);
    }
    identifiers.sort();
    identifiers.dedup();
    assert_eq!(identifiers.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_listens_otherwise_hears_the_same_bytes_as_another_message() {
    let server = Server::start();
    let board = open(&server);
    let mut outsider = outsider(&server).await;
    let known = async |outsider: &mut redis::aio::MultiplexedConnection, patterns: u32| {
        support::until("the server knows who listens", Duration::from_secs(5), async || {
            redis::cmd("PUBSUB").arg("NUMPAT").query_async::<u32>(outsider).await.unwrap() == patterns
        })
        .await;
    };
    let mut before = listen(&board, "a");
    known(&mut outsider, 1).await;
    publish(&mut outsider, "a", "[1]").await;
    let first = next(&mut before).await;
    let mut after = listen(&board, "*");
    known(&mut outsider, 2).await;
    drop(before);
    known(&mut outsider, 1).await;
    publish(&mut outsider, "a", "[1]").await;
    assert_ne!(next(&mut after).await.id, first.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_lost_with_the_server_is_not_taken_for_what_comes_after() {
    let mut server = Server::start();
    let (board, tenant) = (open(&server), Tenant::default());
    let mut own = listen(&board, "a");
    board.publish(&tenant, message("a", "0")).await.unwrap();
    assert_eq!(next(&mut own).await.hops, 2);
    server.kill();
    // Whether it was sent is not known; it does not come back.
    assert!(board.publish(&tenant, message("a", "[1]")).await.is_err());
    server.restart();
    let mut outsider = outsider(&server).await;
    support::until("the subscription is back", Duration::from_secs(10), async || {
        publish(&mut outsider, "a", "[1]").await == 1
    })
    .await;
    assert_eq!(next(&mut own).await.hops, 0);
}
