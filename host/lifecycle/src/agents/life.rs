//! One agent's life: it accepts messages, hands them to whichever generation serves, tries again or parks what fails.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use serde_json::json;
use skillhost_blackboard::{Channel, Message, Subscription};
use skillhost_types::{RunId, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::task::coop::unconstrained;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::handle::{Handled, handle};
use super::inbox::{Inbox, Owner};
use super::lease::{Lease, RENEW};
use super::plan::{Clock, Plan};
use super::queues::{Queues, Waiting};
use super::status::AgentStatus;
use super::vitals::Vitals;
use crate::config::Deliver;
use crate::host::{Inner, Notice};

/// Messages that are accepted in one transaction at the most.
const BATCH: usize = 256;

/// Messages that wait for one agent at the most, and their payloads in bytes. What comes while so many wait stays with the
/// blackboard, which counts what it has no room for.
const MOST_WAITING: usize = 100_000;
const MOST_WAITING_BYTES: usize = 64 << 20;

/// Messages whose ids are remembered: more than a subscription holds, of which two overlap while patterns change.
const REMEMBERED: usize = 4_096;

/// How long a message waits whose skill is gone just then; its agent goes with it.
const GONE: Duration = Duration::from_secs(1);

/// When nothing else is due. Only so that there is always something to wait for.
const IDLE: Duration = Duration::from_secs(3_600);

/// What a life is made of.
pub(super) struct Life {
    pub(super) inner: Arc<Inner>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) owner: Owner,
    pub(super) plan: watch::Receiver<Arc<Plan>>,
    /// Says that something parked waits again.
    pub(super) replayed: mpsc::Receiver<()>,
    pub(super) stop: CancellationToken,
    pub(super) vitals: Arc<Vitals>,
    pub(super) subscription: Subscription,
    pub(super) state: State,
}

/// What changes while it lasts.
#[derive(Default)]
pub(super) struct State {
    channels: Vec<String>,
    queues: Queues,
    remembered: Remembered,
    lease: Option<Lease>,
    renew_at: Option<Instant>,
    /// When the clock wakes it next, on both clocks.
    tick: Option<(Instant, Timestamp)>,
    /// Messages that were lost: the subscriptions before this one had no room for them, or they could not be written.
    missed: u64,
}

type Running = JoinSet<(Waiting, Handled)>;

impl Life {
    /// Lives until it is stopped. Handlers that run come to their end, and what was heard is accepted first.
    pub(super) async fn live(mut self) {
        self.state.channels.clone_from(&self.plan.borrow_and_update().channels);
        self.load().await;
        self.replan().await;
        let plan = self.plan.borrow().clone();
        let data = json!({"agent": plan.agent, "skill": plan.skill, "tenant": plan.tenant, "channels": plan.channels,
            "tags": plan.tags});
        self.inner.event("agent.joined", data).await;
        let mut running = Running::new();
        loop {
            self.begin(&mut running);
            self.vitals.waits(self.state.queues.len(), self.state.tick.map(|(_, at)| at));
            let missed = self.missed();
            if self.vitals.missed(missed) {
                let data = json!({"agent": self.owner.agent, "missed": missed});
                self.inner.event("agent.missed", data).await;
            }
            let wake = self.wakes_at();
            let has_room = self.state.queues.len() < MOST_WAITING && self.state.queues.bytes() < MOST_WAITING_BYTES;
            tokio::select! {
                () = self.stop.cancelled() => break,
                Ok(()) = self.plan.changed() => self.replan().await,
                batch = receive(&mut self.subscription), if has_room => self.accept(batch).await,
                Some(ended) = running.join_next() => self.ended(ended).await,
                Some(()) = self.replayed.recv() => self.load().await,
                () = tokio::time::sleep_until(wake) => self.wake().await,
            }
        }
        let heard = drain(&mut self.subscription);
        self.accept(heard).await;
        // Before the last handlers end: another host may take what comes from now on.
        if let Some(lease) = &mut self.state.lease {
            lease.give_up().await;
        }
        while let Some(ended) = running.join_next().await {
            self.ended(ended).await;
        }
        let data = json!({"agent": self.owner.agent, "missed": self.missed(), "waiting": self.state.queues.len()});
        self.inner.event("agent.left", data).await;
    }

    /// Messages that nobody had room for.
    fn missed(&self) -> u64 {
        self.state.missed + self.subscription.dropped()
    }

