//! Why a run ended without an answer.

use std::char::CharTryFromError;
use std::num::TryFromIntError;
use std::str::Utf8Error;

use skillhost_types::{ByteSize, ErrorKind, Limits, RunError};
use wasmtime::component::ResourceTableError;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

/// Why a run ended without an answer. Host functions end their run by returning one as an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The fuel is used up.
    #[error("the fuel limit was reached")]
    Fuel,
    /// The time is up.
    #[error("the time limit was reached")]
    Deadline,
    /// Whoever asked for it went away.
    #[error("its caller cancelled it")]
    Cancelled,
    /// Growth was refused and the guest then trapped.
    #[error("the memory limit was reached")]
    Memory,
    /// A payload is over its cap.
    #[error("a payload is over its cap")]
    Output,
    /// The instance pool is used up by others.
    #[error("no instance is free")]
    Pool,
    /// The last host call was used.
    #[error("the limit of host calls was reached")]
    HostCalls,
    /// The component trapped; how.
    #[error("the component trapped: {0}")]
    Trap(String),
    /// The host's own fault.
    #[error("the host failed: {0}")]
    Internal(String),
}

/// At which point of a run an error came up. What it means depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Instantiating,
    Calling,
}

impl Stop {
    /// Sorts wasmtime's error by its type.
    pub(crate) fn classify(error: &wasmtime::Error, phase: Phase, memory_refused: bool) -> Self {
        if let Some(stop) = error.downcast_ref::<Self>() {
            return stop.clone();
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => return Self::Fuel,
            _ if memory_refused => return Self::Memory,
            Some(trap) => return Self::Trap(with_place(&trap.to_string(), error)),
            None => {}
        }
        if let Some(exit) = error.downcast_ref::<I32Exit>() {
            return Self::Trap(format!("it called exit({})", exit.0));
        }
        if let Some(full) = error.downcast_ref::<ResourceTableError>() {
            return Self::Trap(format!("its handles: {full}"));
        }
        if error.is::<wasmtime::PoolConcurrencyLimitError>() {
            return Self::Pool;
        }
        if phase == Phase::Instantiating {
            return Self::Trap(format!("it could not be instantiated: {error:#}"));
        }
        // A value that is none of its type: bytes that are no text, a place beyond the memory, a case that there is not, a
        // handle too many. wasmtime says these in words, as errors that are nothing but a text.
        if is_text(error) || error.is::<Utf8Error>() || error.is::<CharTryFromError>() || error.is::<TryFromIntError>()
        {
            return Self::Trap(with_place(&error.root_cause().to_string(), error));
        }
        // What is left is the one error of its own type that is not public: more was to be copied out of the guest than
        // it is allowed in one call.
        Self::Output
    }

    /// The error that callers get: which limit, its value, and the way out.
    pub fn into_error(self, limits: &Limits) -> RunError {
        let (kind, message) = match self {
            Self::Fuel => (
                ErrorKind::Fuel,
                format!("used up its fuel of {}; raise it with `--fuel` or `limits.fuel`", limits.fuel),
            ),
            Self::Deadline => (
                ErrorKind::Deadline,
                format!("gave no answer within {:?}; raise it with `--timeout` or `limits.timeout`", limits.timeout),
            ),
            Self::Cancelled => (ErrorKind::Cancelled, "was cancelled by its caller".to_owned()),
            Self::Memory => (
                ErrorKind::Memory,
                format!(
                    "needs more memory than {}; raise it with `--memory` or `limits.memory`",
                    ByteSize(limits.memory)
                ),
            ),
            Self::Output => (
                ErrorKind::Output,
                format!(
                    "gave a payload that is over its cap of {}; raise it with `limits.output`",
                    ByteSize(limits.output)
                ),
            ),
            Self::Pool => {
                (ErrorKind::Overloaded, "found no free instance; try again, or raise `limits.concurrency`".to_owned())
            }
            Self::HostCalls => (
                ErrorKind::HostCalls,
                format!("made more than {} host calls; raise it with `limits.host_calls`", limits.host_calls),
            ),
            Self::Trap(how) => (ErrorKind::Trap, format!("trapped: {how}")),
            Self::Internal(what) => (ErrorKind::Internal, format!("the host failed: {what}")),
        };
        RunError::new(kind, message)
    }
}

fn is_text(error: &wasmtime::Error) -> bool {
    error.is::<String>() || error.is::<&'static str>() || error.is::<Box<str>>()
}

/// The trap and the function that it happened in, where the component names its functions.
fn with_place(what: &str, error: &wasmtime::Error) -> String {
    let place = error
        .downcast_ref::<WasmBacktrace>()
        .and_then(|trace| trace.frames().iter().find_map(|frame| frame.func_name()));
    match place {
        Some(name) => {
            let name: String = name.chars().take(120).flat_map(char::escape_default).collect();
            format!("{what} in `{name}`")
        }
        None => what.to_owned(),
    }
}
