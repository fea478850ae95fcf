//! Queries and reshapes JSON with the jq language, as [jaq](https://github.com/01mf02/jaq) implements it.
//!
//! ```text
//! skillhost run jq.query filter='.items | map(.price) | add' input:='{"items":[{"price":2},{"price":3}]}'
//! skillhost run jq.query filter='select(.level == "error") | .message' text=@service.log
//! skillhost run jq.query filter='"Hello \($who)"' args:='{"who":"Ada"}'
//! ```
//!
//! Promises the language with its standard library (regular expressions, dates, `@csv`, `input` and `inputs`); modules,
//! files and environment variables do not exist. At most [`DEFAULT_LIMIT`] results, or as many as `limit` asks for, up
//! to [`MAX_LIMIT`]. Whole numbers are exact up to 64 bits. The time is the filter's own and ends with the run's fuel.

mod program;
mod query;
mod value;

pub use query::{Answer, Query};

use skillhost_sdk::prelude::*;

/// Results that a query gives when it does not say.
pub const DEFAULT_LIMIT: usize = 1_000;
/// Results that a query gives at the most; more is a file, not an answer.
pub const MAX_LIMIT: usize = 10_000;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("filter: {0}")]
    Filter(String),
    #[error("`text` is no JSON: {0}")]
    Text(String),
    #[error("`input` and `text` are both given: give one of them")]
    BothInputs,
    #[error("`limit` is {asked}: give 1 to {MAX_LIMIT}")]
    Limit { asked: usize },
    #[error("`{name}` in `args` cannot be a variable: use ASCII letters, digits and `_`, no digit first")]
    Variable { name: String },
    #[error("{0}")]
    Run(String),
    #[error("the filter halted with exit code {code}")]
    Halt { code: i32 },
    #[error("a result nests deeper than {} levels: flatten it in the filter", value::MAX_DEPTH)]
    Depth,
    #[error("a result has the key {0}, which is no text: use `tostring`")]
    Key(String),
}

impl Error {
    /// Whether the caller has to change the call; otherwise the filter ran and failed on this input.
    fn is_callers(&self) -> bool {
        match self {
            Self::Filter(_) | Self::Text(_) | Self::BothInputs | Self::Limit { .. } | Self::Variable { .. } => true,
            Self::Run(_) | Self::Halt { .. } | Self::Depth | Self::Key(_) => false,
        }
    }
}

/// Queries and reshapes JSON with the jq language.
#[skill]
pub mod jq {
    use super::*;

    /// Runs a jq filter on JSON and gives its results, for example `.items | map(.price) | add`.
    #[tool(read_only, idempotent)]
    pub fn query(input: Query) -> Result<Answer, ToolError> {
        crate::query::query(&input).map_err(|error| {
            if error.is_callers() { ToolError::invalid_input(error) } else { ToolError::failed(error) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(input: &str) -> Result<serde_json::Value, ToolError> {
        jq::call("query", input).map(|output| output.value())
    }

    #[test]
    fn a_query_gives_its_results() {
        let input = json!({"filter": ".a[]", "input": {"a": [1, "x", null]}});
        assert_eq!(call(&input.to_string()), Ok(json!({"results": [1, "x", null], "truncated": false})));
    }

    #[test]
    fn what_the_caller_can_mend_is_invalid_and_the_rest_has_failed() {
        let invalid = |input: serde_json::Value| matches!(call(&input.to_string()), Err(ToolError::InvalidInput(_)));
        assert!(invalid(json!({"filter": "nosuch"})));
        assert!(invalid(json!({"filter": ".", "text": "{"})));
        assert!(invalid(json!({"filter": ".", "inptu": 1})));
        assert!(invalid(json!({"input": 1})));
        assert_eq!(call(r#"{"filter":"error(\"no\")"}"#), Err(ToolError::failed("no")));
    }

    #[test]
    fn the_manifest_asks_for_nothing() {
        let manifest = jq::manifest();
        assert_eq!((manifest.name.as_str(), manifest.tools.len(), manifest.wants.len()), ("jq", 1, 0));
    }
}
