//! How many of something one address may have at the same time.
//!
//! Contract: an address has at most its share, and all together no more than there are places; of IPv6, a household's /64 counts as
//! one. A share is given back when it is dropped. Price: a lock and an entry per address that has any.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who has how many. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub struct Shares {
    /// For one address.
    each: usize,
    /// For all.
    all: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// One of an address's, until it is dropped.
#[derive(Debug)]
pub struct Share {
    shares: Shares,
    of: IpAddr,
}

/// Why there is none left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoneLeft {
    /// The address has as many as it may.
    OfAddress(usize),
    /// All together have.
    OfAll(usize),
}

impl Shares {
    /// So many for each address, and so many for all.
    pub fn new(each: usize, all: usize) -> Self {
        Self { each, all, taken: Arc::default() }
    }

    /// One for `peer`. That is who a connection comes from; what a header says only if a proxy wrote it that the operator named.
    pub fn take(&self, peer: IpAddr) -> Result<Share, NoneLeft> {
        let of = household(peer);
        let mut taken = self.lock();
        if taken.all >= self.all {
            return Err(NoneLeft::OfAll(taken.all));
        }
        let count = taken.of.get(&of).copied().unwrap_or_default();
        if count >= self.each {
            return Err(NoneLeft::OfAddress(count));
        }
        taken.of.insert(of, count + 1);
        taken.all += 1;
        Ok(Share { shares: self.clone(), of })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.lock();
        taken.all -= 1;
        if let Some(count) = taken.of.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                taken.of.remove(&self.of);
            }
        }
    }
}

/// The address that stands for all that its owner has: the smallest network of IPv6 that is given to somebody.
fn household(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(peer) => {
            let [a, b, c, d, ..] = peer.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        peer => peer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_and_no_more_and_what_is_given_back_can_be_had_again() {
        let shares = Shares::new(2, 100);
        let first = shares.take(ip("10.0.0.1")).unwrap();
        let second = shares.take(ip("::ffff:10.0.0.1")).unwrap();
        assert_eq!(shares.take(ip("10.0.0.1")).err(), Some(NoneLeft::OfAddress(2)));
        let other = shares.take(ip("10.0.0.2")).unwrap();
        drop(first);
        let again = shares.take(ip("10.0.0.1")).unwrap();
        drop((second, other, again));
        assert!(shares.lock().of.is_empty(), "nothing is kept of who left");
    }

    #[test]
    fn a_household_of_ipv6_is_one_address() {
        let shares = Shares::new(1, 100);
        let _share = shares.take(ip("2001:db8:0:7::1")).unwrap();
        assert!(shares.take(ip("2001:db8:0:7:ffff::1")).is_err());
        assert!(shares.take(ip("2001:db8:0:8::1")).is_ok());
    }

    #[test]
    fn all_together_have_a_limit() {
        let shares = Shares::new(100, 3);
        let taken: Vec<_> = (1..=3).map(|last| shares.take([10, 0, 0, last].into()).unwrap()).collect();
        assert_eq!(shares.take(ip("10.0.0.9")).err(), Some(NoneLeft::OfAll(3)));
        drop(taken);
        assert!(shares.take(ip("10.0.0.9")).is_ok());
    }
}
