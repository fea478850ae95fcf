//! The three ways in which something says no: the host, another skill, the tool itself.
//!
//! Contract: a host function never traps to say no, it gives a [`HostError`]; every error of Rust's standard kind becomes
//! a [`ToolError`] through `?`, with its causes in the message, and `transient` where the host was only unavailable.

use std::error::Error;
use std::fmt::{self, Display};

/// Why the host refused or could not serve a call. A refusal is a value: the skill may go on without.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// No grant of this skill covers the call. Names the grant that would: `blackboard.write fleet:plan`.
    #[error("denied: {0}")]
    Denied(String),
    /// A budget, size or rate limit is used up. Names the limit and its value.
    #[error("limit reached: {0}")]
    Limit(String),
    /// An argument is malformed, or a stored value is not what was expected. Says which, and what was expected.
    #[error("invalid: {0}")]
    Invalid(String),
    /// The backend is down or did not answer in time; the same call may work later.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

/// Why a call of another skill gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The host refused the call or could not make it.
    #[error("the other skill was not called: {0}")]
    Host(#[from] HostError),
    /// The other skill ran and said no, or answered something else than was expected of it.
    #[error("{0}")]
    Tool(String),
}

/// What a tool says instead of an output.
///
/// `?` makes one of every error: a [`Transient`](Self::Transient) where [`HostError::Unavailable`] is among its causes,
/// else a [`Failed`](Self::Failed); [`ResultExt`] says otherwise. To allow that, this type is no [`Error`] itself.
///
/// ```
/// use skillhost_sdk::{ResultExt, ToolError};
///
/// fn port(text: &str) -> Result<u16, ToolError> {
///     let port = text.parse().or_invalid_input()?;
///     if port < 1024 {
///         return Err(ToolError::invalid_input(format_args!("port {port} is reserved: use 1024 or above")));
///     }
///     Ok(port)
/// }
/// assert_eq!(port("x"), Err(ToolError::invalid_input("invalid digit found in string")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolError {
    /// The input makes no sense to the tool. Says what to change.
    InvalidInput(String),
    /// The tool ran and failed; the same call would fail again.
    Failed(String),
    /// The tool failed for a passing reason; the same call may work later.
    Transient(String),
}

impl ToolError {
    /// The caller has to change the input; `text` says what.
    pub fn invalid_input(text: impl Display) -> Self {
        Self::InvalidInput(text.to_string())
    }

    /// It failed and would fail again.
    pub fn failed(text: impl Display) -> Self {
        Self::Failed(text.to_string())
    }

    /// It failed, but may work later.
    pub fn transient(text: impl Display) -> Self {
        Self::Transient(text.to_string())
    }

    /// What it says, without its kind.
    pub fn message(&self) -> &str {
        match self {
            Self::InvalidInput(text) | Self::Failed(text) | Self::Transient(text) => text,
        }
    }
}

impl Display for ToolError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.message())
    }
}

impl<E: Error + 'static> From<E> for ToolError {
    fn from(error: E) -> Self {
        let text = with_causes(&error);
        let passing =
            causes(&error).any(|cause| matches!(cause.downcast_ref::<HostError>(), Some(HostError::Unavailable(_))));
        if passing { Self::Transient(text) } else { Self::Failed(text) }
    }
}

/// Says which kind of [`ToolError`] an error is, where `?` alone would say `failed`.
pub trait ResultExt<T> {
    /// The input is at fault: an error is [`ToolError::InvalidInput`].
    fn or_invalid_input(self) -> Result<T, ToolError>;

    /// The moment is at fault: an error is [`ToolError::Transient`].
    fn or_transient(self) -> Result<T, ToolError>;
}

impl<T, E: Error + 'static> ResultExt<T> for Result<T, E> {
    fn or_invalid_input(self) -> Result<T, ToolError> {
        self.map_err(|error| ToolError::InvalidInput(with_causes(&error)))
    }

    fn or_transient(self) -> Result<T, ToolError> {
        self.map_err(|error| ToolError::Transient(with_causes(&error)))
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// The message and those of its causes, leaving out a cause that is already quoted.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error).skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}
