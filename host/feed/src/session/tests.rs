//! With a clock that stands still until everybody waits.

use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};

use axum::extract::ws::Message;
use futures_util::{Sink, Stream};
use serde_json::{Value, json};
use skillhost_types::Tenant;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::{PollSendError, PollSender};

use super::entrance::{INTRODUCTION, RECHECK};
use super::*;
use crate::FeedConfig;
use crate::feed::Counters;
use crate::hub::Hub;
use crate::hub::tests::{hub, publish, publish_at};
use crate::pace::WINDOW;

/// The server's end of a socket in memory.
struct Pipe {
    incoming: mpsc::UnboundedReceiver<Message>,
    outgoing: PollSender<Message>,
}

impl Stream for Pipe {
    type Item = Result<Message, PollSendError<Message>>;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.incoming.poll_recv(cx).map(|message| message.map(Ok))
    }
}

impl Sink<Message> for Pipe {
    type Error = PollSendError<Message>;
    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.outgoing.poll_reserve(cx)
    }
    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Self::Error> {
        self.outgoing.send_item(message)
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }
}

/// The client's end.
struct Client {
    to: mpsc::UnboundedSender<Message>,
    hear: mpsc::Receiver<Message>,
    served: JoinHandle<()>,
}

fn pass(tenant: Option<&str>) -> Pass {
    Pass::new(Viewer { tenant: tenant.map(|name| Tenant::new(name).unwrap()) }, || true)
}

const CONFIG: FeedConfig = FeedConfig {
    rate: NonZeroU32::new(10).unwrap(),
    replay: 100,
    per_address: 64,
    send_timeout: Duration::from_secs(5),
};

fn feed() -> (Feed, Hub) {
    let hub = hub();
    (Feed::new(hub.clone(), CONFIG), hub)
}

fn connect_with(feed: &Feed, entrance: Entrance, room: usize) -> Client {
    let (to, incoming) = mpsc::unbounded_channel();
    let (outgoing, hear) = mpsc::channel(room);
    let pipe = Pipe { incoming, outgoing: PollSender::new(outgoing) };
    let (feed, place) = (feed.clone(), feed.admit([127, 0, 0, 1].into(), &entrance).unwrap());
    let served = tokio::spawn(async move { converse(pipe, &feed, entrance, place).await });
    Client { to, hear, served }
}

fn connect(feed: &Feed) -> Client {
    connect_with(feed, Entrance::Known(pass(None)), 10_000)
}

impl Client {
    fn say(&self, message: &Value) {
        self.to.send(Message::Text(message.to_string().into())).unwrap();
    }

    fn subscribe(&self, kinds: &[&str]) {
        self.say(&json!({"action": "subscribe", "channel": "events", "kinds": kinds}));
    }

