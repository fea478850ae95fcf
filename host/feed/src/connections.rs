//! Who is connected, counted by address.
//!
//! Contract: an address holds no more places than it may, and all together no more than [`TOTAL`]; those who have not said yet
//! who they are take none of the places of those who have. A place is given back when it is dropped. Price: an entry per
//! address that is connected.

use std::net::IpAddr;

use crate::shares::{NoneLeft, Share, Shares};

/// Connections at the same time, of all addresses: some 50 KiB each, 200 MiB together.
const TOTAL: usize = 4_096;

/// Connections of all addresses that have not said yet who they are, which takes a round trip.
const ALL_UNKNOWN: usize = 512;

/// The same from one address: what a household of browsers opens at the same time.
const UNKNOWN: usize = 8;

/// Counts connections.
#[derive(Debug)]
pub(crate) struct Connections {
    known: Shares,
    unknown: Shares,
}

/// Why a connection is refused: to be told with 429, before the upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The address has as many as it may.
    #[error("there are {0} connections to the feed from this address already: close one, or raise `feed.per_address`")]
    Address(usize),
    /// The address has as many as it may that did not say who they are.
    #[error(
        "there are {0} connections to the feed from this address that have not said who they are: say it, or come with `Authorization`"
    )]
    Unknown(usize),
    /// The host has as many as it may.
    #[error("the host has {0} connections to the feed already: come back later")]
    Host(usize),
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub struct Place {
    share: Share,
    peer: IpAddr,
    /// Where the places are of those who are known, for one who is not.
    known: Option<Shares>,
}

impl Connections {
    pub(crate) fn new(per_address: usize) -> Self {
        Self { known: Shares::new(per_address, TOTAL), unknown: Shares::new(UNKNOWN.min(per_address), ALL_UNKNOWN) }
    }

    /// Takes a place for a connection from `peer`; `known`: somebody who said who it is.
    pub(crate) fn admit(&self, peer: IpAddr, known: bool) -> Result<Place, Full> {
        if known {
            return Ok(Place { share: of_known(&self.known, peer)?, peer, known: None });
        }
        let share = self.unknown.take(peer).map_err(|none| match none {
            NoneLeft::OfAddress(count) => Full::Unknown(count),
            NoneLeft::OfAll(count) => Full::Host(count),
        })?;
        Ok(Place { share, peer, known: Some(self.known.clone()) })
    }
}

impl Place {
    /// Takes one of the places of those who are known instead.
    pub(crate) fn become_known(&mut self) -> Result<(), Full> {
        if let Some(known) = &self.known {
            self.share = of_known(known, self.peer)?;
            self.known = None;
        }
        Ok(())
    }
}

fn of_known(known: &Shares, peer: IpAddr) -> Result<Share, Full> {
    known.take(peer).map_err(|none| match none {
        NoneLeft::OfAddress(count) => Full::Address(count),
        NoneLeft::OfAll(count) => Full::Host(count),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_say_who_it_is_takes_no_place_of_those_who_do() {
        let here = IpAddr::from([10, 0, 0, 1]);
        let connections = Connections::new(10);
        let mut strangers: Vec<_> = (0..UNKNOWN).map(|_| connections.admit(here, false).unwrap()).collect();
        assert_eq!(connections.admit(here, false).unwrap_err(), Full::Unknown(UNKNOWN));
        let mut guests: Vec<_> = (0..10).map(|_| connections.admit(here, true).unwrap()).collect();
        assert_eq!(connections.admit(here, true).unwrap_err(), Full::Address(10));
        assert_eq!(strangers[0].become_known(), Err(Full::Address(10)));
        guests.pop();
        assert_eq!(strangers[0].become_known(), Ok(()));
        assert_eq!(strangers[1].become_known(), Err(Full::Address(10)));
        assert!(connections.admit(here, false).is_ok(), "its place is free for the next stranger");
        assert_eq!(Connections::new(0).admit(here, false).unwrap_err(), Full::Unknown(0));
    }
}
