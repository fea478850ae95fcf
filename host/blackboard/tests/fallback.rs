//! Redis with memory behind it: what serves when, and what becomes of what was written meanwhile.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use skillhost_blackboard::{
    Backend, Blackboard, BoardLimits, BoardNotice, FallbackBoard, Merge, Selection, Subscription, Ttl,
};
use skillhost_types::{Glob, System, Tenant};
use support::{Noted, Server, key, message, notices, until};

/// Within which a board goes over, to either side, on a machine that is busy.
const OVER: Duration = Duration::from_secs(5);

fn open(server: &Server, merge: Merge) -> (FallbackBoard, Noted) {
    let (notices, noted) = notices();
    let options = server.options("timmy");
    let board = FallbackBoard::open(options, merge, BoardLimits::default(), Arc::new(System), notices);
    (board.unwrap(), noted)
}

async fn served_by(board: &FallbackBoard, backend: Backend) {
    until("the board goes over", OVER, async || board.health().backend == backend).await;
    assert_eq!(board.health().degraded.is_some(), backend == Backend::Memory);
}

async fn hears(board: &FallbackBoard, subscription: &mut Subscription, text: &str) {
    assert_eq!(board.publish(&Tenant::default(), message("news", text)).await, Ok(1));
    let heard = tokio::time::timeout(OVER, subscription.next()).await.unwrap().unwrap();
    assert_eq!(&*heard.payload, text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_board_without_its_server_serves_from_memory_and_comes_back_and_says_what_it_dropped() {
    let mut server = Server::absent();
    let (board, noted) = open(&server, Merge::Never);
    let tenant = Tenant::default();
    let mut subscription = board.subscribe(&tenant, vec![Glob::new("news")]).unwrap();
    board.set(&tenant, &key("a"), "in memory".into(), Ttl::Default).await.unwrap();
    assert_eq!(board.get(&tenant, &key("a")).await, Ok(Some("in memory".into())));
    served_by(&board, Backend::Memory).await;
    hears(&board, &mut subscription, "1").await;

    server.restart();
    served_by(&board, Backend::Redis).await;
    assert_eq!(board.get(&tenant, &key("a")).await, Ok(None));
    hears(&board, &mut subscription, "2").await;
    board.set(&tenant, &key("b"), "on the server".into(), Ttl::Default).await.unwrap();

    server.kill();
    served_by(&board, Backend::Memory).await;
    assert_eq!(board.get(&tenant, &key("b")).await, Ok(None));
    hears(&board, &mut subscription, "3").await;

    server.restart();
    served_by(&board, Backend::Redis).await;
    assert_eq!(board.get(&tenant, &key("b")).await, Ok(Some("on the server".into())));
    hears(&board, &mut subscription, "4").await;
    let noted = noted.lock().unwrap();
    let [
        BoardNotice::Lost { in_memory: true, .. },
        BoardNotice::Back { merged: 0, dropped: 1, keys },
        BoardNotice::Lost { in_memory: true, .. },
        BoardNotice::Back { merged: 0, dropped: 0, .. },
    ] = &noted[..]
    else {
        panic!("{noted:?}")
    };
    assert_eq!(keys, &["a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn merging_writes_what_the_server_does_not_have_and_nothing_else() {
    let mut server = Server::start();
    let (board, noted) = open(&server, Merge::Newer);
    let (tenant, other) = (Tenant::default(), Tenant::new("other").unwrap());
    board.set(&tenant, &key("both"), "server".into(), Ttl::Forever).await.unwrap();
    server.kill();
    served_by(&board, Backend::Memory).await;
    board.set(&tenant, &key("both"), "memory".into(), Ttl::Forever).await.unwrap();
    board.set(&tenant, &key("short"), "memory".into(), Ttl::For(Duration::from_millis(1))).await.unwrap();
    board.set(&other, &key("new"), "memory".into(), Ttl::For(Duration::from_secs(60))).await.unwrap();
    assert_eq!(board.add(&tenant, &key("count"), 3).await, Ok(3));
    server.restart();
    served_by(&board, Backend::Redis).await;
    assert_eq!(board.get(&tenant, &key("both")).await, Ok(Some("server".into())));
    assert_eq!(board.get(&tenant, &key("short")).await, Ok(None));
    assert_eq!(board.get(&other, &key("new")).await, Ok(Some("memory".into())));
    assert_eq!(board.add(&tenant, &key("count"), 1).await, Ok(4));
    let noted = noted.lock().unwrap();
    let Some(BoardNotice::Back { merged: 2, dropped: 1, keys }) = noted.last() else { panic!("{noted:?}") };
    assert_eq!(keys, &["both"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_value_comes_back_from_an_outage_that_is_over() {
    let mut server = Server::start();
    let (board, _) = open(&server, Merge::Never);
    let (board, tenant) = (Arc::new(board), Tenant::default());
    for round in 0..5 {
        let own = key(&format!("w{round}"));
        server.kill();
        served_by(&board, Backend::Memory).await;
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let (board, tenant, own) = (board.clone(), tenant.clone(), own.clone());
                tokio::spawn(async move {
                    // Across the moment at which the board goes back to the server.
                    while board.health().backend == Backend::Memory {
                        board.set(&tenant, &own, "1".into(), Ttl::Forever).await.unwrap();
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        server.restart();
        for writer in writers {
            writer.await.unwrap();
        }
        board.clear(&tenant, &Selection::all(Glob::new("*"))).await.unwrap();
        server.kill();
        served_by(&board, Backend::Memory).await;
        assert_eq!(board.get(&tenant, &own).await, Ok(None), "round {round}");
        server.restart();
        served_by(&board, Backend::Redis).await;
    }
}
