//! Room for what long answers hold until they are taken.
//!
//! Contract: who leaves answers lying uses up a share of its own, and nobody else's. With its share used up it is told so before
//! anything is done for it; and what was done for somebody who has room is answered, however much others left. Price: a hash of the
//! token per request; a lock and an entry per long answer.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// For all together, in bytes: some dozens of the longest pages.
const ALL: usize = 64 << 20;

/// For one token, or for one address where it is a browser that asks: a page of the log, and answers of tools beside it.
const EACH: usize = 16 << 20;

/// Who holds how much. Cheap to clone; all clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Untaken {
    held: Arc<Mutex<Held>>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    of: HashMap<Owner, usize>,
}

/// Whose answers they are. No secret: its numbers are others in every process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Owner(u64);

/// What an answer holds, until it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    untaken: Untaken,
    owner: Owner,
    bytes: usize,
}

impl Untaken {
    /// Who asks with these headers from `peer`.
    pub(super) fn owner(&self, headers: &HeaderMap, peer: IpAddr) -> Owner {
        // As `access` reads it: however it is written around the token, it is one owner's.
        let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_ascii_whitespace().last());
        Owner(token.map_or_else(|| self.hasher.hash_one(peer), |token| self.hasher.hash_one(token)))
    }

    /// Has it nothing left of its share?
    pub(super) fn is_used_up_by(&self, owner: Owner) -> bool {
        self.lock().of.get(&owner).is_some_and(|held| *held >= EACH)
    }

    /// Room for an answer of so many bytes. `done`: something happened for it, so others' share of the room does not matter.
    pub(super) fn take(&self, owner: Owner, bytes: usize, done: bool) -> Option<Room> {
        let mut held = self.lock();
        let own = held.of.get(&owner).copied().unwrap_or_default();
        // One that is longer than all the room comes alone; and who has a little left gets what was done for it.
        let own_room = if done { own < EACH } else { own == 0 || own.saturating_add(bytes) <= EACH };
        let room = done || held.all == 0 || held.all.saturating_add(bytes) <= ALL;
        if !(own_room && room) {
            return None;
        }
        held.all = held.all.saturating_add(bytes);
        held.of.insert(owner, own.saturating_add(bytes));
        Some(Room { untaken: self.clone(), owner, bytes })
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut held = self.untaken.lock();
        held.all = held.all.saturating_sub(self.bytes);
        if let Some(own) = held.of.get_mut(&self.owner) {
            *own = own.saturating_sub(self.bytes);
            if *own == 0 {
                held.of.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn owner(untaken: &Untaken, authorization: &'static str) -> Owner {
        let headers = [(AUTHORIZATION, authorization.parse().unwrap())].into_iter().collect();
        untaken.owner(&headers, [127, 0, 0, 1].into())
    }

    #[test]
    fn who_leaves_answers_lying_uses_up_its_own_share_and_nobody_elses() {
        let untaken = Untaken::default();
        let (greedy, other) = (owner(&untaken, "Bearer a"), owner(&untaken, "Bearer b"));
        assert_eq!(greedy, owner(&untaken, "bEARER   a "));
        let mut held: Vec<_> = (0..16).map(|_| untaken.take(greedy, MIB, false).unwrap()).collect();
        assert!(untaken.is_used_up_by(greedy) && !untaken.is_used_up_by(other));
        assert!(untaken.take(greedy, MIB, false).is_none());
        assert!(untaken.take(greedy, MIB, true).is_none(), "it could know");
        assert!(untaken.take(other, MIB, false).is_some());
        held.pop();
        assert!(!untaken.is_used_up_by(greedy));
        assert!(untaken.take(greedy, 2 * MIB, false).is_none());
        drop(untaken.take(greedy, 2 * MIB, true).unwrap());
        drop(held);
        let left = untaken.lock();
        assert_eq!((left.all, left.of.len()), (0, 0));
    }

    #[test]
    fn what_was_done_is_answered_however_much_others_left() {
        let untaken = Untaken::default();
        let of = |number: u8| untaken.owner(&HeaderMap::new(), [127, 0, 0, number].into());
        let _held: Vec<_> = (0..4).map(|number| untaken.take(of(number), EACH, false).unwrap()).collect();
        assert!(untaken.take(of(9), MIB, false).is_none(), "a page can be asked for again");
        assert!(untaken.take(of(9), MIB, true).is_some());
    }

    #[test]
    fn what_is_longer_than_all_the_room_comes_alone() {
        let untaken = Untaken::default();
        let owner = owner(&untaken, "Bearer a");
        let long = untaken.take(owner, 2 * ALL, false).unwrap();
        assert!(untaken.take(owner, MIB, true).is_none());
        drop(long);
        assert!(untaken.take(owner, MIB, false).is_some());
    }
}
