//! One client's connection.
//!
//! Contract: a client is heard only once it is known who it is, and no longer than its token is good; what it says is small, and
//! seldom. It is closed with 1001 when the host stops, with 1008 when it is not let in, breaks the rules or its token
//! ends, and with 1013 when it takes nothing, or so little that the feed went on without it: it is to come back with `since`;
//! so when its address has as many connections as it may.
//! Price: a task, the buffers of [`upgrade`], and what the system keeps for a socket.

mod entrance;
mod pulse;
mod wire;

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use tokio::time::{Instant, sleep_until, timeout};

use crate::connections::Place;
use crate::feed::Feed;
use crate::hub::Wakes;
use crate::message::{Reply, Request, Subscribe};
use crate::pace::Pace;
use crate::subscription::{Next, Subscription, Viewer};
use pulse::{Beat, Pulse};
use wire::{End, Heard, Socket, Wire};

pub use entrance::{Entrance, Pass, TokenCheck};

/// How long a subscription waits for the hub to learn of what its client knows already, from `GET /api/events` perhaps, or to
/// have read what was before the start: several looks at the log.
const CATCH_UP: Duration = Duration::from_secs(1);

/// Largest message that is read, in bytes: a subscription with all its patterns takes 1.5 KiB.
const LARGEST_REQUEST: usize = 8 << 10;

/// A client's buffer for reading, in bytes. The usual 128 KiB would be 128 MiB for a thousand clients.
const READ_BUFFER: usize = 2 << 10;

/// Bytes that gather before they are handed to the system: a burst of usual events, which goes out in one piece anyway.
const WRITE_BUFFER: usize = 16 << 10;

/// What a client's buffer for writing never exceeds, in bytes: [`WRITE_BUFFER`] and the largest event, of 128 KiB, with room
/// to spare.
const LARGEST_WRITE_BUFFER: usize = 256 << 10;

/// Sets the limits of a connection: what it may say at once, and what is kept of what it does not take.
pub fn upgrade<F>(upgrade: WebSocketUpgrade<F>) -> WebSocketUpgrade<F> {
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(LARGEST_WRITE_BUFFER)
        .max_message_size(LARGEST_REQUEST)
        .max_frame_size(LARGEST_REQUEST)
}

/// Serves a client until one of both has enough. Its connection must have been [upgraded](upgrade) with the feed's limits, from a TCP
/// stream without delay (`TCP_NODELAY`): with it, events would wait for the client's acknowledgement of those before.
pub async fn serve(socket: WebSocket, feed: Feed, entrance: Entrance, place: Place) {
    converse(socket, &feed, entrance, place).await;
}

async fn converse<S: Socket>(socket: S, feed: &Feed, entrance: Entrance, mut place: Place) {
    let _present = feed.enter();
    let mut wire = Wire::new(socket, feed.config().send_timeout);
    let end = tokio::select! {
        biased;
        () = feed.closing() => End::Stopping,
        end = attend(&mut wire, feed, entrance, &mut place) => end,
    };
    if end == End::Slow {
        feed.counts().slow.fetch_add(1, Ordering::Relaxed);
    }
    wire.close(end).await;
}

async fn attend<S: Socket>(wire: &mut Wire<S>, feed: &Feed, entrance: Entrance, place: &mut Place) -> End {
    let pass = match entrance.pass(wire, || place.become_known()).await {
        Ok(pass) => pass,
        Err(end) => return end,
    };
    let session = Session {
        wire,
        feed,
        viewer: pass.viewer.clone(),
        wakes: feed.hub().wakes(),
        subscription: None,
        pace: Pace::new(feed.config().rate),
        pulse: Pulse::new(Instant::now(), feed.config().send_timeout),
        next: VecDeque::new(),
    };
    tokio::select! {
        end = session.run() => end,
        () = pass.ended() => End::Revoked,
    }
}

struct Session<'a, S> {
    wire: &'a mut Wire<S>,
    feed: &'a Feed,
    viewer: Viewer,
    wakes: Wakes,
    subscription: Option<Subscription>,
    /// Of the client, not of its subscription: subscribing again gives nobody more.
    pace: Pace,
    pulse: Pulse,
    next: VecDeque<Next>,
}

