//! How many of the connections one address may have.
//!
//! Contract: an address has at most [`PART`] of all places, or [`FEW`] where that is more, so that nobody alone keeps all others
//! out; of IPv6, a household's /64 counts as one. Proxies that the operator named, and sockets in the file system, are many
//! people each and have no share. Price: a lock and an entry per address that is connected.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One of so many parts of all places.
const PART: usize = 4;

/// What every address may have: a browser and some scripts.
const FEW: usize = 64;

/// Who has how many.
pub(crate) struct Shares {
    most: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// One of an address's connections, until it is dropped.
pub(crate) struct Share {
    shares: Arc<Shares>,
    of: IpAddr,
}

impl Shares {
    pub(crate) fn new(connections: usize) -> Arc<Self> {
        Arc::new(Self { most: (connections / PART).max(FEW), taken: Mutex::default() })
    }

    /// A connection of `peer`; none if it has as many as it may.
    pub(crate) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Share> {
        let of = household(peer);
        let mut taken = self.lock();
        let count = taken.entry(of).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Share { shares: self.clone(), of })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.lock();
        if let Some(count) = taken.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.of);
            }
        }
    }
}

fn household(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(peer) => {
            let [a, b, c, d, ..] = peer.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_alone_has_all_places_and_what_is_given_back_can_be_had_again() {
        let shares = Shares::new(1_000);
        let (one, other) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let mut held: Vec<_> = std::iter::from_fn(|| shares.take(one)).collect();
        assert_eq!(held.len(), 250);
        assert!(shares.take(other).is_some());
        held.pop();
        assert!(shares.take(one).is_some());
        drop(held);
        assert!(shares.lock().is_empty());
    }

    #[test]
    fn a_household_of_ipv6_is_one_and_few_places_are_had_by_whoever_comes() {
        let shares = Shares::new(8);
        let held: Vec<_> = (0..FEW as u16)
            .map(|last| shares.take(Ipv6Addr::new(0x2001, 0xdb8, 0, 7, 0, 0, 0, last).into()).unwrap())
            .collect();
        assert!(shares.take("2001:db8:0:7:ffff::1".parse().unwrap()).is_none());
        assert!(shares.take("2001:db8:0:8::1".parse().unwrap()).is_some());
        drop(held);
    }
}
