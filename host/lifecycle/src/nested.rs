//! Calls from skill to skill.

use skillhost_capabilities::{CallSkills, NestedCall, NestedError};
use skillhost_types::{ErrorKind, Output, RunError, Usage};

use crate::host::Inner;

#[async_trait::async_trait]
impl CallSkills for Inner {
    async fn call(&self, call: NestedCall) -> (Result<String, NestedError>, Usage) {
        // Boxed by the trait: a future that contains runs which contain calls has no fixed size.
        let (result, usage) = self.run_nested(call).await;
        (result.map(|output| as_json(&output)).map_err(sorted), usage)
    }
}

/// The structured output, or else the content, as one JSON document.
fn as_json(output: &Output) -> String {
    match &output.data {
        Some(data) => data.to_string(),
        None => serde_json::to_string(&output.content).unwrap_or_else(|_| "null".to_owned()),
    }
}

/// What the host refused and what the other skill said are different things to the caller.
fn sorted(error: RunError) -> NestedError {
    match error.kind {
        ErrorKind::ToolError | ErrorKind::Trap => NestedError::Tool(error.message),
        ErrorKind::Fuel | ErrorKind::Deadline | ErrorKind::Memory | ErrorKind::Output | ErrorKind::HostCalls => {
            NestedError::Limit(error.message)
        }
        ErrorKind::Denied => NestedError::Denied(error.message),
        ErrorKind::NotFound | ErrorKind::InvalidInput | ErrorKind::Usage => NestedError::Invalid(error.message),
        ErrorKind::Overloaded | ErrorKind::Cancelled | ErrorKind::Internal => NestedError::Unavailable(error.message),
    }
}
