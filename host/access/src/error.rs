//! Why tokens cannot be read or changed, with the way out.

use std::path::PathBuf;

use skillhost_store::StoreError;

use crate::tokens::LONGEST_NAME;

/// Why tokens could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A name that no token can have.
    #[error("`{given}` is no name for a token: it must be 1 to {LONGEST_NAME} of a-z, 0-9, `-`, `_` and `.`")]
    Name {
        /// Its beginning, escaped.
        given: String,
    },
    /// The name is in use.
    #[error("there is a token `{name}` already; choose another name, or take it back: skillhost token revoke {name}")]
    Taken {
        /// The name.
        name: String,
    },
    /// The system gave no randomness, without which there are no tokens.
    #[error("no token can be made without the system's randomness: {0}")]
    Random(getrandom::Error),
    /// The file for the first token could not be written; there is still none.
    #[error("{} cannot be written: {source}; check that its folder is yours to write, or make a token with \
             `skillhost token add`", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database failed.
    #[error("tokens: {0}")]
    Store(#[from] StoreError),
}
