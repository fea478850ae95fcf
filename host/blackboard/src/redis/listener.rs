//! The connection for messages.
//!
//! Contract: while the server is there, it knows within milliseconds what the subscribers of this process listen to, and what
//! comes is delivered in the order in which Redis sent it. After a loss all is subscribed to again as soon as the server is back.
//! Messages that were published meanwhile are lost, as Redis loses them. Price: no connection while nobody subscribes;
//! otherwise one, on which Redis sends a message once for every pattern that it matches; the last one is held to know it by.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, PushInfo, PushKind, RedisResult, Value};
use skillhost_types::{Source, Tenant};
use tokio::sync::{Notify, watch};

use super::link::{Link, State, connect, watch_over};
use super::names::Names;
use super::sent::Sent;
use crate::hub::Hub;
use crate::{Message, envelope};

/// Pause before the next try, when the server is there and subscribing fails.
const PAUSE: Duration = Duration::from_millis(200);

/// Patterns that are subscribed to in one command.
const BATCH: usize = 256;

/// Starts to listen. Gives the version of the hub that the server knows of.
pub(super) fn start(link: &Link, client: Client, receiver: Receiver) -> watch::Receiver<u64> {
    let (known, subscribed) = watch::channel(0);
    let receiver = Arc::new(receiver);
    let state = link.watch();
    link.spawn(async move {
        // Ends when the board is gone, and its hub with it.
        let _ = listen(client, receiver, state, &known).await;
    });
    subscribed
}

/// What becomes of the messages that come.
pub(super) struct Receiver {
    names: Arc<Names>,
    hub: Arc<Hub>,
    sent: Arc<Sent>,
    source: Arc<dyn Source>,
    /// Longest payload that is delivered, in bytes, without what a host adds.
    largest: u64,
    /// Payloads that were not.
    refused: AtomicU64,
}

/// The message that came last on a connection. Redis sends it for all patterns that it matches before it sends the next.
struct Last {
    digest: u64,
    patterns: BTreeSet<String>,
    message: Arc<Message>,
}

impl Last {
    /// The message, if this is it for another pattern.
    fn again(&mut self, digest: u64, pattern: &str) -> Option<Arc<Message>> {
        (self.digest == digest && self.patterns.insert(pattern.to_owned())).then(|| self.message.clone())
    }
}

async fn listen(
    client: Client,
    receiver: Arc<Receiver>,
    mut state: watch::Receiver<State>,
    known: &watch::Sender<u64>,
) -> Result<(), watch::error::RecvError> {
    let mut version = receiver.hub.version();
    loop {
        let current = *version.borrow_and_update();
        if receiver.hub.wanted().is_empty() {
            known.send_replace(current);
            version.changed().await?;
            continue;
        }
        state.wait_for(|state| matches!(state, State::Up(_))).await?;
        if let Err(error) = serve(&client, &receiver, &mut version, known).await {
            tracing::warn!(%error, "the blackboard's subscriptions are interrupted");
        }
        // Nothing is subscribed to until it is again.
        known.send_replace(0);
        // A server that drops every subscription at once must not keep a core busy.
        tokio::time::sleep(PAUSE).await;
    }
}

/// Keeps a connection subscribed until it is lost or nobody listens any more.
async fn serve(
    client: &Client,
    receiver: &Arc<Receiver>,
    version: &mut watch::Receiver<u64>,
    known: &watch::Sender<u64>,
) -> RedisResult<()> {
    let alarm = Arc::new(Notify::new());
    let on_push = {
        let (receiver, alarm, last) = (receiver.clone(), alarm.clone(), Mutex::new(None));
        move |info: PushInfo| {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            match info.kind {
                PushKind::PMessage => receiver.receive(&info.data, &mut last),
                // From here on a message comes for other patterns.
                PushKind::PSubscribe | PushKind::PUnsubscribe => *last = None,
                PushKind::Disconnection => alarm.notify_one(),
                _ => {}
            }
            Ok::<(), ()>(())
        }
    };
    let mut connection = connect(client, on_push).await?;
    // What was sent before it does not come on this connection.
    receiver.sent.forget();
    let watched = watch_over(connection.clone(), &alarm);
    tokio::pin!(watched);
    let mut subscribed = BTreeSet::new();
    loop {
        let current = *version.borrow_and_update();
        let wanted = receiver.hub.wanted();
        if wanted.is_empty() {
            return Ok(());
        }
        reconcile(&mut connection, &receiver.names, &mut subscribed, wanted).await?;
        known.send_replace(current);
        tokio::select! {
            error = &mut watched => return Err(error),
            // It cannot fail: the receiver holds the hub.
            _ = version.changed() => {}
        }
    }
}

/// Subscribes to what is wanted, and no more.
async fn reconcile(
    connection: &mut MultiplexedConnection,
    names: &Names,
    subscribed: &mut BTreeSet<String>,
    wanted: BTreeSet<(Tenant, String)>,
) -> RedisResult<()> {
    let wanted: BTreeSet<String> = wanted.iter().map(|(tenant, pattern)| names.pattern(tenant, pattern)).collect();
    let added: Vec<&String> = wanted.difference(subscribed).collect();
    for batch in added.chunks(BATCH) {
        connection.psubscribe(batch).await?;
    }
    let gone: Vec<&String> = subscribed.difference(&wanted).collect();
    for batch in gone.chunks(BATCH) {
        connection.punsubscribe(batch).await?;
    }
    *subscribed = wanted;
    Ok(())
}

impl Receiver {
    /// Takes what is for the subscribers of `hub`, as far as it has no more than `largest` bytes.
    pub(super) fn new(
        names: Arc<Names>,
        hub: Arc<Hub>,
        sent: Arc<Sent>,
        source: Arc<dyn Source>,
        largest: u64,
    ) -> Self {
        Self { names, hub, sent, source, largest, refused: AtomicU64::new(0) }
    }

    /// Delivers a message. Called between two reads of the connection, so it does not wait.
    fn receive(&self, data: &[Value], last: &mut Option<Last>) {
        let [Value::BulkString(pattern), Value::BulkString(name), Value::BulkString(payload)] = data else { return };
        let Ok(pattern) = std::str::from_utf8(pattern) else { return };
        if payload.len() as u64 > self.largest.saturating_add(envelope::ROOM) {
            return self.refuse(name, "it is too long");
        }
        let Ok(text) = std::str::from_utf8(payload) else { return self.refuse(name, "it is no UTF-8") };
        let Some((tenant, pattern)) = self.names.owner(pattern) else { return };
        // A pattern may match what is another tenant's.
        let Some(channel) = self.names.channel(&tenant, name) else { return };
        let digest = self.sent.digest(name, payload);
        let message = if let Some(message) = last.as_mut().and_then(|last| last.again(digest, pattern)) {
            message
        } else {
            let opened = envelope::open(channel, text, &*self.source, || self.sent.take(digest));
            let Ok(message) = opened.map(Arc::new) else { return self.refuse(name, "it is no JSON") };
            *last = Some(Last { digest, patterns: BTreeSet::from([pattern.to_owned()]), message: message.clone() });
            message
        };
        self.hub.deliver_for(&tenant, pattern, &message);
    }

    fn refuse(&self, name: &[u8], why: &str) {
        let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        // Once, not for every message of a program that speaks otherwise; then with every doubling.
        if refused.is_power_of_two() {
            let channel = String::from_utf8_lossy(name);
            tracing::warn!(%channel, why, refused, "a message from Redis was dropped");
        }
    }
}
