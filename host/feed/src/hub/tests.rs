use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use skillhost_events::{Event, NewEvent};
use skillhost_types::{System, Tenant, Timestamp};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::*;
use crate::event::KindId;

/// A hub that follows no log: its events are published by the test.
pub(crate) fn hub() -> Hub {
    let hub = Hub::new("epoch".into(), 0);
    hub.shared.change(|ring| ring.prime(vec![], 0));
    hub
}

/// Publishes an event that was noticed at `at`, and gives its position.
pub(crate) fn publish_at(hub: &Hub, kind: &str, tenant: Option<&str>, at: Instant) -> u64 {
    let seq = hub.shared.ring().head() + 1;
    let event = Event {
        seq,
        at: Timestamp(0),
        kind: kind.into(),
        source: "s".into(),
        run: None,
        tenant: tenant.map(|name| Tenant::new(name).unwrap()),
        data: json!({}),
    };
    // Numbers that the kinds of tests do not share; one of the kinds has none.
    let id = (kind != "skill.absorbed").then(|| KindId(kind.bytes().map(u16::from).sum::<u16>() % MOST_KINDS));
    hub.shared.change(|ring| ring.extend([Arc::new(FeedEvent::new(event.into(), id, at))], seq));
    seq
}

/// The same, now.
pub(crate) fn publish(hub: &Hub, kind: &str) -> u64 {
    publish_at(hub, kind, None, Instant::now())
}

fn open(folder: &TempDir) -> EventLog {
    EventLog::open(folder.path(), Arc::new(System)).unwrap()
}

fn event(kind: &str) -> NewEvent {
    NewEvent { kind: kind.into(), source: "s".into(), run: None, tenant: None, data: json!({}) }
}

/// Hears until there are `count`.
async fn hear(listener: &mut Listener, count: usize) -> Vec<u64> {
    let mut seqs = Vec::new();
    while seqs.len() < count {
        let heard = tokio::time::timeout(Duration::from_secs(30), listener.next()).await.expect("nothing was heard");
        seqs.extend(heard.unwrap().iter().map(|event| event.seq()));
    }
    seqs
}

#[tokio::test]
async fn a_listener_hears_what_happens_from_now_on_in_order_whoever_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let (log, other) = (open(&folder), open(&folder));
    log.append(event("skill.before")).await.unwrap();
    let hub = Hub::start(&log).unwrap();
    let mut listener = hub.subscribe_all();
    for _ in 0..5 {
        log.append(event("skill.here")).await.unwrap();
        other.append(event("skill.elsewhere")).await.unwrap();
    }
    assert_eq!(hear(&mut listener, 10).await, (2..=11).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_another_process_writes_is_noticed_without_a_write_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder);
    let hub = Hub::start(&log).unwrap();
    let mut listener = hub.subscribe_all();
    open(&folder).append(event("skill.elsewhere")).await.unwrap();
    assert_eq!(hear(&mut listener, 1).await, [1]);
}

#[tokio::test]
async fn what_was_before_the_hub_is_at_hand_for_a_replay() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder);
    for _ in 0..20 {
        log.append_relaxed(event("skill.x")).await.unwrap();
    }
    log.append(event("system.x")).await.unwrap();
    let hub = Hub::start(&log).unwrap();
    hub.wakes().primed().await;
    let (found, head) = hub.last(3, |event| event.entry().kind() == "skill.x");
    assert_eq!((found.iter().map(|event| event.seq()).collect::<Vec<_>>(), head), (vec![18, 19, 20], 21));
    assert_eq!(hub.replay(0, |_| {}).unwrap(), 21);
}

#[tokio::test]
async fn a_flood_is_heard_whole_by_who_keeps_up() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder);
    let hub = Hub::start(&log).unwrap();
    let mut listener = hub.subscribe_all();
    // Whoever is at most half a ring behind keeps up, however slow the machine.
    let ahead = Arc::new(Semaphore::new(ring::EVENTS / 2));
    let room = ahead.clone();
    let writer = tokio::spawn(async move {
        for _ in 0..12_000 {
            room.acquire().await.unwrap().forget();
            log.append_relaxed(event("skill.x")).await.unwrap();
        }
    });
    let mut heard = Vec::new();
    while heard.len() < 12_000 {
        let more = hear(&mut listener, 1).await;
        ahead.add_permits(more.len());
        heard.extend(more);
    }
    assert_eq!(heard, (1..=12_000).collect::<Vec<_>>());
    writer.await.unwrap();
}

#[tokio::test]
async fn what_is_written_between_its_start_and_its_first_look_is_heard_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder);
    log.append(event("skill.before")).await.unwrap();
    let hub = Hub::start(&log).unwrap();
    let mut listener = hub.subscribe_all();
    // This thread's executor, on which the hub is to look, waits meanwhile.
    let other = open(&folder);
    let written = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for _ in 0..3_000 {
                other.append_relaxed(event("skill.x")).await.unwrap();
            }
            other.close().await;
        });
    });
    written.join().unwrap();
    assert_eq!(hear(&mut listener, 3_000).await, (2..=3_001).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_falls_out_of_the_ring_is_told_so_and_goes_on_with_what_is_left() {
    let hub = hub();
    let mut listener = hub.subscribe_all();
    for _ in 0..10_000 {
        publish(&hub, "skill.x");
    }
    let lagged = listener.next().await.unwrap_err();
    assert_eq!(lagged, Lagged { from: 0, to: 10_000 - ring::EVENTS as u64 });
    let rest = hear(&mut listener, ring::EVENTS).await;
    assert_eq!(rest, (lagged.to + 1..=10_000).collect::<Vec<_>>());
    assert!(hub.replay(lagged.from, |_| {}).is_err());
}

#[tokio::test]
async fn who_wants_nothing_for_now_is_woken_before_the_ring_has_moved_on() {
    let hub = hub();
    let mut wakes = hub.wakes();
    for _ in 0..3 {
        for _ in 0..ring::PART.0 {
            publish(&hub, "skill.x");
        }
        wakes.next(true).await;
    }
    publish(&hub, "skill.x");
    let pending = tokio::time::timeout(Duration::from_millis(10), wakes.next(true)).await;
    assert!(pending.is_err());
    wakes.next(false).await;
}
