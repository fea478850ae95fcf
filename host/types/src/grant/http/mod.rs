//! Which requests a grant lets through.
//!
//! Contract: a scope has one reading, or is refused: no user, query, fragment, encoded slash or dot, and no second form
//! of an address. The port that is not written is the scheme's own.
//! Price: a check compares five fields and allocates nothing.

mod host;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use self::host::HostScope;
use super::ScopeFault;
use super::error::shown;
use super::scope::check;
use crate::Glob;

/// A request that is about to be sent, in canonical form: whoever makes one has decoded and normalised it.
#[derive(Debug, Clone)]
pub struct HttpTarget<'a> {
    /// The method as it is sent; methods differ in case.
    pub method: &'a str,
    /// The scheme.
    pub scheme: Scheme,
    /// The host, lower case and in ASCII.
    pub host: url::Host<&'a str>,
    /// The port, also where it is the scheme's own.
    pub port: u16,
    /// The path without the query, beginning with `/`, without `.` and `..` as segments.
    pub path: &'a str,
}

/// What a request is sent over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// The port that is meant where none is written.
    pub const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// The scheme as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl FromStr for Scheme {
    type Err = ScopeFault;

    fn from_str(text: &str) -> Result<Self, ScopeFault> {
        match text {
            "http" => Ok(Self::Http),
            "https" => Ok(Self::Https),
            _ => Err(ScopeFault::Scheme(shown(text))),
        }
    }
}

/// Which requests: `[METHOD ]scheme://host[:port][/path]` or `*`.
///
/// The host is a name, `*.` before a name, `*`, or an IP address in canonical form; the port the scheme's own, a number
/// or `*`; the path a glob whose `*` crosses slashes.
#[derive(Debug, Clone)]
pub struct HttpScope {
    text: String,
    /// None: any.
    method: Option<String>,
    /// None: any.
    scheme: Option<Scheme>,
    host: HostScope,
    /// None: any.
    port: Option<u16>,
    path: Glob,
}

impl HttpScope {
    pub(super) fn full() -> Self {
        Self {
            text: "*".to_owned(),
            method: None,
            scheme: None,
            host: HostScope::Any,
            port: None,
            path: Glob::new("/*"),
        }
    }

    /// May this request be sent?
    pub fn allows(&self, target: &HttpTarget<'_>) -> bool {
        self.scheme.is_none_or(|scheme| scheme == target.scheme)
            && self.port.is_none_or(|port| port == target.port)
            && self.method.as_ref().is_none_or(|method| method == target.method)
            && self.host.matches(&target.host)
            && self.path.matches(target.path)
    }

    /// Is its host an IP address or `localhost`? Only such a scope may let a request through to an address that is not
    /// public.
    pub fn names_address(&self) -> bool {
        self.host.is_address()
    }

    /// The scope as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        within(self.scheme, other.scheme)
            && within(self.port, other.port)
            && within(self.method.as_deref(), other.method.as_deref())
            && self.host.covers(&other.host)
            && self.path.contains(&other.path)
    }
}

/// None is any, and within nothing but itself.
fn within<T: PartialEq>(outer: Option<T>, inner: Option<T>) -> bool {
    outer.is_none() || outer == inner
}

impl fmt::Display for HttpScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for HttpScope {
    type Err = ScopeFault;

    fn from_str(text: &str) -> Result<Self, ScopeFault> {
        check(text)?;
        if text == "*" {
            return Ok(Self::full());
        }
        let (method, url) = match text.split_once(' ') {
            Some((method, url)) => (Some(parse_method(method)?), url),
            None => (None, text),
        };
        if url.contains(' ') {
            return Err(ScopeFault::Space);
        }
        let (scheme, rest) = url.split_once("://").ok_or(ScopeFault::Url)?;
        let scheme: Scheme = scheme.parse()?;
        if rest.contains('#') {
            return Err(ScopeFault::Fragment);
        }
        if rest.contains('?') {
            return Err(ScopeFault::Query);
        }
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/*"),
        };
        if authority.contains('@') {
            return Err(ScopeFault::UserInfo);
        }
        check_path(path)?;
        let (host, port) = split_port(authority);
        let port = match port {
            None => Some(scheme.port()),
            Some("*") => None,
            Some(port) => Some(parse_port(port)?),
        };
        Ok(Self {
            text: text.to_owned(),
            method,
            scheme: Some(scheme),
            host: host.parse()?,
            port,
            path: Glob::new(path),
        })
    }
}

/// The token of HTTP, less the characters that look like patterns.
fn parse_method(text: &str) -> Result<String, ScopeFault> {
    let fits = text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_".contains(&byte));
    if fits { Ok(text.to_owned()) } else { Err(ScopeFault::Method(shown(text))) }
}

/// The port follows the last colon that is not inside an IPv6 address.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// One number has one form: no sign, no zero before it.
fn parse_port(text: &str) -> Result<u16, ScopeFault> {
    let wrong = || ScopeFault::Port(shown(text));
    if !text.starts_with(|first| matches!(first, '1'..='9')) {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

fn check_path(path: &str) -> Result<(), ScopeFault> {
    let lower = path.to_ascii_lowercase();
    let ambiguous = ["\\", "%2e", "%2f", "%5c"].iter().any(|form| lower.contains(form));
    let steps = path.split('/').any(|segment| matches!(segment, "." | ".."));
    if ambiguous || steps || !path.is_ascii() { Err(ScopeFault::Path) } else { Ok(()) }
}
