//! The board on a Redis server, 7.0 or newer, or Valkey: shared by all hosts on it, and by every program that speaks to it.
//!
//! Contract: a key is `{prefix}:{key}` for the default tenant and `{prefix}:@{tenant}:{key}` for any other, its value a plain
//! string; a channel the same. Every call ends within [`LISTING`], most within [`link::ANSWER`], also when the server
//! is gone; then it is `Unavailable`, and a change may have been made or not: nothing is sent twice. What Redis is bound by is
//! its `maxmemory`: [`BoardLimits::keys`] and [`BoardLimits::total_bytes`] are not counted there. Listing and
//! clearing pass over what is no string, and clear while they walk: keys that come meanwhile may stay. A pattern of the default
//! tenant that begins wild matches other tenants' channels on the server: it counts as a receiver there, and hears nothing.
//! What is no object travels without what the host says of it: on the host that sent it, it is known again as [`sent`] says, on
//! others it comes from outside, with no hops.
//! Calls are made inside a tokio runtime with a clock.
//! Price: a thread, two connections (the second while somebody subscribes), and a round trip per call, 60 µs to a server on the
//! same machine; a message takes 80 µs to a subscriber. Listing walks the whole database a thousand keys at a time, other
//! programs' keys as well, 2 µs each.

mod link;
mod listener;
mod merge;
mod names;
mod scripts;
mod sent;
mod walk;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ::redis::{Client, IntoConnectionInfo as _, ProtocolVersion, RedisError};
use async_trait::async_trait;
use skillhost_types::{Glob, Source, Tenant};
use tokio::sync::watch;
use tracing::{Instrument as _, Span, info_span};

use crate::health::Notices;
use crate::hub::Hub;
use crate::limits::not_a_number;
use crate::{
    Backend, Blackboard, BoardError, BoardLimits, BoardNotice, Health, Key, Message, Selection, Subscription, Ttl,
    envelope,
};
use link::{Link, State};
use listener::Receiver;
use names::Names;
use scripts::Scripts;
use sent::Sent;
use walk::Walk;

/// Longest time that listing or clearing takes: half of what a host call may. A million keys take about a second.
const LISTING: Duration = Duration::from_secs(5);

/// Longest time that a message waits for the board's own subscriptions to be back, after which it is sent without them.
const SUBSCRIBED: Duration = Duration::from_secs(2);

/// Longest time that opening waits for the server. One that is not there by then is connected to later.
const OPENING: Duration = Duration::from_secs(1);

/// Where the server is and what is this platform's there.
#[derive(Clone)]
pub struct RedisOptions {
    /// `redis://`, `rediss://` for TLS, or `unix://`.
    pub url: String,
    /// Its password, if it is not in the URL.
    pub password: Option<String>,
    /// What every key and channel begins with, before a colon.
    pub prefix: String,
}

/// The board on Redis.
pub struct RedisBoard {
    limits: BoardLimits,
    names: Arc<Names>,
    scripts: Scripts,
    link: Link,
    hub: Arc<Hub>,
    sent: Arc<Sent>,
    /// The version of the hub that the server knows of.
    subscribed: watch::Receiver<u64>,
}

impl RedisBoard {
    /// Opens the board, with or without its server. Waits for the first connection a second at the most; needs no runtime.
    /// An error says that the options are wrong.
    pub fn open(
        options: RedisOptions,
        limits: BoardLimits,
        source: Arc<dyn Source>,
        notices: Notices,
    ) -> Result<Self, BoardError> {
        let board = Self::start(options, limits, source)?;
        let address = board.link.address().to_owned();
        board.link.tell(move |change| match change {
            State::Up(_) => notices(BoardNotice::Back { merged: 0, dropped: 0, keys: Vec::new() }),
            State::Down(error) => {
                notices(BoardNotice::Lost { error: format!("{address}: {error}"), in_memory: false });
            }
        });
        board.link.wait(OPENING);
        Ok(board)
    }

