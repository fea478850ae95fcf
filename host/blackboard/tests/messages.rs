//! Messages over Redis: each once, in one order for all, and none of another tenant.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use skillhost_blackboard::{Blackboard, BoardLimits, Message, RedisBoard, Subscription};
use skillhost_types::{Glob, System, Tenant};
use support::{Server, message, notices, until};

const MESSAGES: usize = 500;

fn open(server: &Server) -> Arc<RedisBoard> {
    let limits = BoardLimits { value_bytes: 1_000, queue: 4 * MESSAGES, ..BoardLimits::default() };
    Arc::new(RedisBoard::open(server.options("timmy"), limits, Arc::new(System), notices().0).unwrap())
}

async fn next(subscription: &mut Subscription) -> Arc<Message> {
    tokio::time::timeout(Duration::from_secs(10), subscription.next()).await.unwrap().unwrap()
}

fn globs(patterns: &[&str]) -> Vec<Glob> {
    patterns.iter().copied().map(Glob::new).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hosts_that_send_at_once_are_heard_in_one_order_by_all() {
    let server = Server::start();
    let (one, two) = (open(&server), open(&server));
    let tenant = Tenant::default();
    let mut all = [
        one.subscribe(&tenant, globs(&["job:*"])).unwrap(),
        one.subscribe(&tenant, globs(&["*", "job:one"])).unwrap(),
        two.subscribe(&tenant, globs(&["job:one", "job:two", "job:*"])).unwrap(),
    ];
    // Both hosts' first message comes back to them, so both have subscribed.
    for board in [&one, &two] {
        until("both listen", Duration::from_secs(5), async || {
            board.publish(&tenant, message("job:zero", "0")).await.unwrap() >= 3
        })
        .await;
    }
    let send = |board: Arc<RedisBoard>, channel: &'static str| {
        let tenant = tenant.clone();
        tokio::spawn(async move {
            for number in 0..MESSAGES {
                board.publish(&tenant, message(channel, &number.to_string())).await.unwrap();
            }
        })
    };
    let (first, second) = (send(one.clone(), "job:one"), send(two.clone(), "job:two"));
    let mut orders = Vec::new();
    for subscription in &mut all {
        let mut order = Vec::new();
        while order.len() < 2 * MESSAGES {
            let message = next(subscription).await;
            if message.channel.as_str() != "job:zero" {
                order.push((message.channel.as_str().to_owned(), message.payload.to_string()));
            }
        }
        orders.push(order);
    }
    first.await.unwrap();
    second.await.unwrap();
    assert!(orders.iter().all(|order| Some(order) == orders.first()));
    for channel in ["job:one", "job:two"] {
        let own = orders.iter().flatten().filter(|(name, _)| name == channel).map(|(_, text)| text.clone());
        let own: Vec<String> = own.take(MESSAGES).collect();
        assert_eq!(own, (0..MESSAGES).map(|number| number.to_string()).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_counts_no_more_and_a_tenant_hears_nothing_of_another() {
    let server = Server::start();
    let board = open(&server);
    let (own, other) = (Tenant::default(), Tenant::new("other").unwrap());
    let mut heard = board.subscribe(&own, globs(&["*"])).unwrap();
    let mut others = board.subscribe(&other, globs(&["n*"])).unwrap();
    board.publish(&other, message("news", "\"theirs\"")).await.unwrap();
    assert_eq!(board.publish(&own, message("news", "\"ours\"")).await, Ok(1));
    assert_eq!(&*next(&mut heard).await.payload, "\"ours\"");
    assert_eq!(&*next(&mut others).await.payload, "\"theirs\"");
    drop(heard);
    assert_eq!(board.publish(&own, message("news", "1")).await, Ok(0));
    drop(others);
    assert_eq!(board.publish(&other, message("news", "1")).await, Ok(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_the_longest_length_arrives() {
    let server = Server::start();
    let board = open(&server);
    let tenant = Tenant::default();
    let mut heard = board.subscribe(&tenant, globs(&["c"])).unwrap();
    let payload = format!("{{\"a\":\"{}\"}}", "x".repeat(1_000 - 8));
    assert_eq!(board.publish(&tenant, message("c", &payload)).await, Ok(1));
    assert_eq!(*next(&mut heard).await.payload, payload);
    assert!(board.publish(&tenant, message("c", &format!("{payload} "))).await.is_err());
}
