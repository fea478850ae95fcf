use std::error::Error;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

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
    #[error("the exchange with {host} broke off: {}", root(source.as_ref()))]
    Protocol {
        /// Host and port.
        host: String,
        /// What HTTP said.
        source: Arc<dyn Error + Send + Sync>,
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
    /// What an error of the HTTP client means: the refusal that began it, where one did.
    pub(crate) fn from_error(
        error: impl Error + Send + Sync + 'static,
        host: &str,
        connecting: bool,
        head: u64,
    ) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(error) = cause {
            if let Some(refusal) = error.downcast_ref::<Self>() {
                return refusal.clone();
            }
            if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                return Self::Tls { host: host.to_owned(), source: Arc::new(tls.clone()) };
            }
            if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse_too_large) {
                return Self::TooLarge { part: Part::ResponseHead, limit: head };
            }
            cause = inner(error);
        }
        let (host, source) = (host.to_owned(), Arc::new(error));
        if connecting { Self::Connect { host, source } } else { Self::Protocol { host, source } }
    }
}

/// The cause of an error. An I/O error names the cause of what it wraps, not what it wraps: that is fetched here.
fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// What all the errors around it come from, which is what a person can act on.
fn root<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut error = error;
    while let Some(cause) = inner(error) {
        error = cause;
    }
    error
}
