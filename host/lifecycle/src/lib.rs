//! From a file in a folder to a tool that serves.
//!
//! Contract: what served goes on serving. A new file takes over only when it was read once, hashed, compiled
//! in a bounded child, validated, described and linked; whatever fails on the way leaves the serving
//! generation as it is and a reason in the list. A call is answered by exactly one generation.
//!
//! Price: a rescan of the folder a few times a second; absorbing happens beside the runs, one compilation at
//! a time; a swap is one pointer.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test may fail loudly"
    )
)]

mod absorb;
mod agents;
mod archive;
mod authority;
mod config;
mod control;
mod folder;
mod front_matter;
mod generation;
mod host;
mod intake;
mod keep;
mod lock;
mod manifest;
mod nested;
mod package;
mod parts;
mod protected;
mod registry;
mod reload;
mod run;
mod schema;
mod secrets;
mod services;
mod trace;
mod view;
mod watch;

pub use agents::{AgentInfo, AgentStatus, Parked};
pub use authority::{Approval, ApprovalState, DecideError, Decision, Passing};
pub use config::{
    AgentConfig, ApprovalConfig, BlackboardConfig, CarryOver, Config, ConfigError, CronTimes, DEFAULT_FILE, Deliver,
    EventsConfig, FeedConfig, HostLimits, HttpConfig, Listen, McpConfig, Merge, NetworkConfig, Origin, Recording,
    RedisConfig, Restart, SecretConfig, Setting, Settings, SkillConfig, TlsConfig,
};
pub use control::{Control, ControlError};
pub use generation::{Generation, Kind, Tool};
pub use host::{Host, HostError, Listener, Notice, Options};
#[doc(hidden)]
pub use manifest::fuzz_manifest;
pub use parts::{Part, Parts, Status};
pub use registry::{Entry, FileState};
pub use reload::Reload;
pub use run::RunRequest;
pub use secrets::SecretSource;
pub use skillhost_capabilities::{Hint, Progress, ProgressSink};
pub use skillhost_ledger::{Entry as LedgerEntry, Ledger, Standing, Unit, Usd, Window};
pub use skillhost_network::Resolve;
pub use watch::Watch;
