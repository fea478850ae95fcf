//! Whether a request means this host, and comes from no other site's page.
//!
//! Contract: `Host` (or `:authority`) is the address that the connection reached, a name of this machine where that is loopback, or
//! one of `http.hosts`; otherwise a name that somebody else controls could lead a browser here. `Origin`, where there is one, is
//! such a place as well, and `null` is none. On a socket in the file system, which no browser opens, the names are `localhost` and
//! those of `http.hosts`. What a browser itself calls the doing of another site changes nothing here.

use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::str::FromStr;

use axum::extract::Request;
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode};
use skillhost_lifecycle::HttpConfig;
use url::Host;

use crate::listener::{Connected, ServeError};
use crate::problem::Problem;

/// Said by browsers: how the page that asks is related to this host.
const FETCH_SITE: &str = "sec-fetch-site";

/// The ports that browsers leave out.
const USUAL: [u16; 2] = [80, 443];

/// A host and perhaps a port.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    host: Host,
    port: Option<u16>,
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        // What programs on this machine write, told at a hundredth of the price.
        if let Ok(address) = text.parse::<SocketAddrV4>() {
            return Ok(Self { host: Host::Ipv4(*address.ip()), port: Some(address.port()) });
        }
        let authority: Authority = text.parse().map_err(drop)?;
        let host = authority.host();
        // Fails where somebody stands before the host.
        let port = match text.strip_prefix(host).ok_or(())? {
            "" => None,
            port => {
                Some(port.strip_prefix(':').filter(|port| port.bytes().all(|byte| byte.is_ascii_digit())).ok_or(())?)
            }
        };
        let port = port.map(str::parse).transpose().map_err(drop)?;
        Ok(Self { host: Host::parse(host).map_err(drop)?, port })
    }
}

/// How a place is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// It is where the connection arrived.
    Here,
    /// The configuration says so.
    Named,
}

/// What this host is called.
pub(crate) struct Site {
    names: Vec<Place>,
    /// What it speaks itself; a proxy may add TLS.
    scheme: &'static str,
}

impl Site {
    pub(crate) fn new(config: &HttpConfig) -> Result<Self, ServeError> {
        let name = |text: &String| {
            text.parse().map_err(|()| ServeError::Config {
                key: "hosts",
                given: text.clone(),
                wanted: "no name of a host; write `skills.example.com`, or with a port `skills.example.com:8443`",
            })
        };
        Ok(Self {
            names: config.hosts.iter().map(name).collect::<Result<_, _>>()?,
            scheme: if config.tls.is_some() { "https" } else { "http" },
        })
    }

    /// Says why a request is not for this host, or not from whom it may come.
    pub(crate) fn check(&self, request: &Request) -> Result<(), Problem> {
        let connected = request.extensions().get::<Connected>();
        let connected = connected.ok_or_else(|| Problem::internal("a request without a connection"))?;
        let headers = request.headers();
        let mut asked = None;
        for place in authorities(request)? {
            if self.known(&place, connected).is_none() {
                return Err(Problem::forbidden(format!(
                    "this host is not `{}`; if people reach it by that name, add it to `http.hosts` in config.yaml",
                    place.host
                )));
            }
            asked = Some(place);
        }
        if asked.is_none() {
            return Err(bad("a request names its host once, in `Host`"));
        }
        self.check_origin(headers, connected)?;
        let site = headers.get(FETCH_SITE).map(HeaderValue::as_bytes);
        if !request.method().is_safe() && matches!(site, Some(b"cross-site" | b"same-site")) {
            return Err(Problem::forbidden("another site's page may not change anything here"));
        }
        Ok(())
    }

    fn check_origin(&self, headers: &HeaderMap, connected: &Connected) -> Result<(), Problem> {
        for origin in headers.get_all(ORIGIN) {
            let own = origin.to_str().ok().and_then(|origin| {
                let (scheme, place) = origin.split_once("://")?;
                let mut place: Place = place.parse().ok()?;
                let usual = match scheme {
                    "http" => 80,
                    "https" => 443,
                    _ => return None,
                };
                place.port.get_or_insert(usual);
                // Whoever has the name may have TLS in front of this host.
                let known = self.known(&place, connected)?;
                (scheme == self.scheme || (known == Known::Named && scheme == "https")).then_some(())
            });
            if own.is_none() {
                return Err(Problem::forbidden(
                    "`Origin` is another site's; pages of this host may ask it, and those of the names in `http.hosts`",
                ));
            }
        }
        Ok(())
    }

    fn known(&self, place: &Place, connected: &Connected) -> Option<Known> {
        let named = |own: &&Place| {
            own.host == place.host
                && match (own.port, place.port) {
                    (None, None) => true,
                    (None, Some(port)) => {
                        USUAL.contains(&port) || connected.here.is_some_and(|here| here.local.port() == port)
                    }
                    (own, port) => own == port,
                }
        };
        let here = match connected.here {
            None => is_localhost(&place.host),
            Some(here) => is_at(place, here.local) || is_at(place, here.listened),
        };
        if here { Some(Known::Here) } else { self.names.iter().find(named).map(|_| Known::Named) }
    }
}

/// Every way in which the request names its host: in its line or its pseudo-header, and in `Host`.
fn authorities(request: &Request) -> Result<Vec<Place>, Problem> {
    let mut headers = request.headers().get_all(HOST).iter();
    let (header, None) = (headers.next(), headers.next()) else {
        return Err(bad("a request names its host once, and this one has several of `Host`"));
    };
    let header = header.map(|value| value.to_str().map_err(|_| no_host()));
    let line = request.uri().authority().map(|authority| Ok(authority.as_str()));
    line.into_iter().chain(header).map(|text| text?.parse().map_err(|()| no_host())).collect()
}

fn no_host() -> Problem {
    bad("`Host` is no name and no address of a host")
}

fn bad(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

fn is_localhost(host: &Host) -> bool {
    matches!(host, Host::Domain(name) if name == "localhost")
}

fn is_at(place: &Place, address: SocketAddr) -> bool {
    let ip = address.ip().to_canonical();
    let named = match &place.host {
        Host::Domain(_) => None,
        Host::Ipv4(host) => Some(IpAddr::V4(*host)),
        Host::Ipv6(host) => Some(IpAddr::V6(*host).to_canonical()),
    };
    let local = ip.is_loopback() && (is_localhost(&place.host) || named.is_some_and(|named| is_this_machine(&named)));
    (named == Some(ip) || local) && place.port.is_none_or(|port| port == address.port())
}

/// The two that everybody writes for this machine.
fn is_this_machine(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if *address == std::net::Ipv4Addr::LOCALHOST)
        || matches!(address, IpAddr::V6(address) if *address == std::net::Ipv6Addr::LOCALHOST)
}

#[cfg(test)]
mod tests;
