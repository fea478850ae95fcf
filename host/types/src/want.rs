use serde::{Deserialize, Serialize};

use crate::Capability;

/// The names of the capabilities that there are; `wit/skill.wit` says what a scope is.
pub const CAPABILITIES: [&str; 13] = Capability::NAMES;

/// A capability with a scope that a skill asks for, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// A capability's name: `blackboard.read`.
    pub capability: String,
    /// What of it, as a pattern of that capability.
    pub scope: String,
    /// One sentence for the person who approves it.
    pub reason: String,
}