    /// The board without anybody who is told.
    pub(crate) fn start(
        options: RedisOptions,
        limits: BoardLimits,
        source: Arc<dyn Source>,
    ) -> Result<Self, BoardError> {
        let names = Arc::new(Names::new(&options.prefix)?);
        let wrong = |error: RedisError| BoardError::Invalid(format!("`blackboard.redis.url` is wrong: {error}"));
        let info = options.url.as_str().into_connection_info().map_err(wrong)?;
        let mut settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        if let Some(password) = options.password.filter(|password| !password.is_empty()) {
            settings = settings.set_password(password);
        }
        // Of the process, as TLS libraries in it may be several; an error says that somebody has chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::open(info.set_redis_settings(settings)).map_err(wrong)?;
        let link = Link::open(client.clone())?;
        let hub = Arc::new(Hub::new(&limits));
        let sent = Arc::new(Sent::new(source.clone()));
        let receiver = Receiver::new(names.clone(), hub.clone(), sent.clone(), source, limits.value_bytes);
        let subscribed = listener::start(&link, client, receiver);
        Ok(Self { limits, names, scripts: Scripts::new(), link, hub, sent, subscribed })
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Sends one command and reads the answer.
    async fn ask<T: ::redis::FromRedisValue>(&self, key: &str, command: &::redis::Cmd) -> Result<T, BoardError> {
        let mut connection = self.link.connection()?;
        let operation = || match command.args_iter().next() {
            Some(::redis::Arg::Simple(name)) => std::str::from_utf8(name).ok(),
            _ => None,
        };
        let span = info_span!("redis", otel.name = operation(), otel.kind = "client", db.system.name = "redis");
        command.query_async(&mut connection).instrument(span).await.map_err(|error| self.failed(key, &error))
    }

    /// What a skill is told of an error.
    fn failed(&self, key: &str, error: &RedisError) -> BoardError {
        match error.code() {
            Some("WRONGTYPE") => BoardError::Invalid(format!("`{key}` holds no text: another program put it there")),
            Some("OOM") => BoardError::Limit("Redis is out of memory; delete keys or raise its `maxmemory`".into()),
            _ => {
                if error.is_io_error() {
                    self.link.suspect();
                }
                BoardError::Unavailable(format!("Redis did not answer: {error}; whether it did it is not known"))
            }
        }
    }

    /// Waits until the server knows who subscribes to this board, so that they hear what is published now.
    async fn subscribed(&self) {
        let version = *self.hub.version().borrow();
        let mut subscribed = self.subscribed.clone();
        let known = subscribed.wait_for(|known| *known >= version);
        if tokio::time::timeout(SUBSCRIBED, known).await.is_err() {
            tracing::warn!("a message is sent to Redis while this host's own subscriptions are not back");
        }
    }
}

/// The span of a script.
fn script(name: &'static str) -> Span {
    info_span!("redis", otel.name = "EVALSHA", otel.kind = "client", db.system.name = "redis", script = name)
}

fn millis(lives: Duration) -> u64 {
    u64::try_from(lives.as_millis()).unwrap_or(u64::MAX)
}

async fn within<T>(work: impl Future<Output = Result<T, BoardError>>) -> Result<T, BoardError> {
    let late = |_| {
        BoardError::Unavailable(format!(
            "Redis holds too many keys to walk through in {} s; use keys that are known",
            LISTING.as_secs()
        ))
    };
    tokio::time::timeout(LISTING, work).await.map_err(late)?
}

#[async_trait]
impl Blackboard for RedisBoard {
    async fn get(&self, tenant: &Tenant, key: &Key) -> Result<Option<String>, BoardError> {
        let mut command = ::redis::cmd("GET");
        command.arg(self.names.of(tenant, key.as_str()));
        let bytes: Option<Vec<u8>> = self.ask(key.as_str(), &command).await?;
        let no_text = |_| BoardError::Invalid(format!("`{}` holds bytes that are no UTF-8", key.as_str()));
        bytes.map(String::from_utf8).transpose().map_err(no_text)
    }

    async fn set(&self, tenant: &Tenant, key: &Key, value: String, ttl: Ttl) -> Result<(), BoardError> {
        self.limits.check_value(key, &value)?;
        let mut command = ::redis::cmd("SET");
        command.arg(self.names.of(tenant, key.as_str())).arg(value);
        if let Some(lives) = self.limits.lifetime(ttl) {
            command.arg("PX").arg(millis(lives).max(1));
        }
        self.ask(key.as_str(), &command).await
    }

