use serde::{Deserialize, Serialize};

/// The capabilities that there are; `wit/skill.wit` says what a scope is.
pub const CAPABILITIES: [&str; 13] = [
    "blackboard.read",
    "blackboard.write",
    "blackboard.publish",
    "blackboard.subscribe",
    "events.append",
    "events.read",
    "llm.complete",
    "llm.embed",
    "skills.call",
    "http.request",
    "fs.read",
    "fs.write",
    "secrets.use",
];

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
