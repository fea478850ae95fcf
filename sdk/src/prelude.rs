//! Everything that a skill is usually written with: `use skillhost_sdk::prelude::*;`.

pub use crate::{CallError, HostError, Message, Output, ResultExt, ToolError, blackboard, events, llm, run, skills};
pub use crate::{debug, error, info, trace, warn};
pub use crate::{handler, skill, tool};
pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};
pub use serde_json::json;
