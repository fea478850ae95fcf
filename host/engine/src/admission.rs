//! A place for every run, ahead of the instance pool, and fair among skills.
//!
//! Contract: at most `places` runs at once; while there is contention the skills that wait take turns,
//! whatever the length of their queues, and one skill never holds the last quarter of the places, so a
//! skill that fills up with slow runs leaves room for the others. Price: a short lock when a run begins
//! and when it ends; nothing else while places are free.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use skillhost_types::SkillName;
use tokio::sync::oneshot;

/// Runs that may wait per place. What is beyond would not be served within any sensible queueing time.
const WAITING_PER_PLACE: usize = 64;

/// No place came free within the queueing time, or too many wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no place for a run came free ({places} are in use or reserved for other skills); try again, or raise \
     `limits.concurrency` or `limits.queue_timeout`"
)]
pub struct Overloaded {
    places: usize,
}

/// Hands out the places.
#[derive(Clone)]
pub struct Admission {
    shared: Arc<Shared>,
}

struct Shared {
    places: usize,
    per_skill: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    used: usize,
    waiting: usize,
    skills: HashMap<SkillName, PerSkill>,
    /// The skills that have runs waiting, next turn first.
    turns: VecDeque<SkillName>,
}

#[derive(Default)]
struct PerSkill {
    running: usize,
    queue: VecDeque<oneshot::Sender<Permit>>,
}

/// A place. Dropping it gives it to the next in turn.
pub struct Permit {
    /// None once the place was passed on.
    held: Option<(Arc<Shared>, SkillName)>,
}

impl Admission {
    /// Places for `places` runs at once.
    pub fn new(places: usize) -> Self {
        let places = places.max(1);
        // With fewer than four places there is no quarter to keep; one place is kept from two on.
        let kept = (places / 4).max(usize::from(places > 1));
        Self { shared: Arc::new(Shared { places, per_skill: places - kept, state: Mutex::default() }) }
    }

    /// Waits for a place, for at most `patience`.
    pub async fn enter(&self, skill: &SkillName, patience: Duration) -> Result<Permit, Overloaded> {
        let overloaded = Overloaded { places: self.shared.places };
        let waiting = {
            let mut state = self.shared.lock();
            if state.used < self.shared.places && state.has_room(skill, self.shared.per_skill) {
                state.start(skill);
                return Ok(Permit { held: Some((self.shared.clone(), skill.clone())) });
            }
            if state.waiting >= self.shared.places * WAITING_PER_PLACE {
                return Err(overloaded);
            }
            state.wait(skill)
        };
        // A sender that is gone, or a place that comes as the patience ends, returns through `Permit`.
        match tokio::time::timeout(patience, waiting).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(overloaded),
        }
    }

    /// Runs that hold a place.
    pub fn running(&self) -> usize {
        self.shared.lock().used
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives back a place of `skill` and starts whoever is next.
    fn leave(self: &Arc<Self>, skill: &SkillName) {
        // Permits are sent outside the lock: one that nobody waits for any more comes back here.
        let mut granted = Vec::new();
        {
            let mut state = self.lock();
            state.end(skill);
            while state.used < self.places
                && let Some((next, sender)) = state.next(self.per_skill)
            {
                state.start(&next);
                granted.push((Permit { held: Some((self.clone(), next)) }, sender));
            }
        }
        for (permit, sender) in granted {
            // Whoever gave up waiting gets it dropped, which passes the place on.
            drop(sender.send(permit));
        }
    }
}

impl State {
    fn has_room(&self, skill: &SkillName, per_skill: usize) -> bool {
        self.skills.get(skill).is_none_or(|own| own.running < per_skill && own.queue.is_empty())
    }

    fn start(&mut self, skill: &SkillName) {
        self.used += 1;
        match self.skills.get_mut(skill) {
            Some(own) => own.running += 1,
            None => {
                self.skills.insert(skill.clone(), PerSkill { running: 1, queue: VecDeque::new() });
            }
        }
    }

    fn end(&mut self, skill: &SkillName) {
        self.used = self.used.saturating_sub(1);
        if let Some(own) = self.skills.get_mut(skill) {
            own.running = own.running.saturating_sub(1);
            // Skills come and go; a name that nobody uses is not kept, except while places are plenty
            // and the next call is likely to be its own.
            if own.running == 0 && own.queue.is_empty() && self.skills.len() > 64 {
                self.skills.remove(skill);
            }
        }
    }

