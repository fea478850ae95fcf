use std::sync::Arc;
use std::time::Duration;

use skillhost_llm::Ask;
use skillhost_types::Tenant;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::support::*;

async fn narrow(places: usize) -> (Server, Arc<Host>) {
    let server = Server::always(Dialect::OpenAi, Act::Held(vec!["Hello"])).await;
    let host = Host::new(config(&[("p", "openai", server.url())], |value| {
        value["providers"]["p"]["concurrency"] = places.into();
        value["timeouts"]["first_token"] = "20s".into();
        value["timeouts"]["total"] = "20s".into();
    }));
    (server, Arc::new(host))
}

#[tokio::test]
async fn no_more_calls_at_once_than_there_are_places() {
    let (server, host) = narrow(3).await;
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let host = Arc::clone(&host);
            tokio::spawn(async move { host.complete().await.unwrap() })
        })
        .collect();
    for released in 0..10 {
        server.until(|count, open| open == (10 - released).min(3) && count == (released + 3).min(10)).await;
        server.release(1);
    }
    for call in calls {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn a_tenant_with_many_calls_does_not_keep_another_waiting() {
    let (server, host) = narrow(1).await;
    let (sender, mut done) = mpsc::unbounded_channel();
    let call = |name: &'static str| {
        let (host, sender) = (Arc::clone(&host), sender.clone());
        tokio::spawn(async move {
            let tenant = Tenant::new(name).unwrap();
            let deadline = Instant::now() + Duration::from_secs(20);
            let ask = Ask { tenant: &tenant, run: None, account: &host.book, deadline };
            host.router.complete(&hello(), &ask).await.unwrap();
            sender.send(name).unwrap();
        })
    };
    let mut calls: Vec<_> = (0..6).map(|_| call("greedy")).collect();
    server.until(|count, _| count == 1).await;
    // On one thread: when this comes back, all that were spawned before wait.
    tokio::task::yield_now().await;
    calls.push(call("modest"));
    tokio::task::yield_now().await;
    let mut order = Vec::new();
    for turn in 1..=7 {
        server.until(|count, _| count == turn).await;
        server.release(1);
        order.push(done.recv().await.unwrap());
    }
    assert_eq!(order.iter().position(|name| *name == "modest"), Some(2), "{order:?}");
    for call in calls {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_frees_its_place_and_ends_its_request() {
    let (server, host) = narrow(1).await;
    for round in 1..=3 {
        let calls: Vec<_> = (0..4)
            .map(|_| {
                let host = Arc::clone(&host);
                tokio::spawn(async move { host.complete().await })
            })
            .collect();
        server.until(|count, open| count == round && open == 1).await;
        for call in &calls {
            call.abort();
        }
        for call in calls {
            assert!(call.await.unwrap_err().is_cancelled());
        }
        server.until(|_, open| open == 0).await;
        host.book.settled().await;
    }
    server.then(Act::Say(vec!["Hello"]));
    assert_eq!(host.complete().await.unwrap().text, "Hello");
}

#[tokio::test]
async fn who_gets_no_place_in_time_goes_to_the_next_provider() {
    let (busy, _) = narrow(1).await;
    let free = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
    let host =
        Arc::new(Host::new(config(&[("busy", "openai", busy.url()), ("free", "openai", free.url())], |value| {
            value["providers"]["busy"]["concurrency"] = 1.into();
            value["timeouts"]["first_token"] = "500ms".into();
        })));
    let first = tokio::spawn({
        let host = Arc::clone(&host);
        async move { host.complete().await }
    });
    busy.until(|count, _| count == 1).await;
    let answer = host.router.complete(&hello(), &host.ask_within(Duration::from_millis(400))).await.unwrap();
    assert_eq!(&*answer.provider, "free");
    assert_eq!(busy.count(), 1);
    busy.release(1);
    assert_eq!(&*first.await.unwrap().unwrap().provider, "busy");
}