    async fn compare_and_swap(
        &self,
        tenant: &Tenant,
        key: &Key,
        expected: Option<&str>,
        value: String,
        ttl: Ttl,
    ) -> Result<bool, BoardError> {
        let mut connection = self.link.connection()?;
        let lives = self.limits.lifetime(ttl).map_or(0, |lives| millis(lives).max(1));
        // As on the other boards, a swap that would not happen is not refused.
        let refused = self.limits.check_value(key, &value).err();
        let name = self.names.of(tenant, key.as_str());
        let swapped = self.scripts.swap(&mut connection, &name, expected, refused.is_none().then_some(&value), lives);
        match (swapped.instrument(script("swap")).await.map_err(|error| self.failed(key.as_str(), &error))?, refused) {
            (true, Some(refused)) => Err(refused),
            (swapped, _) => Ok(swapped),
        }
    }

    async fn add(&self, tenant: &Tenant, key: &Key, delta: i64) -> Result<i64, BoardError> {
        let mut connection = self.link.connection()?;
        let lives = self.limits.lifetime(Ttl::Default).map_or(0, |lives| millis(lives).max(1));
        let name = self.names.of(tenant, key.as_str());
        let sum = self.scripts.add(&mut connection, &name, delta, lives).instrument(script("add")).await;
        sum.map_err(|error| self.failed(key.as_str(), &error))?.ok_or_else(|| not_a_number(key))
    }

    async fn delete(&self, tenant: &Tenant, key: &Key) -> Result<bool, BoardError> {
        let mut command = ::redis::cmd("UNLINK");
        command.arg(self.names.of(tenant, key.as_str()));
        self.ask(key.as_str(), &command).await
    }

    async fn exists(&self, tenant: &Tenant, key: &Key) -> Result<bool, BoardError> {
        let mut command = ::redis::cmd("EXISTS");
        command.arg(self.names.of(tenant, key.as_str()));
        self.ask(key.as_str(), &command).await
    }

    async fn keys(&self, tenant: &Tenant, meant: &Selection, limit: usize) -> Result<Vec<Key>, BoardError> {
        let mut walk = Walk::new(self, tenant, meant)?;
        let mut found = BTreeSet::new();
        within(async {
            while let Some(batch) = walk.next().await? {
                found.extend(batch);
                while found.len() > limit {
                    found.pop_last();
                }
            }
            Ok(found.into_iter().collect())
        })
        .await
    }

    async fn clear(&self, tenant: &Tenant, meant: &Selection) -> Result<u64, BoardError> {
        let mut walk = Walk::new(self, tenant, meant)?;
        within(async {
            let mut cleared = 0;
            while let Some(batch) = walk.next().await? {
                if batch.is_empty() {
                    continue;
                }
                let mut command = ::redis::cmd("UNLINK");
                for key in &batch {
                    command.arg(self.names.of(tenant, key.as_str()));
                }
                cleared += self.ask::<u64>(meant.pattern.as_str(), &command).await?;
            }
            Ok(cleared)
        })
        .await
    }

    async fn publish(&self, tenant: &Tenant, message: Message) -> Result<u32, BoardError> {
        let message = self.limits.check_message(message)?;
        self.subscribed().await;
        let channel = message.channel.as_str();
        let name = self.names.of(tenant, channel);
        let sealed = envelope::seal(&message);
        // Without a subscriber here, it does not come back.
        if sealed.is_none() && self.hub.awaits(tenant, &message) {
            let digest = self.sent.digest(name.as_bytes(), message.payload.as_bytes());
            self.sent.keep(digest, envelope::Stamp::of(&message));
        }
        let mut command = ::redis::cmd("PUBLISH");
        command.arg(name).arg(sealed.as_deref().unwrap_or(&message.payload));
        self.ask(channel, &command).await
    }

    fn subscribe(&self, tenant: &Tenant, patterns: Vec<Glob>) -> Result<Subscription, BoardError> {
        self.hub.subscribe(tenant, patterns)
    }

    fn health(&self) -> Health {
        Health {
            backend: Backend::Redis,
            degraded: self.link.down().map(|error| error.to_string()),
            losses: self.link.losses(),
        }
    }
}
