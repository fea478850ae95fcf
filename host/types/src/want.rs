use serde::{Deserialize, Serialize};

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
