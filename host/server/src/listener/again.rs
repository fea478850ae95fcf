//! A task that wakes itself is polled again at once.
//!
//! Contract: what wakes the task while it is polled is not lost and costs no turn through the executor; every other wake is the
//! executor's. Price: two atomic stores per poll. Without it, every request with a body costs a turn, and often a call to the system
//! that wakes another thread for it: whoever reads the body wakes the connection that is just being polled.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Polls in a row after which others have their turn.
const ROW: usize = 4;

/// Between the future and the executor.
#[derive(Default)]
struct Relay {
    task: AtomicWaker,
    /// Is the future being polled?
    polling: AtomicBool,
    /// Was it woken since the poll began?
    woken: AtomicBool,
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // In this order, and the other way round in `again`: one of the two sees the other.
        self.woken.store(true, Ordering::SeqCst);
        if !self.polling.load(Ordering::SeqCst) {
            self.task.wake();
        }
    }
}

/// Runs `future` as a task of its own.
pub(super) async fn again<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let relay = Arc::new(Relay::default());
    let waker = Waker::from(relay.clone());
    poll_fn(move |context| {
        relay.task.register(context.waker());
        for _ in 0..ROW {
            relay.woken.store(false, Ordering::SeqCst);
            relay.polling.store(true, Ordering::SeqCst);
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            relay.polling.store(false, Ordering::SeqCst);
            if polled.is_ready() || !relay.woken.load(Ordering::SeqCst) {
                return polled;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use tokio::sync::Semaphore;

    use super::*;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Wakes itself so often before it is ready.
    fn restless(mut times: usize) -> impl Future<Output = ()> {
        poll_fn(move |context| {
            if times == 0 {
                return Poll::Ready(());
            }
            times -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }

    #[test]
    fn who_wakes_itself_is_polled_again_at_once_but_not_for_ever() {
        let wakes = Arc::new(Counted::default());
        let waker = Waker::from(wakes.clone());
        let mut context = Context::from_waker(&waker);
        assert!(pin!(again(restless(ROW - 1))).as_mut().poll(&mut context).is_ready());
        assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
        let mut long = pin!(again(restless(2 * ROW)));
        assert!(long.as_mut().poll(&mut context).is_pending());
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1, "the executor hears that there is more to do");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_wake_of_others_is_lost() {
        const ROUNDS: usize = 20_000;
        // They count, so that one player may be ahead of the other.
        let (ping, pong) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let player = |own: Arc<Semaphore>, other: Arc<Semaphore>| async move {
            for _ in 0..ROUNDS {
                other.add_permits(1);
                restless(1).await;
                own.acquire().await.unwrap().forget();
            }
        };
        let one = tokio::spawn(again(player(ping.clone(), pong.clone())));
        let two = tokio::spawn(again(player(pong, ping)));
        let both = async { (one.await.unwrap(), two.await.unwrap()) };
        tokio::time::timeout(Duration::from_secs(60), both).await.expect("a wake was lost");
    }
}
