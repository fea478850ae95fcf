//! A thousand clients, one of which never reads, while 2,000 events a second are written; clients and server in one process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod support;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use hdrhistogram::Histogram;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde::Deserialize;
use serde_json::json;
use skillhost_events::{EventLog, NewEvent};
use skillhost_feed::FeedConfig;
use support::{CONFIG, Client, Server};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

/// Clients that want no more than their rate, that want everything, and that come and go.
const QUIET: usize = 600;
const GREEDY: usize = 379;
const RETURNING: usize = 20;

/// Events a second, written as many at once as fall into one [`BEAT`].
const RATE: u64 = 2_000;
const BEAT: Duration = Duration::from_millis(10);

/// How long they are written: long enough for who never reads to be noticed.
const LOAD: Duration = Duration::from_secs(14);

/// One event in so many is of a quiet kind; there are [`QUIET_KINDS`] of these, each with 8 events a second.
const QUIET_ONE_IN: u64 = 25;
const QUIET_KINDS: u64 = 10;

/// What the feed has to hold: from commit to arrival, and growth under load.
const SLOWEST: Duration = Duration::from_millis(100);
const GROWTH_KIB: u64 = 96 << 10;

/// What a client heard: positions, and when.
type Heard = Vec<(u64, Instant)>;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Told {
    Subscribed { recovered: bool },
    Event { payload: Payload },
    Summary { suppressed: u64, from: u64, to: u64 },
}

#[derive(Deserialize)]
struct Payload {
    seq: u64,
}

fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Kind of the event at `seq`.
fn kind(seq: u64) -> String {
    match seq % QUIET_ONE_IN {
        0 => format!("skill.quiet-{}", seq / QUIET_ONE_IN % QUIET_KINDS),
        _ => "skill.busy".into(),
    }
}

/// Writes events for as long as the load lasts; gives when each was committed.
async fn write(log: EventLog) -> HashMap<u64, Instant> {
    let mut commits = HashMap::new();
    let mut ticks = tokio::time::interval(BEAT);
    let (begin, mut count) = (Instant::now(), 0);
    while begin.elapsed() < LOAD {
        ticks.tick().await;
        // As many as are due: a tick may be late.
        let due = (begin.elapsed().as_millis() as u64 * RATE / 1_000).saturating_sub(count);
        let appends = (0..due).map(|n| {
            let event = NewEvent {
                kind: kind(count + n + 1),
                source: "load".into(),
                run: None,
                tenant: None,
                data: json!({"task_id": "t-1", "note": "an event of the usual size, with a few words in it"}),
            };
            let log = log.clone();
            async move { (log.append(event).await.unwrap(), Instant::now()) }
        });
        commits.extend(join_all(appends).await);
        count += due;
    }
    commits
}

/// Hears until the end; every event of the kind once, in order, and no summary.
async fn listen(client: &mut Client, heard: &mut Heard, until: impl Future<Output = ()>) {
    tokio::pin!(until);
    loop {
        let message = tokio::select! {
            message = client.socket.next() => message.unwrap().unwrap(),
            () = &mut until => return,
        };
        let Message::Text(text) = message else { continue };
        match serde_json::from_str(&text).unwrap() {
            Told::Event { payload } => heard.push((payload.seq, Instant::now())),
            Told::Subscribed { recovered, .. } => assert!(recovered),
            Told::Summary { suppressed, from, to } => panic!("{suppressed} suppressed from {from} to {to}"),
        }
    }
}

async fn over(mut end: watch::Receiver<bool>) {
    end.wait_for(|end| *end).await.unwrap();
}

async fn quiet(
    address: SocketAddr,
    number: u64,
    ready: Arc<tokio::sync::Barrier>,
    end: watch::Receiver<bool>,
) -> Heard {
    let mut client = Client::connect(address).await.unwrap();
    client.subscribe(&[&format!("skill.quiet-{number}")], None).await;
    client.next().await.unwrap();
    ready.wait().await;
    let mut heard = Vec::new();
    listen(&mut client, &mut heard, over(end)).await;
    heard
}

/// As [`quiet`], but its connection breaks once or twice a second.
async fn returning(
    address: SocketAddr,
    number: u64,
    ready: Arc<tokio::sync::Barrier>,
    end: watch::Receiver<bool>,
) -> Heard {
    let mut client = Client::connect(address).await.unwrap();
    client.subscribe(&[&format!("skill.quiet-{number}")], None).await;
    let epoch = client.next().await.unwrap()["epoch"].as_str().unwrap().to_owned();
    ready.wait().await;
    let mut heard = Vec::new();
    while !*end.borrow() {
        let life = Duration::from_millis(500 + 20 * number);
        let until = async {
            // It goes away after a life of its own length.
            tokio::select! { () = tokio::time::sleep(life) => {}, () = over(end.clone()) => {} }
        };
        listen(&mut client, &mut heard, until).await;
        if *end.borrow() {
            break;
        }
        drop(client);
        let last = heard.last().map_or(0, |(seq, _)| *seq);
        client = Client::connect(address).await.unwrap();
        client.subscribe(&[&format!("skill.quiet-{number}")], Some((&epoch, last))).await;
    }
    heard
}

