//! The one guard and client for HTTP that skills send.
//!
//! Contract: nothing leaves the host but what a grant of the sender covers, to an address that was checked after the name
//! was resolved, on a connection made to exactly that address. A secret goes only where its configuration and the
//! sender's grants both say, and no guest reads one back. Redirects are answers like any other: the guest follows them with
//! a request that is checked anew. No proxy, no cookie and no setting of the environment has a say.
//! Every request ends within its [`NetworkLimits`] and the caller's deadline, in time, size and number.
//! Price: the check is two passes over the address; connections are pooled per scheme, host and port.

mod address;
mod client;
mod connect;
mod fuzz;
mod headers;
mod limits;
mod refusal;
mod request;
mod resolve;
mod response;
mod roots;
mod secrets;
mod target;
#[cfg(test)]
mod tests;

pub use address::not_public;
pub use client::{Network, NetworkError, NetworkOptions, Outgoing, Timeouts};
#[doc(hidden)]
pub use fuzz::fuzz_url_guard;
pub use limits::NetworkLimits;
pub use refusal::{Part, Phase, Refusal};
pub use resolve::{Resolve, SystemResolver};
pub use response::Body;
pub use roots::certificates;
pub use rustls::pki_types::CertificateDer;
pub use secrets::{Secret, SecretError};
pub use target::{Target, TargetError};