    /// Takes what waits on disk and is not here yet.
    async fn load(&mut self) {
        match self.inbox.waiting(self.owner.clone()).await {
            Ok(waiting) => {
                let here = self.state.queues.places();
                for message in waiting.into_iter().filter(|waiting| !here.contains(&waiting.seq)) {
                    self.state.queues.push(message);
                }
            }
            Err(error) => tracing::error!(agent = %self.owner.agent, %error, "its inbox cannot be read"),
        }
        self.vitals.parked(self.inbox.parked_of(self.owner.clone()).await.unwrap_or_default());
    }

    /// Lives by the plan as it is now.
    async fn replan(&mut self) {
        let plan = self.plan.borrow_and_update().clone();
        if plan.channels != self.state.channels {
            match self.inner.subscribe(&plan) {
                Ok(subscription) => {
                    // The new one hears already, so nothing falls between the two; what both heard is remembered.
                    let mut before = std::mem::replace(&mut self.subscription, subscription);
                    let heard = drain(&mut before);
                    self.accept(heard).await;
                    self.state.missed += before.dropped();
                    self.state.channels.clone_from(&plan.channels);
                }
                Err(error) => tracing::warn!(agent = %plan.agent, %error, "it goes on with the channels it had"),
            }
        }
        self.state.tick = plan.clock.as_ref().and_then(|clock| self.next_tick(clock));
        match plan.deliver {
            Deliver::All => {
                if let Some(mut lease) = self.state.lease.take() {
                    lease.give_up().await;
                }
                self.state.renew_at = None;
            }
            Deliver::One if self.state.lease.is_none() => {
                let holder = RunId::new(&*self.inner.source).to_string();
                match Lease::new(self.inner.services.blackboard.clone(), self.owner.clone(), holder) {
                    Ok(lease) => self.state.lease = Some(lease),
                    Err(error) => tracing::error!(agent = %plan.agent, %error, "it takes every message"),
                }
                self.renew().await;
            }
            Deliver::One => {}
        }
    }

    /// Is this the host whose turn it is?
    fn is_chosen(&self) -> bool {
        self.state.lease.as_ref().is_none_or(Lease::is_held)
    }

    async fn renew(&mut self) {
        if let Some(lease) = &mut self.state.lease {
            lease.renew().await;
            self.state.renew_at = Some(Instant::now() + RENEW);
        }
    }

    /// Puts messages down, unless another host has them.
    async fn accept(&mut self, mut batch: Vec<Arc<Message>>) {
        if self.state.lease.as_ref().is_some_and(Lease::is_void) {
            self.renew().await;
        }
        if !self.is_chosen() {
            return;
        }
        batch.retain(|message| self.state.remembered.is_new(message));
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        match self.inbox.accept(&self.owner, batch).await {
            Ok(accepted) => accepted.into_iter().for_each(|waiting| self.state.queues.push(waiting)),
            Err(error) => {
                self.state.missed += count;
                let data = json!({"agent": self.owner.agent, "missed": count, "error": error.to_string()});
                self.inner.event("system.error", data).await;
            }
        }
    }

    /// Hands over what may be handed over.
    fn begin(&mut self, running: &mut Running) {
        let plan = self.plan.borrow().clone();
        while running.len() < plan.concurrency
            && let Some(waiting) = self.state.queues.take(Instant::now())
        {
            let (inner, plan) = (self.inner.clone(), plan.clone());
            running.spawn(async move {
                let handled = AssertUnwindSafe(handle(&inner, &plan, &waiting.message)).catch_unwind().await;
                // What panicked has said so.
                (waiting, handled.unwrap_or_else(|_| Handled::Failed { error: "the host failed".into(), last: false }))
            });
        }
    }

    async fn ended(&mut self, ended: Result<(Waiting, Handled), tokio::task::JoinError>) {
        // Only a runtime that ends cancels tasks.
        let Ok((waiting, handled)) = ended else { return };
        let Waiting { seq, message, attempts } = waiting;
        let (channel, now) = (&message.channel, Instant::now());
        let attempts = attempts + 1;
        let written = match handled {
            Handled::Well => {
                self.state.queues.done(channel);
                let before = self.vitals.handled();
                if before > 0 {
                    self.status(None).await;
                }
                self.inbox.handled(seq).await
            }
            Handled::NotNow => return self.state.queues.postpone(channel, now + GONE),
            Handled::Failed { error, last } => {
                let retry = self.plan.borrow().retry.after(attempts).filter(|_| !last);
                self.vitals.failed(&error);
                self.status(Some(&error)).await;
                match retry {
                    Some(wait) => {
                        self.state.queues.again(channel, now + wait);
                        self.inbox.failed(seq, attempts, error).await
                    }
                    None => {
                        self.state.queues.done(channel);
                        let parked = self.inbox.park(seq, attempts, error.clone(), self.inner.source.now()).await;
                        self.vitals.parked(self.inbox.parked_of(self.owner.clone()).await.unwrap_or_default());
                        let gone = parked.as_ref().copied().unwrap_or_default();
                        let data = json!({"agent": self.owner.agent, "message": message.id, "channel": channel.as_str(),
                            "attempts": attempts, "error": error, "older_dropped": gone});
                        self.inner.event("agent.parked", data).await;
                        let (agent, channel) = (self.owner.agent.to_string(), channel.as_str().to_owned());
                        self.inner.notify(&Notice::AgentParked { agent, channel, reason: error });
                        parked.map(drop)
                    }
                }
            }
        };
        if let Err(error) = written {
            tracing::error!(agent = %self.owner.agent, %error, "what became of a message was not written; it comes again");
        }
    }

