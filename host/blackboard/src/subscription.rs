use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use skillhost_types::Glob;
use tokio::sync::{mpsc, watch};

use crate::Message;

/// Messages of some channels, in order. Dropping it unsubscribes.
#[derive(Debug)]
pub struct Subscription {
    // Goes first, so that who hears of the departure finds it gone.
    messages: mpsc::Receiver<Arc<Message>>,
    dropped: Arc<AtomicU64>,
    _departure: Departure,
}

/// Counts the version up when a subscription goes.
#[derive(Debug)]
struct Departure(watch::Sender<u64>);

impl Drop for Departure {
    fn drop(&mut self) {
        self.0.send_modify(|version| *version += 1);
    }
}

impl Subscription {
    /// Waits for the next message; none when the board is gone.
    pub async fn next(&mut self) -> Option<Arc<Message>> {
        self.messages.recv().await
    }

    /// Messages that came while the queue was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The board's end of a subscription.
#[derive(Debug)]
pub(crate) struct Subscriber {
    patterns: Vec<Glob>,
    queue: mpsc::Sender<Arc<Message>>,
    dropped: Arc<AtomicU64>,
}

impl Subscriber {
    pub(crate) fn new(patterns: Vec<Glob>, queue: usize, version: watch::Sender<u64>) -> (Self, Subscription) {
        let (sender, messages) = mpsc::channel(queue.max(1));
        let dropped = Arc::new(AtomicU64::new(0));
        let subscription = Subscription { messages, dropped: dropped.clone(), _departure: Departure(version) };
        (Self { patterns, queue: sender, dropped }, subscription)
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.queue.is_closed()
    }

    pub(crate) fn patterns(&self) -> &[Glob] {
        &self.patterns
    }

    /// The pattern for which the subscriber is to have `message`.
    pub(crate) fn first_match(&self, message: &Message) -> Option<&Glob> {
        self.patterns.iter().find(|pattern| pattern.matches(message.channel.as_str()))
    }

    /// Queues `message`. Says whether there was room.
    pub(crate) fn offer(&self, message: &Arc<Message>) -> bool {
        match self.queue.try_send(message.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                false
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}