    fn wait(&mut self, skill: &SkillName) -> oneshot::Receiver<Permit> {
        let (sender, receiver) = oneshot::channel();
        let own = self.skills.entry(skill.clone()).or_default();
        // Those that gave up leave the queue when somebody new joins it.
        let before = own.queue.len();
        own.queue.retain(|waiting| !waiting.is_closed());
        self.waiting = (self.waiting + own.queue.len() + 1).saturating_sub(before);
        own.queue.push_back(sender);
        if !self.turns.contains(skill) {
            self.turns.push_back(skill.clone());
        }
        receiver
    }

    /// The next that waits, skill by skill; a skill at its bound is passed over.
    fn next(&mut self, per_skill: usize) -> Option<(SkillName, oneshot::Sender<Permit>)> {
        for _ in 0..self.turns.len() {
            let skill = self.turns.pop_front()?;
            let Some(own) = self.skills.get_mut(&skill) else { continue };
            if own.running >= per_skill {
                self.turns.push_back(skill);
                continue;
            }
            let mut found = None;
            while let Some(sender) = own.queue.pop_front() {
                self.waiting = self.waiting.saturating_sub(1);
                if !sender.is_closed() {
                    found = Some(sender);
                    break;
                }
            }
            if !own.queue.is_empty() {
                self.turns.push_back(skill.clone());
            }
            if let Some(sender) = found {
                return Some((skill, sender));
            }
        }
        None
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some((shared, skill)) = self.held.take() {
            shared.leave(&skill);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> SkillName {
        SkillName::new(text).unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn without_a_place_within_the_patience_the_run_is_turned_away() {
        let admission = Admission::new(1);
        let held = admission.enter(&name("a"), LONG).await.unwrap();
        assert!(admission.enter(&name("a"), Duration::from_millis(5)).await.is_err());
        drop(held);
        assert!(admission.enter(&name("a"), LONG).await.is_ok());
        assert_eq!(admission.running(), 0);
    }

    #[tokio::test]
    async fn a_busy_skill_leaves_places_for_the_others() {
        let admission = Admission::new(8);
        let mut held = Vec::new();
        for _ in 0..6 {
            held.push(admission.enter(&name("busy"), LONG).await.unwrap());
        }
        assert!(admission.enter(&name("busy"), Duration::ZERO).await.is_err());
        assert!(admission.enter(&name("other"), Duration::ZERO).await.is_ok());
    }

    #[tokio::test]
    async fn skills_that_wait_take_turns_whatever_their_queues() {
        let admission = Admission::new(1);
        let held = admission.enter(&name("first"), LONG).await.unwrap();
        let (order, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let mut tasks = Vec::new();
        for (skill, count) in [("busy", 4), ("rare", 2)] {
            for _ in 0..count {
                let (own, order) = (admission.clone(), order.clone());
                let before = admission.shared.lock().waiting;
                tasks.push(tokio::spawn(async move {
                    let permit = own.enter(&name(skill), LONG).await.unwrap();
                    order.send(skill).unwrap();
                    drop(permit);
                }));
                while admission.shared.lock().waiting == before {
                    tokio::task::yield_now().await;
                }
            }
        }
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        drop(order);
        let mut served = Vec::new();
        while let Some(skill) = seen.recv().await {
            served.push(skill);
        }
        assert_eq!(served, ["busy", "rare", "busy", "rare", "busy", "busy"]);
        assert_eq!((admission.running(), admission.shared.lock().waiting), (0, 0));
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_blocks_nobody() {
        let admission = Admission::new(1);
        let held = admission.enter(&name("a"), LONG).await.unwrap();
        let quitter = tokio::spawn({
            let admission = admission.clone();
            async move { admission.enter(&name("b"), LONG).await.map(drop) }
        });
        while admission.shared.lock().waiting == 0 {
            tokio::task::yield_now().await;
        }
        quitter.abort();
        quitter.await.unwrap_err();
        drop(held);
        assert!(admission.enter(&name("c"), LONG).await.is_ok());
    }
}
