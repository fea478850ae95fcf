//! Patterns: regular expressions that run in linear time.
//!
//! Contract: what is taken compiles in the engine without backtracking, within a size; look-around and
//! back-references are refused. Price: linear time is size of the compiled pattern times length of the text in the
//! worst case, which is why the size is learnt here, by compiling with growing limits.

use jsonschema::PatternOptions;
use serde_json::json;

use super::{SchemaError, limits};
use crate::package::Shown;

/// The patterns of a schema so far.
#[derive(Default)]
pub(super) struct Patterns {
    bytes: usize,
}

impl Patterns {
    /// Takes one more and says how large it is at most, compiled, in bytes.
    pub(super) fn add(&mut self, text: &str) -> Result<usize, SchemaError> {
        let schema = json!({"pattern": text});
        let size = limits::PATTERN_SIZES.into_iter().find(|size| super::options(*size).build(&schema).is_ok());
        let size = size.ok_or_else(|| SchemaError::Pattern(Shown::new(text)))?;
        self.bytes += size;
        if self.bytes > limits::PATTERNS { Err(SchemaError::Patterns) } else { Ok(size) }
    }

    /// What all take, compiled, in bytes, at most.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The engine without backtracking, up to `size` bytes a pattern.
pub(super) fn engine(size: usize) -> PatternOptions<jsonschema::Regex> {
    PatternOptions::regex().size_limit(size).dfa_size_limit(limits::PATTERN_CACHE)
}

/// Worst case of a pattern of `size`.
pub(super) fn steps_per_byte(size: usize) -> u64 {
    (size / limits::PATTERN_BYTES_PER_STEP) as u64
}
