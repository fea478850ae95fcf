//! What a skill says of itself when it is absorbed. `#[skill]` writes it; a skill's tests may read it.

use crate::{Message, Output, ToolError};

/// A whole skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// `[a-z][a-z0-9-]{0,47}`: the skill's identity; a newer file of the same name replaces it.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// What it is good for.
    pub description: String,
    /// What may be called.
    pub tools: Vec<Tool>,
    /// Channel patterns whose messages wake the skill up.
    pub subscriptions: Vec<String>,
    /// What it asks for.
    pub wants: Vec<Want>,
}

impl Manifest {
    /// The tool of this name.
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.name == name)
    }
}

/// A callable function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// `[a-z][a-z0-9-]{0,47}`, unique within the skill.
    pub name: String,
    /// What it does, for a model that chooses among tools.
    pub description: String,
    /// JSON Schema (2020-12) of the input.
    pub input_schema: String,
    /// JSON Schema of the data in the output, where there is any.
    pub output_schema: Option<String>,
    /// What callers may assume.
    pub hints: Hints,
}

/// What callers may assume of a tool; the same meaning as the tool annotations of the Model Context Protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hints {
    /// Changes nothing.
    pub read_only: bool,
    /// May remove or overwrite.
    pub destructive: bool,
    /// Called twice, it has the effect of once.
    pub idempotent: bool,
    /// Reaches what lies outside of the host.
    pub open_world: bool,
}

/// A capability that the skill asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// Such as `blackboard.read`.
    pub capability: String,
    /// What of it: a key glob, a model glob, `GET https://host/path*`, a directory's name.
    pub scope: String,
    /// One sentence for the person who approves it.
    pub reason: String,
}

/// What `#[skill]` implements for the component's exports.
pub trait Skill {
    /// What the skill is.
    fn manifest() -> Manifest;
    /// Runs one tool.
    fn call(tool: &str, input: &str) -> Result<Output, ToolError>;
}

/// What `#[skill]` implements besides where there is a `#[handler]`.
pub trait Agent {
    /// Handles one message.
    fn handle(message: Message) -> Result<(), String>;
}
