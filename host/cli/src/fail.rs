//! How a command fails: a message and an exit code.

use skillhost_types::ErrorKind;

use crate::print;

/// Why a command ended without its result.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Fail {
    kind: ErrorKind,
    message: String,
}

impl Fail {
    pub(crate) fn new(kind: ErrorKind, message: impl std::fmt::Display) -> Self {
        Self { kind, message: message.to_string() }
    }

    pub(crate) fn usage(message: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    pub(crate) fn not_found(message: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    pub(crate) fn failed(message: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::ToolError, message)
    }

    pub(crate) fn internal(message: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }

    pub(crate) fn print(&self) {
        print::error(&self.message);
    }
}
