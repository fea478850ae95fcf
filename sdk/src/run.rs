//! The run itself: who called, what is left of its budget, and how to report from it. Needs no grant.

use std::fmt::Display;

use crate::backend;

/// Who this run is, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The run's ULID.
    pub run_id: String,
    /// The skill's own name.
    pub skill: String,
    /// Whose run it is.
    pub tenant: String,
    /// The agent that the skill runs as, if any.
    pub agent: Option<String>,
    /// Who asked for this run: `cli`, `http:NAME`, `mcp:NAME`, `skill:NAME`, `channel:NAME`.
    pub caller: String,
    /// When it is ended at the latest, in milliseconds since the Unix epoch.
    pub deadline: u64,
}

/// What is left of each limit of this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Units of computation, about one per instruction.
    pub fuel: u64,
    /// Milliseconds.
    pub wall_ms: u64,
    /// Bytes that memory may still grow by.
    pub memory_bytes: u64,
    /// Calls of the host.
    pub host_calls: u64,
    /// Tokens of language models, in and out.
    pub llm_tokens: u64,
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Each step.
    Trace,
    /// For whoever works on the skill.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warn,
    /// Worth an action.
    Error,
}

/// Who this run is, and for whom.
pub fn current() -> Context {
    backend::current()
}

/// What is left of each limit.
pub fn remaining() -> Budget {
    backend::remaining()
}

/// Writes a line to the run's log. Lines over the log limit are dropped and counted. The macros
/// [`info!`](crate::info) and the like format it.
pub fn log(level: Level, message: impl Display) {
    backend::log(level, &message.to_string());
}

/// Tells the caller how far the run is. `total` none: not known.
pub fn progress(done: f64, total: Option<f64>, message: impl Display) {
    backend::progress(done, total, &message.to_string());
}

/// Logs each step, formatted as by `format!`.
#[macro_export]
macro_rules! trace { ($($text:tt)*) => { $crate::run::log($crate::run::Level::Trace, ::std::format_args!($($text)*)) } }
/// Logs for whoever works on the skill, formatted as by `format!`.
#[macro_export]
macro_rules! debug { ($($text:tt)*) => { $crate::run::log($crate::run::Level::Debug, ::std::format_args!($($text)*)) } }
/// Logs what is worth knowing, formatted as by `format!`.
#[macro_export]
macro_rules! info { ($($text:tt)*) => { $crate::run::log($crate::run::Level::Info, ::std::format_args!($($text)*)) } }
/// Logs what is worth a look, formatted as by `format!`.
#[macro_export]
macro_rules! warn { ($($text:tt)*) => { $crate::run::log($crate::run::Level::Warn, ::std::format_args!($($text)*)) } }
/// Logs what is worth an action, formatted as by `format!`.
#[macro_export]
macro_rules! error { ($($text:tt)*) => { $crate::run::log($crate::run::Level::Error, ::std::format_args!($($text)*)) } }
