//! Agent skills in Rust: annotated functions in, a WebAssembly component out.
//!
//! Contract: a module marked [`#[skill]`](macro@skill) stays plain Rust. What is added is `manifest()` and
//! `call(tool, json)`, the very dispatch that the host uses, and on WebAssembly targets the component's exports. A
//! component imports only the host interfaces that its code reaches.
//! Price: the schemas are made from the types whenever the host asks, which is once per absorbed file.
//!
//! ```
//! use skillhost_sdk::prelude::*;
//!
//! /// Counts things in texts.
//! #[skill(wants("blackboard.write count:*" = "keeps a running total"))]
//! mod counter {
//!     use super::*;
//!
//!     /// What to count in.
//!     #[derive(Deserialize, JsonSchema)]
//!     pub struct Text {
//!         /// Any text.
//!         text: String,
//!     }
//!
//!     /// What was counted.
//!     #[derive(Serialize, JsonSchema)]
//!     pub struct Count {
//!         words: usize,
//!         total: i64,
//!     }
//!
//!     /// Counts the words of a text, and of all texts so far.
//!     #[tool]
//!     pub fn count_words(input: Text) -> Result<Count, ToolError> {
//!         let words = input.text.split_whitespace().count();
//!         let total = blackboard::add("count:words", i64::try_from(words)?)?;
//!         info!("{words} words, {total} in all");
//!         Ok(Count { words, total })
//!     }
//! }
//!
//! # fn main() -> Result<(), ToolError> {
//! // Outside of a host there is `skillhost_sdk::mock`, so a test needs no preparation.
//! let output = counter::call("count-words", r#"{"text": "to be or not"}"#)?;
//! assert_eq!(output.value(), json!({"words": 4, "total": 4}));
//!
//! let refused = counter::call("count-words", r#"{"text": 7}"#);
//! assert!(matches!(refused, Err(ToolError::InvalidInput(why)) if why.starts_with("`text`")));
//! # Ok(())
//! # }
//! ```
//!
//! # Attributes
//!
//! | attribute | says |
//! |---|---|
//! | `#[skill(…)]` on an inline `mod` | `name`, `version`, `description` (else from Cargo and the doc comment), `wants("capability scope" = "reason", …)`, `subscribe("channel:*", …)` |
//! | `#[tool(…)]` on a function in it | the hints `read_only`, `destructive`, `idempotent`, `open_world`; `name` (else the function's in kebab-case); `output = Type`, the schema of an [`Output`]'s data |
//! | `#[handler]` on one function in it | it gets every [`Message`] of the subscribed channels |
//!
//! A tool takes nothing or one `Deserialize + JsonSchema` type, and returns a `Serialize + JsonSchema` type (data),
//! `String` (text), [`Output`] (both), `()`, or a `Result` of these. [`prelude`] has all that is usually needed.

// The macros write the crate's name; within the crate, too, it has to mean something.
extern crate self as skillhost_sdk;

pub mod blackboard;
pub mod events;
pub mod llm;
pub mod prelude;
pub mod run;
pub mod skills;

mod dispatch;
mod error;
mod json;
mod manifest;
mod message;
mod output;
mod schema;

#[cfg(target_family = "wasm")]
#[path = "guest/mod.rs"]
mod backend;

#[cfg(not(target_family = "wasm"))]
pub mod mock;
#[cfg(not(target_family = "wasm"))]
use mock::host as backend;

pub use error::{CallError, HostError, ResultExt, ToolError};
pub use manifest::{Hints, Manifest, Tool, Want};
pub use message::Message;
pub use output::{Blob, Content, Output};
pub use skillhost_sdk_macros::{handler, skill, tool};

pub use schemars;
pub use serde;
pub use serde_json;

/// What the code that the attributes write calls.
#[doc(hidden)]
pub mod __private {
    pub use crate::dispatch::{
        AnyReturn, DataReturn, Handled, Returns, input, no_input, no_input_schema, unknown_tool,
    };
    pub use crate::manifest::{Agent, Skill};
    pub use crate::schema::{of_input, of_output};

    #[cfg(target_family = "wasm")]
    pub use crate::backend::exports::{
        ExportedHandler, ExportedSkill, export_handler, export_skill, handler_bindings, skill_bindings,
    };
}
