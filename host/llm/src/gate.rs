//! Places at a provider, fair among tenants.
//!
//! Contract: at most so many calls hold a place. A place that is given back goes to the tenant that has waited longest
//! since its last turn: tenants take turns, and within one it is first come, first served, so that nobody who queues a
//! thousand calls keeps the others waiting. A dropped wait leaves the queue; a dropped [`Place`] is given back. Price:
//! a short lock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use skillhost_types::Tenant;
use tokio::sync::oneshot;

pub(crate) struct Gate {
    inner: Mutex<Inner>,
}

struct Inner {
    free: usize,
    /// Who waits, the next in turn first.
    waiting: VecDeque<(Tenant, VecDeque<oneshot::Sender<Place>>)>,
}

/// The right to be one of the calls at once.
pub(crate) struct Place {
    gate: Option<Arc<Gate>>,
}

impl Gate {
    pub(crate) fn new(places: usize) -> Self {
        Self { inner: Mutex::new(Inner { free: places, waiting: VecDeque::new() }) }
    }

    /// A place, as soon as it is this tenant's turn.
    pub(crate) async fn enter(self: &Arc<Self>, tenant: &Tenant) -> Place {
        loop {
            let turn = {
                let mut inner = self.lock();
                if inner.free > 0 {
                    inner.free -= 1;
                    return Place { gate: Some(Arc::clone(self)) };
                }
                let (sender, receiver) = oneshot::channel();
                match inner.waiting.iter_mut().find(|(name, _)| name == tenant) {
                    Some((_, queue)) => {
                        // Those who gave up, which otherwise only a free place would find.
                        queue.retain(|sender| !sender.is_closed());
                        queue.push_back(sender);
                    }
                    None => inner.waiting.push_back((tenant.clone(), VecDeque::from([sender]))),
                }
                receiver
            };
            // The sender is dropped only with the gate, which `self` holds.
            if let Ok(place) = turn.await {
                return place;
            }
        }
    }

    fn leave(self: &Arc<Self>) {
        let mut inner = self.lock();
        while let Some((tenant, mut queue)) = inner.waiting.pop_front() {
            let Some(sender) = queue.pop_front() else { continue };
            if !queue.is_empty() {
                inner.waiting.push_back((tenant, queue));
            }
            match sender.send(Place { gate: Some(Arc::clone(self)) }) {
                Ok(()) => return,
                // It gave up; its place must not come back here while the lock is held.
                Err(mut place) => place.gate = None,
            }
        }
        inner.free += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;

    use super::*;

    fn tenant(name: &str) -> Tenant {
        Tenant::new(name).unwrap()
    }

    fn wait(gate: &Arc<Gate>, name: &'static str) -> BoxFuture<'static, (&'static str, Place)> {
        let gate = Arc::clone(gate);
        async move { (name, gate.enter(&tenant(name)).await) }.boxed()
    }

    #[tokio::test]
    async fn tenants_take_turns_however_many_calls_one_has_queued() {
        let gate = Arc::new(Gate::new(1));
        let first = gate.enter(&tenant("greedy")).await;
        let mut waiting: Vec<_> = (0..5).map(|_| wait(&gate, "greedy")).collect();
        waiting.extend([wait(&gate, "modest"), wait(&gate, "late")]);
        for one in &mut waiting {
            assert!(one.now_or_never().is_none());
        }
        drop(first);
        let mut order = Vec::new();
        while !waiting.is_empty() {
            let mut served = None;
            for (index, one) in waiting.iter_mut().enumerate() {
                if let Some((name, place)) = one.now_or_never() {
                    assert!(served.replace((index, name, place)).is_none(), "one place, two calls");
                }
            }
            let (index, name, place) = served.unwrap();
            drop(waiting.remove(index));
            order.push(name);
            drop(place);
        }
        assert_eq!(order, ["greedy", "modest", "late", "greedy", "greedy", "greedy", "greedy"]);
    }

    #[tokio::test]
    async fn a_dropped_wait_and_a_dropped_place_leave_nothing_behind() {
        let gate = Arc::new(Gate::new(2));
        let (first, second) = (gate.enter(&tenant("a")).await, gate.enter(&tenant("a")).await);
        let mut given_up: Vec<_> = (0..10).map(|_| wait(&gate, "b")).collect();
        for one in &mut given_up {
            assert!(one.now_or_never().is_none());
        }
        // One of them has its place already when it is dropped.
        drop(first);
        drop(given_up);
        drop(second);
        assert_eq!(gate.lock().free, 2);
        assert!(gate.lock().waiting.is_empty());
    }
}
