//! A Redis server that is killed, hangs, or was never there: nothing hangs with it, nothing is lost that was acknowledged.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use skillhost_blackboard::{Backend, Blackboard, BoardError, BoardLimits, BoardNotice, RedisBoard, Ttl};
use skillhost_types::{Glob, System, Tenant};
use support::{Noted, Server, key, message, notices, until};

/// Longest time that a call may take: what a command waits for its answer, and some for a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(3);

/// Within which subscriptions are back once the server answers.
const BACK: Duration = Duration::from_secs(2);

const KILLS: usize = 20;
const WRITERS: usize = 8;

/// Updates that are acknowledged between two kills.
const ACKNOWLEDGED: u64 = 150;

fn open(server: &Server) -> (Arc<RedisBoard>, Noted) {
    let (notices, noted) = notices();
    let board = RedisBoard::open(server.options("timmy"), BoardLimits::default(), Arc::new(System), notices);
    (Arc::new(board.unwrap()), noted)
}

/// One writer's updates of the counter.
#[derive(Default)]
struct Tally {
    acknowledged: BTreeSet<u64>,
    /// Sent without an answer: made or not.
    unknown: u64,
    slowest: Duration,
}

async fn count_up(board: &RedisBoard, stop: &AtomicBool, all: &AtomicU64) -> Tally {
    let (tenant, counter) = (Tenant::default(), key("counter"));
    let mut tally = Tally::default();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let held = board.get(&tenant, &counter).await;
        tally.slowest = tally.slowest.max(begun.elapsed());
        let Ok(held) = held else {
            // Refused at once while the server is gone: the next try is for later.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let next = held.as_deref().map_or(0, |held| held.parse::<u64>().unwrap()) + 1;
        let begun = Instant::now();
        let swap = board.compare_and_swap(&tenant, &counter, held.as_deref(), next.to_string(), Ttl::Forever).await;
        tally.slowest = tally.slowest.max(begun.elapsed());
        match swap {
            Ok(true) => {
                assert!(tally.acknowledged.insert(next));
                all.fetch_add(1, Ordering::Relaxed);
            }
            Ok(false) => {}
            Err(BoardError::Unavailable(_)) => tally.unknown += 1,
            Err(error) => panic!("{error}"),
        }
    }
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_twenty_times_under_load_loses_no_update_and_holds_nobody_up() {
    let mut server = Server::start();
    let ((one, noted), (two, _)) = (open(&server), open(&server));
    let tenant = Tenant::default();
    let mut heard = one.subscribe(&tenant, vec![Glob::new("tick*")]).unwrap();
    let (stop, all) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let board = if writer % 2 == 0 { one.clone() } else { two.clone() };
            let (stop, all) = (stop.clone(), all.clone());
            tokio::spawn(async move { count_up(&board, &stop, &all).await })
        })
        .collect();
    let mut longest_back = Duration::ZERO;
    for kill in 0..KILLS {
        let enough = all.load(Ordering::Relaxed) + ACKNOWLEDGED;
        until("writers go on", Duration::from_secs(20), async || all.load(Ordering::Relaxed) >= enough).await;
        server.kill();
        // So that it comes back at different moments of the pauses between two tries.
        tokio::time::sleep(Duration::from_millis(50 * kill as u64)).await;
        server.restart();
        let answers = Instant::now();
        let name = format!("tick:{kill}");
        loop {
            // The other host sends, so nothing but the subscription brings it. One that is not sent is sent again.
            let _ = two.publish(&tenant, message(&name, "1")).await;
            let next = tokio::time::timeout(Duration::from_millis(20), heard.next()).await;
            if next.is_ok_and(|message| message.unwrap().channel.as_str() == name) {
                break;
            }
            assert!(answers.elapsed() < BACK, "subscriptions are not back after kill {kill}");
        }
        longest_back = longest_back.max(answers.elapsed());
    }
    stop.store(true, Ordering::Relaxed);
    let (mut seen, mut unknown, mut slowest) = (BTreeSet::new(), 0, Duration::ZERO);
    for writer in writers {
        let tally = writer.await.unwrap();
        for number in tally.acknowledged {
            assert!(seen.insert(number), "two updates to {number} were acknowledged");
        }
        unknown += tally.unknown;
        slowest = slowest.max(tally.slowest);
    }
    let counter: u64 = one.get(&tenant, &key("counter")).await.unwrap().unwrap().parse().unwrap();
    let acknowledged = seen.len() as u64;
    println!(
        "{acknowledged} acknowledged, {unknown} unknown, {counter} counted; slowest call {slowest:?}, back in {longest_back:?}"
    );
    assert!(acknowledged <= counter && counter <= acknowledged + unknown);
    assert!(seen.last() <= Some(&counter));
    assert!(slowest < DEADLINE, "{slowest:?}");
    let lost = noted
        .lock()
        .unwrap()
        .iter()
        .filter(|notice| matches!(notice, BoardNotice::Lost { in_memory: false, .. }))
        .count();
    assert_eq!(lost, KILLS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_fails_calls_at_once_and_heals_when_it_comes() {
    let mut server = Server::absent();
    let (board, noted) = open(&server);
    let tenant = Tenant::default();
    let begun = Instant::now();
    let refused = board.set(&tenant, &key("a"), "1".into(), Ttl::Forever).await;
    assert!(matches!(&refused, Err(BoardError::Unavailable(_))), "{refused:?}");
    assert!(begun.elapsed() < Duration::from_millis(500));
    let health = board.health();
    assert_eq!(health.backend, Backend::Redis);
    assert!(health.degraded.is_some());
    server.restart();
    until("the board heals", BACK, async || board.set(&tenant, &key("a"), "1".into(), Ttl::Forever).await.is_ok())
        .await;
    assert_eq!(board.health().degraded, None);
    let noted = noted.lock().unwrap();
    assert!(
        matches!(&noted[..], [BoardNotice::Lost { .. }, BoardNotice::Back { merged: 0, dropped: 0, .. }]),
        "{noted:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_holds_a_call_no_longer_than_its_deadline() {
    let server = Server::start();
    let (board, _) = open(&server);
    let tenant = Tenant::default();
    board.set(&tenant, &key("a"), "1".into(), Ttl::Forever).await.unwrap();
    server.signal("-STOP");
    let begun = Instant::now();
    let got = board.get(&tenant, &key("a")).await;
    server.signal("-CONT");
    assert!(matches!(got, Err(BoardError::Unavailable(_))), "{got:?}");
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
    until("the board heals", BACK, async || board.get(&tenant, &key("a")).await == Ok(Some("1".into()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_board_is_opened_and_dropped_outside_of_a_runtime_and_inside_of_one() {
    let server = Server::start();
    let options = server.options("timmy");
    let outside = std::thread::spawn(move || {
        let board = RedisBoard::open(options, BoardLimits::default(), Arc::new(System), notices().0).unwrap();
        assert_eq!(board.health().degraded, None);
    });
    outside.join().unwrap();
    let (board, _) = open(&server);
    assert_eq!(board.get(&Tenant::default(), &key("a")).await, Ok(None));
}

#[test]
fn options_that_are_wrong_are_refused_by_name() {
    for (url, prefix) in
        [("http://localhost", "timmy"), ("redis://localhost:6379/x", "timmy"), ("redis://localhost", "a b")]
    {
        let options = skillhost_blackboard::RedisOptions { url: url.into(), password: None, prefix: prefix.into() };
        let opened = RedisBoard::open(options, BoardLimits::default(), Arc::new(System), notices().0);
        assert!(
            matches!(opened.err(), Some(BoardError::Invalid(text)) if text.contains("`blackboard.")),
            "{url} {prefix}"
        );
    }
}

#[tokio::test]
async fn a_server_without_tls_is_unavailable_at_a_tls_address() {
    let server = Server::start();
    let url = format!("rediss://127.0.0.1:{}/0", server.port());
    let options = skillhost_blackboard::RedisOptions { url, ..server.options("timmy") };
    let (notices, noted) = notices();
    let board = RedisBoard::open(options, BoardLimits::default(), Arc::new(System), notices).unwrap();
    until("it is tried", DEADLINE, async || !noted.lock().unwrap().is_empty()).await;
    assert!(board.health().degraded.is_some());
}

#[tokio::test]
async fn a_password_is_given_and_a_wrong_one_is_said() {
    let mut server = Server::absent();
    server.arguments(&["--requirepass", "secret"]);
    server.restart();
    let open = |password: &str| {
        let options = skillhost_blackboard::RedisOptions { password: Some(password.into()), ..server.options("timmy") };
        RedisBoard::open(options, BoardLimits::default(), Arc::new(System), notices().0).unwrap()
    };
    assert_eq!(open("secret").get(&Tenant::default(), &key("a")).await, Ok(None));
    let why = open("wrong").health().degraded.unwrap();
    assert!(why.to_lowercase().contains("password") && !why.contains("wrong"), "{why}");
}
