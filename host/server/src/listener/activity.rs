//! What a connection has to do, and whether its other side takes it.
//!
//! Contract: a connection that has nothing to do, or whose answers nobody takes, is known after its time, whatever speaks HTTP on it.
//! Price: some atomic stores and two short locks per request, and a timer per connection, which requests leave alone.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::listener::watched::STALL;

/// How a connection fares. On HTTP/2 a reader may take nothing of one answer while the connection itself goes on.
pub(super) struct Activity {
    started: Instant,
    /// Was anything asked?
    asked: AtomicBool,
    /// Hears of the first request.
    first: Notify,
    /// Requests whose answers are not given out yet.
    waiting: AtomicUsize,
    /// The answers of which there is something to take, as far as is known, and since when nothing was taken.
    owed: Mutex<Vec<(u64, Instant)>>,
    /// What the next request is called here.
    next: AtomicU64,
    /// When something last came or was taken, in milliseconds since the start.
    last: AtomicU64,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            asked: AtomicBool::new(false),
            first: Notify::new(),
            waiting: AtomicUsize::new(0),
            owed: Mutex::default(),
            next: AtomicU64::new(0),
            last: AtomicU64::new(0),
        })
    }

    fn touch(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// For how long nothing came and nothing was taken.
    fn quiet(&self) -> Duration {
        self.started.elapsed().saturating_sub(Duration::from_millis(self.last.load(Ordering::Relaxed)))
    }

    /// Waits until a request came.
    pub(super) async fn asked(&self) {
        let first = self.first.notified();
        if !self.asked.load(Ordering::Acquire) {
            first.await;
        }
    }

    /// Waits until there was nothing to do for `limit`.
    pub(super) async fn idle(&self, limit: Duration) {
        loop {
            // What is not answered yet has all the time; afterwards this counts from its end.
            let quiet = if self.waiting.load(Ordering::Acquire) > 0 { Duration::ZERO } else { self.quiet() };
            match limit.checked_sub(quiet).filter(|left| !left.is_zero()) {
                Some(left) => tokio::time::sleep(left).await,
                None => return,
            }
        }
    }

    /// Waits until nothing was taken for [`STALL`] of an answer of which there is something to take.
    pub(super) async fn stalled(&self) {
        loop {
            tokio::time::sleep(STALL / 3).await;
            if self.owed().iter().any(|(_, since)| since.elapsed() >= STALL) {
                return;
            }
        }
    }

    fn owed(&self) -> MutexGuard<'_, Vec<(u64, Instant)>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request whose answer is not given out yet.
pub(super) struct Waiting {
    activity: Arc<Activity>,
    name: u64,
}

impl Waiting {
    pub(super) fn new(activity: &Arc<Activity>) -> Self {
        activity.touch();
        activity.waiting.fetch_add(1, Ordering::AcqRel);
        if !activity.asked.swap(true, Ordering::AcqRel) {
            activity.first.notify_waiters();
        }
        Self { activity: activity.clone(), name: activity.next.fetch_add(1, Ordering::Relaxed) }
    }

    /// Says whether there is something to take, from now on.
    pub(super) fn owe(&self, owed: bool) {
        self.activity.touch();
        let mut all = self.activity.owed();
        // As many as there are streams at the most, and one on HTTP/1.
        all.retain(|(name, _)| *name != self.name);
        if owed {
            all.push((self.name, Instant::now()));
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.owe(false);
        self.activity.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(40);

    async fn ends(waited: impl Future<Output = ()>) {
        tokio::time::timeout(Duration::from_secs(20), waited).await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_is_idle_from_the_end_of_its_last_request_on() {
        let activity = Activity::new();
        let waiting = Waiting::new(&activity);
        let idle = activity.idle(LIMIT);
        tokio::pin!(idle);
        assert!(tokio::time::timeout(LIMIT * 3, &mut idle).await.is_err(), "a request waits");
        let ended = Instant::now();
        drop(waiting);
        ends(idle).await;
        assert!(ended.elapsed() >= LIMIT - Duration::from_millis(1), "{:?}", ended.elapsed());
    }

    #[tokio::test]
    async fn the_first_request_is_heard_of_whether_it_came_before_or_comes_later() {
        let activity = Activity::new();
        let asked = activity.asked();
        tokio::pin!(asked);
        assert!(futures_util::poll!(&mut asked).is_pending());
        drop(Waiting::new(&activity));
        ends(asked).await;
        ends(activity.asked()).await;
    }

    #[tokio::test]
    async fn what_is_owed_is_counted_once_and_forgotten_with_the_answer() {
        let activity = Activity::new();
        let waiting = Waiting::new(&activity);
        waiting.owe(true);
        let since = activity.owed()[0].1;
        // What others ask meanwhile is no sign that this is taken.
        drop(Waiting::new(&activity));
        assert_eq!(*activity.owed(), [(0, since)]);
        waiting.owe(true);
        assert!(activity.owed().len() == 1 && activity.owed()[0].1 > since);
        drop(waiting);
        assert!(activity.owed().is_empty());
    }
}
