//! What a schema may cost. A skill writes its schemas, so every number here is about a hostile one.

/// A schema's text, in bytes. Those of large real tools, written out by generators, stay under 20 KiB.
pub(super) const TEXT: usize = 64 << 10;

/// How deep a schema's text may nest. Every step of the compiler and of this module recurses along it.
pub(super) const NESTING: usize = 64;

/// How deep a document may nest to be checked: what the JSON parser lets through.
pub(super) const DOCUMENT_NESTING: usize = 128;

/// Steps that checking a single value of a document may take: subschemas applied to it, names and listed values
/// compared with it. Alternatives add up and refer to each other, so 1 KiB of schema can ask for 2^60; a union of
/// a hundred record types takes some hundreds.
pub(super) const STEPS: u64 = 10_000;

/// Steps of the search that proves [`STEPS`], a few hundredths of a microsecond each. Schemas of generators take
/// some thousands.
pub(super) const SEARCH: u64 = 2_000_000;

/// Subschemas inside each other while one document is checked: its deepest path times the references and
/// alternatives on each level. Each takes up to 700 bytes of stack, and the check shares the 2 MiB of the thread
/// that serves a run.
pub(super) const RECURSION: usize = 1_000;

/// Largest compiled pattern, in bytes, as the regular expression engine counts. A pattern's worst case per byte of text is to
/// touch all of it.
pub(super) const PATTERN: usize = 256 << 10;

/// The sizes that patterns are sorted into; the worst case of each is its size.
pub(super) const PATTERN_SIZES: [usize; 4] = [4 << 10, 16 << 10, 64 << 10, PATTERN];

/// Cache of the engine's lazily built automaton, in bytes, per pattern and thread: as much as the pattern may have.
pub(super) const PATTERN_CACHE: usize = PATTERN;

/// All compiled patterns of a schema together, in bytes: they stay in memory while the skill is absorbed.
pub(super) const PATTERNS: usize = 1 << 20;

/// How much of a compiled pattern one step touches, in bytes: measured on patterns made to be slow, which touch
/// about 5 bytes a nanosecond.
pub(super) const PATTERN_BYTES_PER_STEP: usize = 50;

/// Steps that checking one whole document may take, at about 10 ns each: a second. Only a document of a megabyte
/// against a schema near the other limits comes to it.
pub(super) const WORK: u64 = 100_000_000;

/// Steps up to which a document that does not fit is searched for the reason. The search keeps a few hundred bytes
/// for each alternative that it tried.
pub(super) const EXPLAINED: u64 = 50_000;

/// Longest excerpt of a document or a schema in a message, in characters.
pub(super) const EXCERPT: usize = 60;

/// Longest path in a message, in characters; of a longer one the end is shown.
pub(super) const PATH: usize = 160;
