use std::error::Error;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use skillhost_redaction::Redactor;

use crate::TargetError;

/// Why a request got no answer, or an answer did not come to its end.
///
/// Cheap to clone. No message holds a header's value, a query or a body.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// What the guest gave is no target that could be granted.
    #[error("request not sent: {0}")]
    Target(#[from] TargetError),
    /// No grant covers it.
    #[error("request not sent: {request} is not granted; `{needed}` would cover it")]
    Denied {
        /// Method and address.
        request: String,
        /// A grant that covers it.
        needed: String,
    },
    /// The name leads, or the host is, where only a grant that says so leads.
    #[error(
        "request not sent: {host} is {address}, {kind}; only a grant that names an address or localhost itself leads to what \
         is not public"
    )]
    Address {
        /// As the guest named it.
        host: String,
        /// Where it leads.
        address: IpAddr,
        /// What that is.
        kind: &'static str,
    },
    /// The name is unknown, or nobody answered for it.
    #[error("the name {host} has no address: {source}; check its spelling and the machine's resolver")]
    Dns {
        /// Which name.
        host: String,
        /// What the resolver said.
        source: Arc<io::Error>,
    },
    /// The name has an answer without addresses.
    #[error("the name {host} has no address: check its spelling")]
    NoAddress {
        /// Which name.
        host: String,
    },
    /// Nobody took the connection.
    #[error("no connection to {host}: {}; check that the server runs and listens there", root(source.as_ref()))]
    Connect {
        /// Host and port.
        host: String,
        /// What the system said.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// No trusted connection.
    #[error(
        "no secure connection to {host}: {source}; check the server's certificate, or add its authority to the host's"
    )]
    Tls {
        /// Host and port.
        host: String,
        /// What TLS said.
        source: Arc<rustls::Error>,
    },
    /// It took too long.
    #[error("{phase} took longer than {limit:?}")]
    Timeout {
        /// What took so long.
        phase: Phase,
        /// How long it may take.
        limit: Duration,
    },
    /// It is too large.
    #[error("{part} is larger than {limit} bytes, which is the host's limit")]
    TooLarge {
        /// What is too large.
        part: Part,
        /// How large it may be.
        limit: u64,
    },
    /// The length that the guest declared is no number, or not that of its body.
    #[error(
        "request not sent whole: content-length says {declared}, the body says otherwise; leave content-length out"
    )]
    Length {
        /// What the guest said.
        declared: String,
    },
    /// The guest's body ended with an error.
    #[error("request not sent whole: its body failed: {0}")]
    RequestBody(#[source] Arc<dyn Error + Send + Sync>),
    /// A secret went out and the answer is packed, so that the secret could come back unseen.
    #[error(
        "the answer is encoded as {found:?}, which was not asked for: with a secret in the request it is taken plain only"
    )]
    Encoded {
        /// The encoding.
        found: String,
    },
    /// Too many at once.
    #[error("{limit} requests are under way, which is the host's limit: try again when one is done")]
    Busy {
        /// How many may be.
        limit: usize,
    },
    /// The answer is no HTTP that the host takes.
    #[error("the answer is not taken: {0}")]
    Answer(&'static str),
    /// The conversation broke off or made no sense.
    #[error("the exchange with {host} broke off: {reason}")]
    Protocol {
        /// Host and port.
        host: String,
        /// What HTTP said. Not the error itself, as some of its kinds repeat what the server sent.
        reason: String,
    },
}

/// What can take too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Looking up the name.
    Lookup,
    /// Name, connection and TLS.
    Connect,
    /// From the connection to the answer's head.
    FirstByte,
    /// From one piece of the answer's body to the next.
    BetweenBytes,
    /// All of it.
    Total,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lookup => "looking up the name",
            Self::Connect => "connecting",
            Self::FirstByte => "waiting for the answer's head",
            Self::BetweenBytes => "waiting for the next piece of the answer",
            Self::Total => "the request",
        })
    }
}

/// What can be too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The request's body.
    RequestBody,
    /// Status and headers of the answer.
    ResponseHead,
    /// The answer's body.
    ResponseBody,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RequestBody => "the request's body",
            Self::ResponseHead => "the answer's head",
            Self::ResponseBody => "the answer's body",
        })
    }
}

impl Refusal {
    /// What an error before the request was sent means.
    pub(crate) fn from_connecting(error: impl Error + Send + Sync + 'static, host: &str) -> Self {
        Self::own(&error, host).unwrap_or_else(|| Self::Connect { host: host.to_owned(), source: Arc::new(error) })
    }

    /// What an error on the way, or in an answer whose head may have `head` bytes, means.
    pub(crate) fn from_exchange(error: &(dyn Error + 'static), host: &str, head: u64, redactor: &Redactor) -> Self {
        let too_large = |error: &hyper::Error| error.is_parse_too_large();
        if let Some(refusal) = Self::own(error, host) {
            refusal
        } else if causes(error).any(|cause| cause.downcast_ref().is_some_and(too_large)) {
            Self::TooLarge { part: Part::ResponseHead, limit: head }
        } else {
            let reason = root(error).to_string();
            Self::Protocol { host: host.to_owned(), reason: redactor.known(&reason).into_owned() }
        }
    }

    /// The refusal or the error of TLS that began it, if one did.
    fn own(error: &(dyn Error + 'static), host: &str) -> Option<Self> {
        causes(error).find_map(|cause| match cause.downcast_ref::<rustls::Error>() {
            Some(tls) => Some(Self::Tls { host: host.to_owned(), source: Arc::new(tls.clone()) }),
            None => cause.downcast_ref::<Self>().cloned(),
        })
    }
}

/// An error and its causes. An I/O error names the cause of what it wraps, not what it wraps: that is fetched here.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn Error + 'static)| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    })
}

/// What all the errors around it come from, which is what a person can act on.
fn root<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    causes(error).last().unwrap_or(error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    #[test]
    fn what_a_server_puts_into_an_error_is_scrubbed() {
        let redactor = Redactor::new([("github".to_owned(), "EXAMPLE-secret-0123".into())]).unwrap();
        let error = io::Error::other("goodbye EXAMPLE-secret-0123");
        let refusal = Refusal::from_exchange(&error, "api.test", 0, &redactor);
        assert_eq!(refusal.to_string(), "the exchange with api.test broke off: goodbye [redacted:github]");
        assert!(!format!("{refusal:?}").contains("EXAMPLE"));
    }

    #[test]
    fn a_refusal_is_found_under_what_was_wrapped_around_it() {
        let began = Refusal::NoAddress { host: "a.test".to_owned() };
        let error = io::Error::other(io::Error::other(began));
        assert!(matches!(Refusal::from_connecting(error, "a.test"), Refusal::NoAddress { .. }));
    }
}