/// Wants everything; gives how much of it came as events, and as summaries.
async fn greedy(address: SocketAddr, ready: Arc<tokio::sync::Barrier>, end: watch::Receiver<bool>) -> (u64, u64) {
    let mut client = Client::connect(address).await.unwrap();
    client.subscribe(&[], None).await;
    let mut position = client.next().await.unwrap()["head"].as_u64().unwrap();
    ready.wait().await;
    let end = over(end);
    tokio::pin!(end);
    let (mut events, mut suppressed) = (0, 0);
    loop {
        let message = tokio::select! {
            message = client.socket.next() => message.unwrap().unwrap(),
            () = &mut end => return (events, suppressed),
        };
        let Message::Text(text) = message else { continue };
        // Everything matches, so each position is told of, in order.
        match serde_json::from_str(&text).unwrap() {
            Told::Subscribed { .. } => panic!("nobody asked for that"),
            Told::Event { payload } => {
                assert_eq!(payload.seq, position + 1);
                (position, events) = (payload.seq, events + 1);
            }
            Told::Summary { suppressed: count, from, to } => {
                assert_eq!((from, to - from + 1), (position + 1, count));
                (position, suppressed) = (to, suppressed + count);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_clients_hear_in_time_while_2000_events_a_second_are_written_and_one_never_reads() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder, FeedConfig { per_address: 2_000, ..CONFIG }).await;
    let address = server.address;
    let mut deaf = Client::connect(address).await.unwrap();
    deaf.subscribe(&[], None).await;
    while server.feed.counters().connections == 0 {
        // Between two looks, not in place of one.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (end, ended) = watch::channel(false);
    let ready = Arc::new(tokio::sync::Barrier::new(QUIET + GREEDY + RETURNING + 1));
    let number = |n: usize| n as u64 % QUIET_KINDS;
    let spawn = |n| tokio::spawn(quiet(address, number(n), ready.clone(), ended.clone()));
    let quiets: Vec<_> = (0..QUIET).map(spawn).collect();
    let greedies: Vec<_> = (0..GREEDY).map(|_| tokio::spawn(greedy(address, ready.clone(), ended.clone()))).collect();
    let spawn = |n| tokio::spawn(returning(address, number(n), ready.clone(), ended.clone()));
    let returnings: Vec<_> = (0..RETURNING).map(spawn).collect();
    ready.wait().await;
    assert_eq!(server.feed.counters().connections, 1 + QUIET + GREEDY + RETURNING);

    let before = rss_kib();
    let writing = tokio::spawn(write(server.log.clone()));
    let mut most = before;
    while !writing.is_finished() {
        // Between two looks at the memory.
        tokio::time::sleep(Duration::from_millis(100)).await;
        most = most.max(rss_kib());
    }
    let commits = writing.await.unwrap();
    // Until the last window of everybody is over.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    end.send_replace(true);

    let written = commits.len() as u64;
    assert!(written >= RATE * LOAD.as_secs() * 95 / 100, "only {written} were written");
    // Only now is it known what lies where.
    let expected = |number: u64| (1..=written).filter(move |seq| kind(*seq) == format!("skill.quiet-{number}"));
    let mut latency = Histogram::<u64>::new(3).unwrap();
    for (n, task) in quiets.into_iter().enumerate() {
        let heard = task.await.unwrap();
        assert!(heard.iter().map(|(seq, _)| *seq).eq(expected(number(n))), "client {n} missed something");
        for (seq, at) in heard {
            latency.record(at.saturating_duration_since(commits[&seq]).as_micros() as u64).unwrap();
        }
    }
    for (n, task) in returnings.into_iter().enumerate() {
        let heard = task.await.unwrap();
        assert!(
            heard.iter().map(|(seq, _)| *seq).eq(expected(number(n))),
            "client {n}, which came back, missed something"
        );
    }
    let mut sent = 0;
    for task in greedies {
        let (events, suppressed) = task.await.unwrap();
        assert_eq!(events + suppressed, written);
        assert!(events <= 10 * (LOAD.as_secs() + 2) && suppressed > 0, "{events} events came");
        sent += events;
    }
    let closed = loop {
        if let Err(code) = deaf.next().await {
            break code;
        }
    };
    let counters = server.feed.counters();
    let [p50, p99, slowest] = [latency.value_at_quantile(0.5), latency.value_at_quantile(0.99), latency.max()];
    println!(
        "{written} events in {LOAD:?}; within their rate: {} arrivals, p50 {p50} us, p99 {p99} us, slowest {slowest} us; \
         over it: {sent} events sent to {GREEDY}; memory {before} KiB before, {most} KiB at the most; {counters:?}",
        latency.len()
    );
    assert_eq!((closed, counters.closed_slow), (Some(1013), 1));
    assert!(p99 < SLOWEST.as_micros() as u64, "p99 {p99} us");
    assert!(most - before < GROWTH_KIB, "{before} KiB grew to {most} KiB");
}
