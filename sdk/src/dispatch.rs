//! What the code that `#[skill]` writes calls. Not for people: it changes with the macro.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::{Manifest, Output, ToolError, json, schema};

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
pub fn unknown_tool(tool: &str, manifest: &Manifest) -> ToolError {
    let known: Vec<&str> = manifest.tools.iter().map(|tool| tool.name.as_str()).collect();
    ToolError::InvalidInput(match known.as_slice() {
        [] => format!("there is no tool `{tool}`: this skill has none, it only handles messages"),
        known => format!("there is no tool `{tool}`: this skill has `{}`", known.join("`, `")),
    })
}

/// Stands for the type `T` that a tool returns, so that the macro, which knows no types, can ask what to do with it.
///
/// A method of `Returns<Result<_, _>>` or `Returns<String>` goes before the method of the same name in [`AnyReturn`] and
/// [`DataReturn`], which hold for every type.
pub struct Returns<T>(PhantomData<fn() -> T>);

impl<T> Returns<T> {
    /// Of a function without parameters.
    pub fn of_none(_: fn() -> T) -> Self {
        Self(PhantomData)
    }

    /// Of a function with one parameter.
    pub fn of<I>(_: fn(I) -> T) -> Self {
        Self(PhantomData)
    }
}

impl<T, E> Returns<Result<T, E>> {
    /// What it returns when all goes well.
    pub fn good(&self) -> Returns<T> {
        Returns(PhantomData)
    }

    /// Takes what it returned apart.
    pub fn take(&self, result: Result<T, E>) -> Result<T, ToolError>
    where
        E: Into<ToolError>,
    {
        result.map_err(Into::into)
    }
}

/// A function that cannot fail.
pub trait AnyReturn<T> {
    /// What it returns.
    fn good(&self) -> Returns<T>;
    /// Takes what it returned.
    fn take(&self, value: T) -> Result<T, ToolError>;
}

impl<T> AnyReturn<T> for Returns<T> {
    fn good(&self) -> Returns<T> {
        Returns(PhantomData)
    }

    fn take(&self, value: T) -> Result<T, ToolError> {
        Ok(value)
    }
}

/// A tool whose output is data.
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

/// What a handler may return.
#[diagnostic::on_unimplemented(message = "a handler returns `()`, or a `Result<(), E>` whose `E` can be shown as text")]
pub trait Handled {
    /// As the contract has it.
    fn into_result(self) -> Result<(), String>;
}

impl Handled for () {
    fn into_result(self) -> Result<(), String> {
        Ok(self)
    }
}

impl<E: Display> Handled for Result<(), E> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}