    async fn status(&self, error: Option<&str>) {
        let failures = self.vitals.failures();
        let status = AgentStatus::after(failures);
        let data = json!({"agent": self.owner.agent, "status": status, "failures": failures, "error": error});
        self.inner.event("agent.status", data).await;
    }

    fn wakes_at(&self) -> Instant {
        let times = [self.state.queues.due(), self.state.renew_at, self.state.tick.map(|(due, _)| due)];
        times.into_iter().flatten().min().unwrap_or_else(|| Instant::now() + IDLE)
    }

    /// Something is due.
    async fn wake(&mut self) {
        let now = Instant::now();
        if self.state.renew_at.is_some_and(|at| at <= now) {
            self.renew().await;
        }
        if self.state.tick.is_some_and(|(due, _)| due <= now) {
            let plan = self.plan.borrow().clone();
            self.state.tick = plan.clock.as_ref().and_then(|clock| self.next_tick(clock));
            self.tick(&plan).await;
        }
    }

    /// The clock's message, unless the one before it is still there.
    async fn tick(&mut self, plan: &Plan) {
        let Ok(channel) = Channel::new(&format!("schedule:{}", plan.agent)) else { return };
        if self.state.queues.holds(&channel) {
            return;
        }
        let at = self.inner.source.now();
        let message = Message {
            id: RunId::new(&*self.inner.source).to_string(),
            channel,
            payload: json!({"scheduled_at": at}).to_string().into(),
            source: Some("clock".into()),
            hops: 0,
            published_at: at,
        };
        self.accept(vec![Arc::new(message)]).await;
    }

    fn next_tick(&self, clock: &Clock) -> Option<(Instant, Timestamp)> {
        let now = self.inner.source.now();
        let at = match clock {
            Clock::Every(every) => Timestamp(now.0 + u64::try_from(every.as_millis()).ok()?),
            Clock::Cron(times) => {
                let now = DateTime::<Utc>::from_timestamp_millis(now.0.cast_signed())?;
                let next = times.0.find_next_occurrence(&now, false).ok()?;
                // Whole seconds, whatever part of one it is now.
                Timestamp(u64::try_from(next.timestamp()).ok()? * 1_000)
            }
        };
        Some((Instant::now() + Duration::from_millis(at.0.saturating_sub(now.0)), at))
    }
}

/// Waits for messages and takes those that are there.
async fn receive(subscription: &mut Subscription) -> Vec<Arc<Message>> {
    let Some(first) = subscription.next().await else {
        // The board is gone, and with it everything that there was to hear.
        return std::future::pending().await;
    };
    let mut batch = vec![first];
    while batch.len() < BATCH
        && let Some(Some(message)) = subscription.next().now_or_never()
    {
        batch.push(message);
    }
    batch
}

/// What was heard and not taken yet.
fn drain(subscription: &mut Subscription) -> Vec<Arc<Message>> {
    // Unconstrained: else the executor says after some messages that there are no more, to let others have their turn.
    std::iter::from_fn(|| unconstrained(subscription.next()).now_or_never().flatten()).collect()
}

/// The last messages: what two subscriptions both heard is one message. An id alone does not say that, as anybody may have given it.
#[derive(Default)]
struct Remembered {
    order: VecDeque<u64>,
    prints: HashSet<u64>,
}

impl Remembered {
    fn is_new(&mut self, message: &Message) -> bool {
        let mut hasher = DefaultHasher::new();
        (&message.id, &message.channel, &message.payload).hash(&mut hasher);
        let print = hasher.finish();
        if !self.prints.insert(print) {
            return false;
        }
        self.order.push_back(print);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.prints.remove(&oldest);
        }
        true
    }
}