impl<S: Socket> Session<'_, S> {
    async fn run(mut self) -> End {
        loop {
            if let Err(end) = self.step().await {
                return end;
            }
        }
    }

    async fn step(&mut self) -> Result<(), End> {
        self.advance().await?;
        match self.pulse.beat(Instant::now()) {
            Beat::Still => {}
            Beat::Ping => self.wire.ping().await?,
            Beat::Dead => return Err(End::Slow),
        }
        let subscribed = self.subscription.is_some();
        let exhausted = self.pace.exhausted_until().filter(|_| subscribed);
        let until = exhausted.map_or(self.pulse.next(), |until| until.min(self.pulse.next()));
        tokio::select! {
            heard = self.wire.hear() => match heard? {
                Heard::Nothing => Ok(()),
                Heard::Pong => {
                    self.pulse.answered();
                    Ok(())
                }
                Heard::Request(request) => self.obey(request).await,
            },
            () = self.wakes.next(exhausted.is_some()), if subscribed => Ok(()),
            () = sleep_until(until) => Ok(()),
        }
    }

    async fn obey(&mut self, request: Result<Request, String>) -> Result<(), End> {
        match request {
            Ok(Request::Subscribe(request)) => self.subscribe(request).await,
            Ok(Request::Unsubscribe { .. }) => {
                self.end_subscription().await?;
                self.wire.say(&Reply::unsubscribed()).await
            }
            Ok(Request::Auth { .. }) => {
                self.wire.say(&Reply::Error { message: "it is known already who you are: subscribe" }).await
            }
            Err(message) => self.wire.say(&Reply::Error { message: &message }).await,
        }
    }

    async fn subscribe(&mut self, request: Subscribe) -> Result<(), End> {
        self.end_subscription().await?;
        let hub = self.feed.hub();
        if timeout(CATCH_UP, self.wakes.primed()).await.is_err() {
            let message = "the event log is not at hand yet: subscribe again in a moment";
            return self.wire.say(&Reply::Error { message }).await;
        }
        if let Some(since) = request.since.as_ref().filter(|since| since.epoch == hub.epoch()) {
            // If it does not come to that, the subscription says that it is not recovered.
            let _ = timeout(CATCH_UP, self.wakes.reached(since.seq)).await;
        }
        let (subscription, start) =
            Subscription::start(hub, self.viewer.clone(), request.kinds, request.since, self.feed.config().replay);
        self.subscription = Some(subscription);
        let count = start.replayed.len();
        self.wire.put(&Reply::subscribed(hub.epoch(), start.head, start.recovered, count)).await?;
        for event in &start.replayed {
            self.wire.pass_on(event.message().clone()).await?;
        }
        self.feed.counts().events.fetch_add(count as u64, Ordering::Relaxed);
        self.wire.flush().await
    }

    /// Sends what is left of the subscription, and tells what is not sent.
    async fn end_subscription(&mut self) -> Result<(), End> {
        self.advance().await?;
        self.subscription = None;
        self.next.extend(self.pace.settle().map(Next::Gap));
        self.deliver().await
    }

    /// Sends what happened.
    async fn advance(&mut self) -> Result<(), End> {
        if let Some(subscription) = &mut self.subscription {
            let now = Instant::now();
            let advanced = subscription.advance(self.feed.hub(), &mut self.pace, now, &mut self.next);
            // It did not get its turn while the whole ring went by.
            advanced.map_err(|_| End::Slow)?;
        }
        self.deliver().await
    }

    async fn deliver(&mut self) -> Result<(), End> {
        if self.next.is_empty() {
            return Ok(());
        }
        let counts = self.feed.counts();
        while let Some(next) = self.next.pop_front() {
            self.pulse.sent();
            match next {
                Next::Event(event) => {
                    self.wire.pass_on(event.message().clone()).await?;
                    counts.events.fetch_add(1, Ordering::Relaxed);
                }
                Next::Gap(gap) => {
                    self.wire.put(&gap.into()).await?;
                    counts.suppressed.fetch_add(gap.suppressed, Ordering::Relaxed);
                }
            }
        }
        self.wire.flush().await
    }
}

#[cfg(test)]
mod tests;
