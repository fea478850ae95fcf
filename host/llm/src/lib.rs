//! Language models: providers, the cascade over them, circuit breakers.
//!
//! Contract: a request is answered by the first candidate of its cascade that can. There is one retry loop, and it is
//! here. What a failure means is decided in one table ([`ErrorKind`]): another try, the next provider, or the end
//! because the request itself is at fault. A provider that fails too often is left alone, probed, and taken back.
//! Nothing outlasts the caller's deadline, a dropped call ends its request, and once a piece of text was given out
//! nobody else answers. Every attempt is reserved with the caller's [`Account`] before it and settled after it.
//! Answers are bounded while they are read, redirects are not followed, proxies are not used, and keys are in no
//! error, log or `Debug`.
//!
//! Price: a completion takes about 20 µs more than the same request by a bare HTTP client, a streamed piece under 2
//! µs; see `examples/overhead.rs`.
//!
//! What it needs of the host is passed in: clock and randomness, secrets, the check of schemas, accounts and an
//! [`Observer`].

mod account;
mod answer;
mod attempt;
mod breaker;
mod cascade;
mod chat;
mod clock;
mod config;
mod detect;
mod embed;
mod error;
mod fault;
mod gate;
mod installed;
mod limits;
mod metrics;
mod observer;
mod price;
mod provider;
mod request;
mod router;
mod schema;
mod stream;
mod trace;
mod transport;
mod wire;

pub use account::{Account, Charge, Hold, NotReserved, Spent};
pub use answer::{Attempt, AttemptError, Completion, Embeddings, Finish, Usage};
pub use breaker::BreakerState;
pub use config::{BreakerConfig, Config, KeySource, Kind, ProviderConfig, Timeouts};
pub use detect::key_variables;
pub use error::{ConfigError, LlmError};
pub use fault::ErrorKind;
pub use metrics::{LatencyMetrics, ProviderMetrics};
pub use observer::{Called, Failed, Observer};
pub use price::{Price, UsdPerMillion};
pub use request::{Message, Request, Role};
pub use router::{Ask, Options, Router, Secrets};
pub use rustls::pki_types::CertificateDer;
pub use schema::{Check, CompileSchema};
pub use stream::CompletionStream;
