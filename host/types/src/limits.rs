use std::time::Duration;

use serde::Deserialize;

use crate::units::{ByteSize, duration};

/// What one run may use. Every number has its unit in its name or its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// wasmtime fuel: about one per WebAssembly instruction, one per byte of bulk memory operations.
    pub fuel: u64,
    /// From the first instruction to the answer, host calls included, queueing not.
    pub timeout: Duration,
    /// All linear memories of the run together, in bytes.
    pub memory: u64,
    /// The input document, in bytes of JSON.
    pub input: u64,
    /// The output document, and any payload that crosses to a host call, in bytes.
    pub output: u64,
    /// Calls to host interfaces; `run.log` and `run.progress` have caps of their own.
    pub host_calls: u64,
    /// Log lines, in bytes of text; what is over it is dropped and counted.
    pub log: u64,
}

impl Default for Limits {
    /// The defaults: generous for a tool, small for a machine.
    fn default() -> Self {
        Self {
            fuel: 1_000_000_000,
            timeout: Duration::from_secs(30),
            memory: 64 << 20,
            input: 1 << 20,
            output: 1 << 20,
            host_calls: 10_000,
            log: 64 << 10,
        }
    }
}

impl Limits {
    /// These limits with what `patch` sets put in place.
    #[must_use]
    pub fn patched(&self, patch: &LimitsPatch) -> Self {
        Self {
            fuel: patch.fuel.unwrap_or(self.fuel),
            timeout: patch.timeout.unwrap_or(self.timeout),
            memory: patch.memory.map_or(self.memory, |size| size.0),
            input: patch.input.map_or(self.input, |size| size.0),
            output: patch.output.map_or(self.output, |size| size.0),
            host_calls: patch.host_calls.unwrap_or(self.host_calls),
            log: patch.log.map_or(self.log, |size| size.0),
        }
    }
}

/// Some limits, to be laid over others: a skill's section of the configuration, or the flags of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsPatch {
    /// See [`Limits::fuel`].
    pub fuel: Option<u64>,
    /// See [`Limits::timeout`].
    #[serde(deserialize_with = "duration::option")]
    pub timeout: Option<Duration>,
    /// See [`Limits::memory`].
    pub memory: Option<ByteSize>,
    /// See [`Limits::input`].
    pub input: Option<ByteSize>,
    /// See [`Limits::output`].
    pub output: Option<ByteSize>,
    /// See [`Limits::host_calls`].
    pub host_calls: Option<u64>,
    /// See [`Limits::log`].
    pub log: Option<ByteSize>,
}
