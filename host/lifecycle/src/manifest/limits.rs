//! How much a skill may say of itself. All of it is shown to people and language models, who would not read more.

/// Tools. The largest servers of such tools have some tens.
pub(super) const TOOLS: usize = 128;

/// A version, in bytes: semantic versions with a commit in them have sixty.
pub(super) const VERSION: usize = 64;

/// A description, in characters: a page.
pub(super) const DESCRIPTION: usize = 4_096;

/// Hints on one tool: each of the four once, with room for a repetition.
pub(super) const HINTS: usize = 8;

/// Channel patterns, each of which every published message is matched against.
pub(super) const SUBSCRIPTIONS: usize = 64;

/// Wants, each of which a person reads.
pub(super) const WANTS: usize = 64;

/// A channel pattern or a scope, in characters: a long address.
pub(super) const PATTERN: usize = 512;

/// The reason of a want, in characters: a sentence or two.
pub(super) const REASON: usize = 512;

/// All compiled patterns of a skill's schemas, in bytes: they stay in memory while it is absorbed.
pub(super) const PATTERNS: usize = 8 << 20;
