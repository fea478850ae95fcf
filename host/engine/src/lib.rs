//! wasmtime under limits: one configuration, bounded compilation, admission, and one run.
//!
//! Contract: whatever a component does, [`run`] ends within its limits, says why by type, and leaves
//! nothing behind: every run has a store of its own that is dropped with it. Unknown bytes are compiled
//! in a child process only. The engine knows no capability: what a guest may reach is what the caller
//! linked.
//!
//! Price: a run costs a store, an instance from the pool and a call, a few microseconds; an idle
//! component costs its machine code and its memory image, shared by all its runs.
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

mod admission;
mod cache;
pub mod compile;
mod config;
mod files;
mod http;
mod inspect;
mod limiter;
mod log;
mod run;
mod state;
mod stop;
pub mod values;
mod wasi;

pub use admission::{Admission, Overloaded, Permit};
pub use cache::{Cache, LoadError, Sealed};
pub use compile::{CompileError, Compiler};
pub use config::{Engine, EngineError, PoolUsage, Settings};
pub use files::{Directory, Protected, place_of};
pub use http::Reach;
pub use inspect::{InspectError, Inspection, inspect};
pub use limiter::Limiter;
pub use log::Log;
pub use run::{Ended, Guest, run, runtime};
pub use state::{Environment, RunState};
pub use stop::Stop;
pub use wasi::link as link_wasi;
