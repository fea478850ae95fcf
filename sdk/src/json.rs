//! JSON in, JSON out. What does not fit is named by its path in the document, because that is what the sender knows.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::HostError;

/// Why a document is not of a type.
#[derive(Debug)]
pub(crate) struct Misfit {
    path: String,
    error: serde_json::Error,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The root's own path says nothing.
        if self.path != "." {
            write!(f, "`{}`: ", self.path)?;
        }
        self.error.fmt(f)
    }
}

pub(crate) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Misfit> {
    let mut document = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut document)
        .map_err(|error| Misfit { path: error.path().to_string(), error: error.into_inner() })?;
    document.end().map_err(|error| Misfit { path: ".".into(), error })?;
    Ok(value)
}

/// For what goes to the host.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<String, HostError> {
    serde_json::to_string(value).map_err(|error| HostError::Invalid(format!("it cannot be written as JSON: {error}")))
}
