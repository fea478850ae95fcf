//! The messages that wait for one agent: of each channel one at a time and in order, across channels the oldest first.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use skillhost_blackboard::{Channel, Message};
use tokio::time::Instant;

/// A message that was accepted.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    /// Its place in the inbox: the order in which messages were accepted.
    pub(crate) seq: u64,
    pub(crate) message: Arc<Message>,
    /// How often it was handed over in vain.
    pub(crate) attempts: u32,
}

/// See above. A channel is in one place: ready, waiting for its next attempt, or taken.
#[derive(Default)]
pub(crate) struct Queues {
    channels: HashMap<Channel, VecDeque<Waiting>>,
    /// Channels by their first message.
    ready: BTreeMap<u64, Channel>,
    later: BTreeSet<(Instant, u64, Channel)>,
    count: usize,
    bytes: usize,
}

impl Queues {
    /// At the end of its channel.
    pub(crate) fn push(&mut self, waiting: Waiting) {
        self.count += 1;
        self.bytes += waiting.message.payload.len();
        let channel = waiting.message.channel.clone();
        match self.channels.get_mut(&channel) {
            Some(queue) => queue.push_back(waiting),
            None => {
                self.ready.insert(waiting.seq, channel.clone());
                self.channels.insert(channel, [waiting].into());
            }
        }
    }

    /// The oldest message whose turn it is. Its channel is taken until [`Self::done`] or [`Self::again`].
    pub(crate) fn take(&mut self, now: Instant) -> Option<Waiting> {
        while let Some((due, ..)) = self.later.first()
            && *due <= now
            && let Some((_, seq, channel)) = self.later.pop_first()
        {
            self.ready.insert(seq, channel);
        }
        let (_, channel) = self.ready.pop_first()?;
        self.channels.get(&channel)?.front().cloned()
    }

    /// The message that was taken from `channel` has its end; the next one may follow.
    pub(crate) fn done(&mut self, channel: &Channel) {
        let Some(queue) = self.channels.get_mut(channel) else { return };
        if let Some(first) = queue.pop_front() {
            self.count -= 1;
            self.bytes -= first.message.payload.len();
        }
        match queue.front() {
            Some(next) => drop(self.ready.insert(next.seq, channel.clone())),
            None => drop(self.channels.remove(channel)),
        }
    }

    /// The message that was taken from `channel` is tried again at `at`; the channel waits for it.
    pub(crate) fn again(&mut self, channel: &Channel, at: Instant) {
        if let Some(first) = self.channels.get_mut(channel).and_then(VecDeque::front_mut) {
            first.attempts += 1;
            self.later.insert((at, first.seq, channel.clone()));
        }
    }

    /// The same without an attempt: nobody was there to take it.
    pub(crate) fn postpone(&mut self, channel: &Channel, at: Instant) {
        if let Some(first) = self.channels.get(channel).and_then(VecDeque::front) {
            self.later.insert((at, first.seq, channel.clone()));
        }
    }

    /// The places of all messages.
    pub(crate) fn places(&self) -> HashSet<u64> {
        self.channels.values().flatten().map(|waiting| waiting.seq).collect()
    }

    /// When the next message that waits for another attempt is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.later.first().map(|(due, ..)| *due)
    }

    /// Does anything of `channel` wait, or is it being handled?
    pub(crate) fn holds(&self, channel: &Channel) -> bool {
        self.channels.contains_key(channel)
    }

    /// Messages, those that are being handled included.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Their payloads, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use skillhost_types::Timestamp;

    use super::*;

    fn message(seq: u64, channel: &str) -> Waiting {
        let channel = Channel::new(channel).unwrap();
        let id = seq.to_string();
        let message = Message { id, channel, payload: "{}".into(), source: None, hops: 0, published_at: Timestamp(0) };
        Waiting { seq, message: Arc::new(message), attempts: 0 }
    }

    #[test]
    fn a_channel_has_one_message_out_at_a_time_and_they_come_in_order() {
        let mut queues = Queues::default();
        for (seq, channel) in [(1, "a"), (2, "a"), (3, "b"), (4, "a")] {
            queues.push(message(seq, channel));
        }
        let now = Instant::now();
        let take = |queues: &mut Queues| queues.take(now).map(|waiting| waiting.seq);
        assert_eq!((take(&mut queues), take(&mut queues), take(&mut queues)), (Some(1), Some(3), None));
        queues.done(&Channel::new("a").unwrap());
        assert_eq!((take(&mut queues), take(&mut queues)), (Some(2), None));
        queues.done(&Channel::new("b").unwrap());
        queues.done(&Channel::new("a").unwrap());
        assert_eq!((take(&mut queues), queues.len()), (Some(4), 1));
    }

    #[test]
    fn a_message_that_failed_comes_again_before_what_is_behind_it_and_not_before_its_time() {
        let mut queues = Queues::default();
        queues.push(message(1, "a"));
        queues.push(message(2, "a"));
        queues.push(message(3, "b"));
        let now = Instant::now();
        let a = Channel::new("a").unwrap();
        assert_eq!(queues.take(now).unwrap().seq, 1);
        let due = now + Duration::from_secs(1);
        queues.again(&a, due);
        assert_eq!(queues.take(now).unwrap().seq, 3);
        assert!(queues.take(now).is_none());
        assert_eq!(queues.due(), Some(due));
        let again = queues.take(due).unwrap();
        assert_eq!((again.seq, again.attempts), (1, 1));
        queues.done(&a);
        assert_eq!(queues.take(due).unwrap().seq, 2);
        assert!(!queues.holds(&Channel::new("c").unwrap()) && queues.holds(&a));
    }
}
