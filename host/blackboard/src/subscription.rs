use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use skillhost_types::Glob;
use tokio::sync::mpsc;

use crate::Message;

/// Messages of some channels, in order. Dropping it unsubscribes.
#[derive(Debug)]
pub struct Subscription {
    messages: mpsc::Receiver<Arc<Message>>,
    dropped: Arc<AtomicU64>,
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
    pub(crate) fn new(patterns: Vec<Glob>, queue: usize) -> (Self, Subscription) {
        let (sender, messages) = mpsc::channel(queue.max(1));
        let dropped = Arc::new(AtomicU64::new(0));
        (Self { patterns, queue: sender, dropped: dropped.clone() }, Subscription { messages, dropped })
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.queue.is_closed()
    }

    /// Delivers `message` if it is for this subscriber. Says whether it got it.
    pub(crate) fn offer(&self, message: &Arc<Message>) -> bool {
        if !self.patterns.iter().any(|pattern| pattern.matches(message.channel.as_str())) {
            return false;
        }
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
