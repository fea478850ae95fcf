//! Who is connected, counted by address.
//!
//! Contract: an address holds no more places than it may, and all together no more than [`TOTAL`]; a place is given back when it is
//! dropped. Price: an entry per address that is connected.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections at the same time, of all addresses: some 50 KiB each, 200 MiB together.
const TOTAL: usize = 4_096;

/// Bits of an IPv6 address that say whose it is: the smallest network that is given to somebody, who may use any address in it.
const NETWORK_BITS: u32 = 64;

/// Counts connections. Cheap to clone; all clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections {
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    total: usize,
    of: HashMap<IpAddr, usize>,
}

/// Why a connection is refused: to be told with 429, before the upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The address has as many as it may.
    #[error("there are {0} connections to the feed from this address already: close one, or raise `feed.per_address`")]
    Address(usize),
    /// The host has as many as it may.
    #[error("the host has {TOTAL} connections to the feed already: come back later")]
    Host,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub struct Place {
    table: Arc<Mutex<Table>>,
    key: IpAddr,
}

impl Connections {
    /// Takes a place for a connection from `peer`, of which there may be `per_address`. `peer` is who the connection comes
    /// from; what a header says only if a proxy wrote it that the operator named.
    pub(crate) fn admit(&self, peer: IpAddr, per_address: usize) -> Result<Place, Full> {
        let key = owner(peer);
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.total >= TOTAL {
            return Err(Full::Host);
        }
        let taken = table.of.get(&key).copied().unwrap_or_default();
        if taken >= per_address {
            return Err(Full::Address(taken));
        }
        table.of.insert(key, taken + 1);
        table.total += 1;
        Ok(Place { table: self.table.clone(), key })
    }

    /// How many there are.
    #[cfg(test)]
    fn count(&self) -> usize {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.total = table.total.saturating_sub(1);
        let left = table.of.get(&self.key).map_or(0, |taken| taken.saturating_sub(1));
        match left {
            0 => table.of.remove(&self.key),
            left => table.of.insert(self.key, left),
        };
    }
}

/// The address that stands for all that its owner has.
fn owner(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - NETWORK_BITS)))),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_gets_as_many_places_as_it_may_and_again_when_one_is_given_back() {
        let connections = Connections::default();
        let first = connections.admit(ip("10.0.0.1"), 2).unwrap();
        let _second = connections.admit(ip("::ffff:10.0.0.1"), 2).unwrap();
        assert_eq!(connections.admit(ip("10.0.0.1"), 2).unwrap_err(), Full::Address(2));
        let _other = connections.admit(ip("10.0.0.2"), 2).unwrap();
        drop(first);
        assert!(connections.admit(ip("10.0.0.1"), 2).is_ok());
        assert_eq!(connections.count(), 2);
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let connections = Connections::default();
        let _place = connections.admit(ip("2001:db8::1"), 1).unwrap();
        assert!(connections.admit(ip("2001:db8::ffff:1"), 1).is_err());
        assert!(connections.admit(ip("2001:db8:0:1::1"), 1).is_ok());
    }

    #[test]
    fn all_together_have_a_limit_and_nothing_is_kept_of_who_left() {
        let connections = Connections::default();
        let places: Vec<_> = (0..TOTAL).map(|_| connections.admit(ip("10.0.0.1"), usize::MAX).unwrap()).collect();
        assert_eq!(connections.admit(ip("10.0.0.2"), 1).unwrap_err(), Full::Host);
        drop(places);
        assert_eq!(connections.count(), 0);
        assert!(connections.table.lock().unwrap().of.is_empty());
    }
}
