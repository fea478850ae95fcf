//! Every bound of a request that a skill sends, in one place.
//!
//! Contract: none of these can be widened by a guest; what a guest asks for only narrows them.

use std::time::Duration;

/// Longest path with its query, in bytes. RFC 9110 asks for 8,000 at least; many servers stop at 8 KiB.
pub(crate) const MAX_PATH_AND_QUERY: usize = 8 << 10;

/// Most addresses of one name that are tried. A name with more is balanced by its owner: the first ones suffice.
pub(crate) const MAX_ADDRESSES: usize = 16;

/// Lookups of names at once. Each holds a thread for as long as the system's resolver takes, which nothing can cut short:
/// names that are slow on purpose must not take the threads that files and compilation need.
pub(crate) const MAX_LOOKUPS: usize = 16;

/// Least room for a response's head that the HTTP library can be given.
pub(crate) const MIN_RESPONSE_HEAD: usize = 8 << 10;

/// What a server may send on one stream of HTTP/2 before the guest reads: the library's 2 MiB, times the requests at once,
/// would be a gigabyte that no run accounts for.
pub(crate) const STREAM_WINDOW: u32 = 256 << 10;

/// Idle connections kept per scheme, host and port. A skill that fans out reuses this many.
pub(crate) const MAX_IDLE_PER_HOST: usize = 8;

/// How long an idle connection is kept. Shorter than the minute after which common servers and load balancers close
/// theirs, so that few requests meet a connection that is just being closed.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// What one request may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkLimits {
    /// For the name, the connection and TLS together. Three tries of a lost packet fit in.
    pub connect: Duration,
    /// From the connection to the response's head, the request's body included. Slow reports and models take tens of
    /// seconds.
    pub first_byte: Duration,
    /// Between two pieces of the response's body while the guest waits for one.
    pub between_bytes: Duration,
    /// For all of it, to the last byte; the caller's deadline is usually nearer.
    pub total: Duration,
    /// Bytes of a request's body: four times what a tool may take as input.
    pub request_body: u64,
    /// Bytes of a response's head, in which large cookies and policies fit. At least 8 KiB are always taken, and at most a
    /// hundred headers.
    pub response_head: usize,
    /// Bytes of a response's body: more than a guest of the default 64 MiB can sensibly hold as text.
    pub response_body: u64,
    /// Requests at once, of all skills together: each is an open file of the process, of which 1,024 are usual.
    pub at_once: usize,
}

impl Default for NetworkLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(60),
            between_bytes: Duration::from_secs(30),
            total: Duration::from_secs(300),
            request_body: 4 << 20,
            response_head: 64 << 10,
            response_body: 16 << 20,
            at_once: 256,
        }
    }
}
