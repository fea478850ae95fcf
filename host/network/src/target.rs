//! What a guest wants to reach, read once into one canonical form.
//!
//! Contract: two texts that a server, a resolver or a proxy could read differently never pass: they are refused with what
//! would be right. What is matched against the grants is, byte for byte, what is sent. Names are lower case without a final
//! dot, an escape that stands for an ordinary character is that character, and no segment of a path can climb.
//! Price: one pass over authority and path, three allocations. Nothing is resolved or connected here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use http::uri::PathAndQuery;
use http::{Method, Uri};
use skillhost_types::{Capability, HttpScope, HttpTarget, Scheme};
use url::Host;

use crate::limits::MAX_PATH_AND_QUERY;

/// Longest authority: a name of 253 bytes with its port, or any address, fits.
const MAX_AUTHORITY: usize = 260;

/// Methods that would make the host a tunnel or an echo of what it adds to a request.
const NEVER: [&str; 3] = ["CONNECT", "TRACE", "TRACK"];

/// Why a text is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// A method that no skill may use.
    #[error("method {0} is not served to skills: it opens tunnels or echoes headers")]
    Method(Method),
    /// Neither http nor https.
    #[error("scheme {0:?} is not served: use https, or http")]
    Scheme(String),
    /// No host at all.
    #[error("the request names no host: give an authority such as example.com")]
    NoHost,
    /// Something before the host.
    #[error("the authority holds `@`: send a user's name and password in the Authorization header")]
    UserInfo,
    /// An IPv6 zone or an escape.
    #[error("the authority holds `%`: write the host without zone and without escapes")]
    HostEscape,
    /// Not a host and a port.
    #[error(
        "{0:?} is no host with a port: write a name of letters, digits and `-` (other letters as xn--…), an address such as 192.0.2.1 or [2001:db8::1], and after `:` the port's number"
    )]
    Host(String),
    /// An IPv4 address in other than its usual form.
    #[error("{found:?} is {canonical} in disguise: write {canonical}")]
    Disguised {
        /// As it was given.
        found: String,
        /// The address that some programs would read.
        canonical: IpAddr,
    },
    /// No leading slash.
    #[error("the path does not begin with `/`: write the path alone, without scheme and host")]
    NotAbsolute,
    /// Too long.
    #[error("path and query are {0} bytes long: at most {MAX_PATH_AND_QUERY} are sent")]
    TooLong(usize),
    /// Space, control, backslash, fragment or a letter outside ASCII.
    #[error("path and query hold {0:?}: escape it as %XX (a backslash cannot be sent in a path)")]
    Character(char),
    /// `%` without two digits, or bytes that are no UTF-8.
    #[error("the path holds an escape that stands for no text: write `%` as %25 and text as UTF-8")]
    Escape,
    /// Something hidden that servers disagree about.
    #[error("the path hides {0:?} in an escape, which servers read differently: a grant cannot cover it")]
    Hidden(char),
    /// An escape of an escape.
    #[error("the path holds an escape of an escape, which servers read differently: a grant cannot cover it")]
    DoubleEscape,
    /// `.` or `..`.
    #[error("the path holds a `.` or `..` segment: write the path that it leads to")]
    DotSegment,
}

/// A checked method, scheme, host, port, path and query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    method: Method,
    scheme: Scheme,
    host: Host,
    port: u16,
    path_and_query: PathAndQuery,
}

impl Target {
    /// Reads what a guest gave. An empty `path_and_query` is `/`.
    pub fn new(method: Method, scheme: &str, authority: &str, path_and_query: &str) -> Result<Self, TargetError> {
        if NEVER.iter().any(|never| method.as_str().eq_ignore_ascii_case(never)) {
            return Err(TargetError::Method(method));
        }
        let scheme = if scheme.eq_ignore_ascii_case("https") {
            Scheme::Https
        } else if scheme.eq_ignore_ascii_case("http") {
            Scheme::Http
        } else {
            return Err(TargetError::Scheme(scheme.chars().take(MAX_AUTHORITY).collect()));
        };
        let (host, port) = host_and_port(authority)?;
        let port = port.unwrap_or(scheme.port());
        Ok(Self { method, scheme, host, port, path_and_query: canonical(path_and_query)? })
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host, and port where it is not the scheme's own.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.port() { self.host.to_string() } else { format!("{}:{}", self.host, self.port) }
    }

    /// The address that the host names; that of `localhost` is this machine's.
    pub fn address(&self) -> Option<IpAddr> {
        match &self.host {
            Host::Domain(name) => (name == "localhost").then_some(Ipv4Addr::LOCALHOST.into()),
            Host::Ipv4(address) => Some((*address).into()),
            Host::Ipv6(address) => Some((*address).into()),
        }
    }

    /// Does the host name this machine?
    pub fn is_loopback(&self) -> bool {
        self.address().is_some_and(|address| address.is_loopback())
    }