    /// The next message that is no ping, which is answered.
    async fn next(&mut self) -> Value {
        loop {
            match self.hear.recv().await.unwrap() {
                Message::Text(text) => return serde_json::from_str(text.as_str()).unwrap(),
                Message::Ping(bytes) => self.to.send(Message::Pong(bytes)).unwrap(),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn events(&mut self, count: usize) -> Vec<u64> {
        let mut seqs = Vec::new();
        for _ in 0..count {
            let message = self.next().await;
            assert_eq!(message["type"], "event", "{message}");
            seqs.push(message["payload"]["seq"].as_u64().unwrap());
        }
        seqs
    }

    /// With which code it is closed, whatever comes before.
    async fn closed(mut self) -> u16 {
        let code = loop {
            match self.hear.recv().await.unwrap() {
                Message::Close(frame) => break frame.unwrap().code,
                _ => continue,
            }
        };
        drop(self.to);
        self.served.await.unwrap();
        code
    }
}

fn summary(suppressed: u64, from: u64, to: u64) -> Value {
    json!({"type": "summary", "suppressed": suppressed, "from": from, "to": to})
}

#[tokio::test(start_paused = true)]
async fn what_is_over_the_rate_is_told_at_the_end_of_the_second_also_when_nothing_follows() {
    let (feed, hub) = feed();
    let mut client = connect(&feed);
    client.subscribe(&["task.*"]);
    let subscribed = client.next().await;
    let expected = json!({"type": "subscribed", "channel": "events", "epoch": "epoch", "head": 0, "recovered": true, "replayed": 0});
    assert_eq!(subscribed, expected);
    let begin = Instant::now();
    for _ in 0..25 {
        publish(&hub, "task.created");
        publish(&hub, "system.error");
    }
    assert_eq!(client.events(10).await, (0..10).map(|n| 2 * n + 1).collect::<Vec<_>>());
    assert_eq!(Instant::now(), begin);
    assert_eq!(client.next().await, summary(15, 21, 49));
    assert_eq!(Instant::now(), begin + WINDOW);
    let Counters { connections, events, suppressed, closed_slow } = feed.counters();
    assert_eq!((connections, events, suppressed, closed_slow), (1, 10, 15, 0));
}

#[tokio::test(start_paused = true)]
async fn a_client_within_its_rate_gets_everything_at_once() {
    let (feed, hub) = feed();
    let mut client = connect(&feed);
    client.subscribe(&[]);
    client.next().await;
    for _ in 0..100 {
        let seq = publish(&hub, "task.created");
        let at = Instant::now();
        assert_eq!(client.events(1).await, [seq]);
        assert_eq!(Instant::now(), at);
        // The pace itself, on a clock that stands.
        sleep(WINDOW / 10).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_gets_all_that_followed_or_is_told_that_it_does_not() {
    let (feed, hub) = feed();
    for _ in 0..200 {
        publish(&hub, "task.created");
    }
    let since = |epoch: &str, seq: u64| json!({"action": "subscribe", "channel": "events", "since": {"epoch": epoch, "seq": seq}});
    for (epoch, seq, recovered, replayed) in [
        ("epoch", 100, true, 100),
        ("epoch", 200, true, 0),
        ("epoch", 99, false, 0),
        ("other", 199, false, 0),
        ("epoch", 201, false, 0),
    ] {
        let mut client = connect(&feed);
        client.say(&since(epoch, seq));
        let answer = client.next().await;
        let expected = json!({"type": "subscribed", "channel": "events", "epoch": "epoch", "head": 200,
            "recovered": recovered, "replayed": replayed});
        assert_eq!(answer, expected, "{epoch} {seq}");
        assert_eq!(client.events(replayed).await, (201 - replayed as u64..=200).collect::<Vec<_>>());
    }
    // It may have a position from the log that the hub does not know of yet.
    let mut client = connect(&feed);
    client.say(&since("epoch", 202));
    tokio::task::yield_now().await;
    publish(&hub, "task.created");
    publish(&hub, "task.created");
    assert_eq!(client.next().await["recovered"], true);
}

#[tokio::test(start_paused = true)]
async fn a_second_subscription_replaces_the_first_and_gives_no_new_rate() {
    let (feed, hub) = feed();
    let mut client = connect(&feed);
    client.subscribe(&["task.*"]);
    client.next().await;
    for _ in 0..12 {
        publish(&hub, "task.created");
    }
    client.events(10).await;
    client.subscribe(&["agent.*"]);
    assert_eq!(client.next().await, summary(2, 11, 12));
    assert_eq!(client.next().await["type"], "subscribed");
    let begin = Instant::now();
    publish(&hub, "task.created");
    publish(&hub, "agent.joined");
    assert_eq!(client.next().await, summary(1, 14, 14));
    assert_eq!(begin.elapsed(), WINDOW);
    client.say(&json!({"action": "unsubscribe", "channel": "events"}));
    assert_eq!(client.next().await, json!({"type": "unsubscribed", "channel": "events"}));
    publish(&hub, "agent.joined");
    assert!(timeout(3 * WINDOW, client.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_new_subscriber_gets_the_last_events_that_it_may_see_outside_the_rate() {
    let (feed, hub) = feed();
    for n in 0..300 {
        let (kind, tenant) = [("task.created", Some("a")), ("task.created", Some("b")), ("system.error", None)][n % 3];
        publish_at(&hub, kind, tenant, Instant::now());
    }
    let mut client = connect_with(&feed, Entrance::Known(pass(Some("a"))), 10_000);
    client.subscribe(&[]);
    assert_eq!(client.next().await["replayed"], 100);
    assert_eq!(client.events(100).await, (0..100).map(|n| 3 * n + 1).collect::<Vec<_>>());
    for tenant in [Some("b"), None, Some("a")] {
        publish_at(&hub, "task.failed", tenant, Instant::now());
    }
    assert_eq!(client.events(1).await, [303]);
}

#[tokio::test(start_paused = true)]
async fn a_client_says_who_it_is_before_anything_else() {
    let (feed, _hub) = feed();
    let by_token = || {
        let check = |token: &str| (token == "good").then(|| pass(None));
        connect_with(&feed, Entrance::ByToken(Arc::new(check)), 100)
    };
    let mut good = by_token();
    good.say(&json!({"action": "auth", "token": "good"}));
    assert_eq!(good.next().await, json!({"type": "authenticated"}));
    good.subscribe(&[]);
    assert_eq!(good.next().await["type"], "subscribed");
    for first in
        [json!({"action": "auth", "token": "bad"}), json!({"action": "subscribe", "channel": "events"}), json!(1)]
    {
        let mut bad = by_token();
        bad.say(&first);
        assert_eq!(bad.next().await["type"], "error");
        assert_eq!(bad.closed().await, 1008);
    }
    let begin = Instant::now();
    assert_eq!(by_token().closed().await, 1008);
    assert_eq!(begin.elapsed(), INTRODUCTION);
}

#[tokio::test(start_paused = true)]
async fn who_says_who_it_is_where_all_places_of_its_address_are_taken_is_told_so() {
    let feed = Feed::new(hub(), FeedConfig { per_address: 1, ..CONFIG });
    let _one = connect(&feed);
    let mut other = connect_with(&feed, Entrance::ByToken(Arc::new(|_: &str| Some(pass(None)))), 100);
    other.say(&json!({"action": "auth", "token": "good"}));
    assert!(other.next().await["message"].as_str().unwrap().contains("feed.per_address"));
    assert_eq!(other.closed().await, 1013);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_none_is_answered_and_the_connection_stays() {
    let (feed, _hub) = feed();
    let mut client = connect(&feed);
    client.to.send(Message::Binary(vec![1].into())).unwrap();
    client.to.send(Message::Text("{".into())).unwrap();
    client.say(&json!({"action": "dance"}));
    client.say(&json!({"action": "subscribe", "channel": "cats"}));
    client.say(&json!({"action": "auth", "token": "t"}));
    for _ in 0..5 {
        assert_eq!(client.next().await["type"], "error");
    }
    client.subscribe(&[]);
    assert_eq!(client.next().await["type"], "subscribed");
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_socket_takes_nothing_is_closed_and_its_end_does_not_hang() {
    let (feed, hub) = feed();
    let client = connect_with(&feed, Entrance::Known(pass(None)), 4);
    client.subscribe(&[]);
    let begin = Instant::now();
    for _ in 0..10 {
        publish(&hub, "task.created");
    }
    client.served.await.unwrap();
    assert!(begin.elapsed() <= Duration::from_secs(5 + 2), "{:?}", begin.elapsed());
    assert_eq!((feed.counters().closed_slow, feed.counters().connections), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_is_closed_though_its_system_takes_everything() {
    let (feed, hub) = feed();
    let client = connect(&feed);
    client.subscribe(&[]);
    let begin = Instant::now();
    let publishing = tokio::spawn(async move {
        loop {
            publish(&hub, "task.created");
            // The pace itself, on a clock that stands.
            sleep(WINDOW / 20).await;
        }
    });
    assert_eq!(client.closed().await, 1013);
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    publishing.abort();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_falls_out_of_the_ring_is_to_come_back() {
    let (feed, hub) = feed();
    let mut client = connect(&feed);
    client.subscribe(&[]);
    client.next().await;
    for _ in 0..20_000 {
        publish(&hub, "task.created");
    }
    assert_eq!(client.closed().await, 1013);
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_that_answers_no_ping_is_closed() {
    let (feed, _hub) = feed();
    let begin = Instant::now();
    assert_eq!(connect(&feed).closed().await, 1013);
    assert_eq!(begin.elapsed(), Duration::from_secs(90));
}

#[tokio::test(start_paused = true)]
async fn a_client_is_closed_when_its_token_is_revoked() {
    let (feed, _hub) = feed();
    let good = Arc::new(AtomicBool::new(true));
    let still = good.clone();
    let pass = Pass::new(Viewer { tenant: None }, move || still.load(Ordering::Relaxed));
    let client = connect_with(&feed, Entrance::Known(pass), 10);
    // For as long as the token is good nothing ends it.
    sleep(10 * RECHECK).await;
    good.store(false, Ordering::Relaxed);
    let begin = Instant::now();
    assert_eq!(client.closed().await, 1008);
    assert!(begin.elapsed() <= RECHECK);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_talks_all_the_time_is_closed() {
    let (feed, _hub) = feed();
    let client = connect(&feed);
    for _ in 0..11 {
        client.to.send(Message::Ping(vec![].into())).unwrap();
    }
    assert_eq!(client.closed().await, 1008);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_asked_often_may_answer_often() {
    let hub = hub();
    let feed = Feed::new(hub.clone(), FeedConfig { rate: 100_000.try_into().unwrap(), ..CONFIG });
    let mut client = connect(&feed);
    client.subscribe(&[]);
    client.next().await;
    for _ in 0..5_000 {
        let seq = publish(&hub, "task.created");
        assert_eq!(client.events(1).await, [seq]);
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_host_stops_all_are_told_and_none_is_waited_for_for_long() {
    let (feed, _hub) = feed();
    let (polite, deaf) = (connect(&feed), connect(&feed));
    // Until both are served.
    while feed.counters().connections < 2 {
        tokio::task::yield_now().await;
    }
    let begin = Instant::now();
    let (closed, code) = tokio::join!(feed.close(), polite.closed());
    assert_eq!((closed, code), ((), 1001));
    assert!(begin.elapsed() <= Duration::from_secs(2));
    assert_eq!(feed.counters().connections, 0);
    drop(deaf);
    assert_eq!(connect(&feed).closed().await, 1001);
}
