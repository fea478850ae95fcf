//! Counts what a store holds.

use wasmtime::ResourceLimiter;

use crate::config::TABLE_ELEMENTS;

/// Core instances of one run: a component's own count is bounded by the pool, this bounds the store.
const INSTANCES: usize = 200;
/// Tables of one run.
const TABLES: usize = 100;
/// Linear memories of one run.
const MEMORIES: usize = 16;

/// Bounds all linear memories of a run together, and its tables and instances.
///
/// Growth over the bound is refused as the WebAssembly specification wants it (`memory.grow` gives −1);
/// that it was refused is remembered, because a guest that then traps did so for want of memory.
#[derive(Debug)]
pub struct Limiter {
    limit: u64,
    memory: u64,
    peak: u64,
    refused: bool,
}

impl Limiter {
    /// A limiter for `limit` bytes of linear memory.
    pub fn new(limit: u64) -> Self {
        Self { limit, memory: 0, peak: 0, refused: false }
    }

    /// The most that was held, in bytes.
    pub fn peak(&self) -> u64 {
        self.peak
    }

    /// What may still be taken, in bytes.
    pub fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.memory)
    }

    /// Was growth refused?
    pub fn refused(&self) -> bool {
        self.refused
    }

    /// Counts memory that a nested run took from this one's budget.
    pub fn count_nested(&mut self, peak: u64) {
        self.peak = self.peak.max(self.memory.saturating_add(peak));
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let grown = (desired as u64).saturating_sub(current as u64);
        let total = self.memory.saturating_add(grown);
        if total > self.limit {
            self.refused = true;
            return Ok(false);
        }
        // Over the memory's own maximum the engine refuses by itself, and nothing is taken.
        if maximum.is_none_or(|maximum| desired <= maximum) {
            self.memory = total;
            self.peak = self.peak.max(total);
        }
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS {
            self.refused = true;
            return Ok(false);
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}