    /// As grants see it.
    pub fn as_granted(&self) -> HttpTarget<'_> {
        HttpTarget {
            method: self.method.as_str(),
            scheme: self.scheme,
            host: match &self.host {
                Host::Domain(name) => Host::Domain(name.as_str()),
                Host::Ipv4(address) => Host::Ipv4(*address),
                Host::Ipv6(address) => Host::Ipv6(*address),
            },
            port: self.port,
            path: self.path_and_query.path(),
        }
    }

    /// The grant that would cover this and as little else as a pattern can say.
    pub fn needed(&self) -> String {
        // What a pattern reads as its own becomes `*`.
        let path = self.path_and_query.path().replace(['*', '[', ']'], "*");
        let (scheme, authority) = (self.scheme.as_str(), self.authority());
        let exact = format!("{} {scheme}://{authority}{path}", self.method);
        // A long path or an odd method may be none.
        let exact = exact.parse().map(|scope: HttpScope| scope.to_string());
        format!("{} {}", Capability::HttpRequest, exact.unwrap_or_else(|_| format!("{scheme}://{authority}")))
    }

    /// As it is sent.
    pub(crate) fn uri(&self) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(self.scheme.as_str())
            .authority(self.authority())
            .path_and_query(self.path_and_query.clone())
            .build()
    }
}

/// Without the query, which may hold what is nobody's business.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}://{}{}", self.method, self.scheme.as_str(), self.authority(), self.path_and_query.path())
    }
}

fn host_and_port(authority: &str) -> Result<(Host, Option<u16>), TargetError> {
    let malformed = || TargetError::Host(authority.chars().take(MAX_AUTHORITY).collect());
    if authority.contains('@') {
        return Err(TargetError::UserInfo);
    }
    if authority.contains('%') {
        return Err(TargetError::HostEscape);
    }
    if authority.len() > MAX_AUTHORITY
        || !authority.bytes().all(|byte| matches!(byte, b'.' | b':' | b'[' | b']') || in_name(byte))
    {
        return Err(malformed());
    }
    // The colon after the host: the first one behind the bracket of an IPv6 address, else the only one.
    let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
    let colon = authority.get(after_bracket..).and_then(|rest| rest.find(':')).map(|at| at + after_bracket);
    let (host, port) = match colon.and_then(|at| authority.split_at_checked(at)) {
        Some((host, port)) => (host, Some(port.strip_prefix(':').and_then(port_number).ok_or_else(malformed)?)),
        None => (authority, None),
    };
    if host.is_empty() {
        return Err(TargetError::NoHost);
    }
    let host = match Host::parse(host).map_err(|_| malformed())? {
        Host::Ipv4(address) if host != address.to_string() => {
            return Err(TargetError::Disguised { found: host.to_owned(), canonical: address.into() });
        }
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            if !name.split('.').all(|label| (1..=63).contains(&label.len()) && label.bytes().all(in_name)) {
                return Err(malformed());
            }
            Host::Domain(name.to_owned())
        }
        address => address,
    };
    Ok((host, port))
}

fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn port_number(text: &str) -> Option<u16> {
    // `parse` alone would take a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten().filter(|port| *port != 0)
}

fn canonical(path_and_query: &str) -> Result<PathAndQuery, TargetError> {
    if path_and_query.len() > MAX_PATH_AND_QUERY {
        return Err(TargetError::TooLong(path_and_query.len()));
    }
    if let Some(wrong) = path_and_query.chars().find(|char| !char.is_ascii_graphic() || *char == '#') {
        return Err(TargetError::Character(wrong));
    }
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path_and_query, None),
    };
    let mut text = if path.is_empty() { "/".to_owned() } else { canonical_path(path)? };
    if let Some(query) = query {
        text.push('?');
        text.push_str(query);
    }
    // What is left is a character that has no place in an address, such as `<`.
    let wrong = text.chars().find(|char| matches!(char, '<' | '>' | '^' | '`' | '"' | '{' | '}' | '|')).unwrap_or('?');
    PathAndQuery::try_from(text).map_err(|_| TargetError::Character(wrong))
}

fn canonical_path(path: &str) -> Result<String, TargetError> {
    if !path.starts_with('/') {
        return Err(TargetError::NotAbsolute);
    }
    let mut text = String::with_capacity(path.len());
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some(char) = rest.chars().next() {
        rest = rest.get(1..).unwrap_or_default();
        match char {
            '\\' => return Err(TargetError::Character('\\')),
            '%' => {
                let byte = escaped(rest).ok_or(TargetError::Escape)?;
                rest = rest.get(2..).unwrap_or_default();
                match byte {
                    b'/' | b'\\' | b'.' | 0..0x20 | 0x7f => return Err(TargetError::Hidden(byte.into())),
                    b'-' | b'_' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => text.push(byte.into()),
                    byte => text.push_str(&format!("%{byte:02X}")),
                }
                decoded.push(byte);
            }
            char => {
                text.push(char);
                decoded.push(char as u8);
            }
        }
    }
    // Here, and not above: `%25%32e` is an escape of an escape only once its digit is written out.
    if text.split("%25").skip(1).any(|rest| escaped(rest).is_some()) {
        return Err(TargetError::DoubleEscape);
    }
    // Overlong forms of `.` and `/` are no UTF-8 either.
    let decoded = str::from_utf8(&decoded).map_err(|_| TargetError::Escape)?;
    // Some servers cut what follows `;` off a segment before they look at it.
    if decoded.split('/').any(|segment| matches!(segment.split(';').next(), Some("." | ".."))) {
        return Err(TargetError::DotSegment);
    }
    Ok(text)
}

/// The byte that the two digits at the beginning of `text` stand for.
fn escaped(text: &str) -> Option<u8> {
    let digits = text.get(..2)?;
    // `from_str_radix` alone would take a sign.
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests;
