//! What the code that `#[skill]` writes calls. Not for people: it changes with the macro.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::{Output, ToolError, json, schema};

/// Reads a tool's input.
pub fn input<T: DeserializeOwned>(text: &str) -> Result<T, ToolError> {
    json::decode(text).map_err(|error| ToolError::InvalidInput(error.to_string()))
}

/// Reads the input of a tool that takes none: any object will do, as its schema says.
pub fn no_input(text: &str) -> Result<(), ToolError> {
    input::<BTreeMap<String, IgnoredAny>>(text).map(drop)
}

/// The schema of a tool that takes no input.
pub fn no_input_schema() -> String {
    r#"{"type":"object"}"#.to_owned()
}

/// The answer to a call of a tool that is none.
pub fn unknown_tool(tool: &str, known: &[&str]) -> ToolError {
    ToolError::InvalidInput(match known {
        [] => format!("there is no tool `{tool}`: this skill has none, it only handles messages"),
        known => format!("there is no tool `{tool}`: this skill has `{}`", known.join("`, `")),
    })
}

/// Stands for the type `T` that a tool returns, so that the macro, which knows no types, can ask what to do with it.
///
/// A method of `Returns<String>` goes before the method of the same name in [`DataReturn`], which holds for every type.
pub struct Returns<T>(PhantomData<fn() -> T>);

impl<T> Returns<T> {
    /// Of a tool that returns a `T`.
    #[allow(clippy::new_without_default, reason = "only the macro's code makes one")]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

/// A tool whose output is data.
#[diagnostic::on_unimplemented(
    message = "a tool cannot return this type",
    note = "return `String`, `Output`, `()` or a type that derives `Serialize` and `JsonSchema`, or a `Result` of these"
)]
pub trait DataReturn<T> {
    /// The schema of the data.
    fn schema(&self) -> Option<String>;
    /// The output that stands for the value.
    fn output(&self, value: T) -> Result<Output, ToolError>;
}

impl<T: Serialize + JsonSchema> DataReturn<T> for Returns<T> {
    fn schema(&self) -> Option<String> {
        Some(schema::of_output::<T>())
    }

    fn output(&self, value: T) -> Result<Output, ToolError> {
        Output::new().data(&value)
    }
}

macro_rules! without_schema {
    ($type:ty, $value:ident => $output:expr) => {
        impl Returns<$type> {
            /// There is no data, or it has no fixed shape.
            pub fn schema(&self) -> Option<String> {
                None
            }

            /// The output that stands for the value. Never fails.
            pub fn output(&self, $value: $type) -> Result<Output, ToolError> {
                Ok($output)
            }
        }
    };
}

without_schema!(Output, output => output);
without_schema!(String, text => Output::new().text(text));
without_schema!(&'static str, text => Output::new().text(text));
without_schema!((), _done => Output::new());
