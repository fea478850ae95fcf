//! From where a request comes.
//!
//! Contract: it is the other end of the connection, unless that is a proxy of `http.proxies`: then whom the proxy names, and whom
//! a proxy behind it names in turn. Nobody else's word counts. Price: a look at the connection; the header is read only where a
//! proxy sent it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;
use ipnet::IpNet;

use crate::listener::ServeError;
use crate::problem::Problem;
use crate::shared::Shared;

/// Said by a proxy: for whom it asks, the last proxy's word last.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The connection that a request came on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connected {
    /// Its other end; this machine where it is a socket in the file system.
    pub(crate) peer: IpAddr,
    /// Its end here; none for a socket in the file system.
    pub(crate) here: Option<Here>,
}

/// The near end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Here {
    /// Where the host listens.
    pub(crate) listened: SocketAddr,
    /// Where this connection arrived: one address where the host listens on all.
    pub(crate) local: SocketAddr,
}

/// Who asks, by address: the other end of the connection, or whom a proxy of `http.proxies` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl FromRequestParts<Arc<Shared>> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let connected = parts.extensions.get::<Connected>();
        let connected = connected.ok_or_else(|| Problem::internal("a request without a connection"))?;
        Ok(Self(shared.proxies.peer(connected.peer, &parts.headers)))
    }
}

/// The proxies whose word counts.
#[derive(Clone)]
pub(crate) struct Proxies(Vec<IpNet>);

impl Proxies {
    pub(crate) fn new(given: &[String]) -> Result<Self, ServeError> {
        let network = |text: &String| {
            let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| ServeError::Config {
                key: "proxies",
                given: text.clone(),
                wanted: "no address and no network; write `10.0.0.7` or `10.0.0.0/8`",
            })
        };
        Ok(Self(given.iter().map(network).collect::<Result<_, _>>()?))
    }

    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Goes from `peer` back along what proxies say, as far as they are trusted: what is left of the first stranger is the
    /// stranger's own invention.
    fn peer(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut peer = peer;
        let said = headers.get_all(FORWARDED_FOR).iter().rev();
        let mut said = said.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
        while self.trusts(peer) {
            let Some(Ok(before)) = said.next().map(|text| text.trim().parse::<IpAddr>()) else { break };
            peer = before.to_canonical();
        }
        peer
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn peer(proxies: &[&str], peer: &str, said: &[&'static str]) -> String {
        let proxies = Proxies::new(&proxies.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).unwrap();
        let said = said.iter().map(|&value| (FORWARDED_FOR.parse().unwrap(), HeaderValue::from_static(value)));
        proxies.peer(peer.parse().unwrap(), &said.collect()).to_string()
    }

    #[test]
    fn a_proxys_word_counts_only_if_it_is_configured() {
        assert_eq!(peer(&[], "10.0.0.1", &["1.2.3.4"]), "10.0.0.1");
        assert_eq!(peer(&["10.0.0.2"], "10.0.0.1", &["1.2.3.4"]), "10.0.0.1");
        assert_eq!(peer(&["10.0.0.0/8"], "10.0.0.1", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(peer(&["10.0.0.0/8"], "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(peer(&["::1"], "::1", &["::ffff:1.2.3.4"]), "1.2.3.4");
    }

    #[test]
    fn what_a_stranger_says_of_others_does_not_count() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(peer(&proxies, "10.0.0.1", &["9.9.9.9, 1.2.3.4"]), "1.2.3.4");
        assert_eq!(peer(&proxies, "10.0.0.1", &["9.9.9.9, 1.2.3.4, 10.0.0.2"]), "1.2.3.4");
        assert_eq!(peer(&proxies, "10.0.0.1", &["9.9.9.9", "1.2.3.4", "10.0.0.2"]), "1.2.3.4");
        assert_eq!(peer(&proxies, "10.0.0.1", &["1.2.3.4, nonsense, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(peer(&proxies, "10.0.0.1", &["10.0.0.3"]), "10.0.0.3");
    }

    #[test]
    fn what_is_no_network_is_refused_by_its_name() {
        let error = Proxies::new(&["proxy.example".to_owned()]).err().unwrap().to_string();
        assert!(error.contains("http.proxies") && error.contains("proxy.example"), "{error}");
    }
}
