//! What a token may do.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// What a token may do. Each role may do all that those before it may: compare with `>=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Also runs tools.
    Caller,
    /// Also decides approvals.
    Admin,
}

/// A word that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such role; there are viewer (reads), caller (also runs tools) and admin (also decides approvals)")]
pub struct ParseRoleError;

impl Role {
    const ALL: [Self; 3] = [Self::Viewer, Self::Caller, Self::Admin];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Caller => "caller",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = ParseRoleError;

    fn from_str(text: &str) -> Result<Self, ParseRoleError> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(ParseRoleError)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_may_what_the_ones_before_it_may() {
        assert!(Role::Viewer < Role::Caller && Role::Caller < Role::Admin);
    }

    #[test]
    fn a_role_is_its_word_and_nothing_near_it() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        for bad in ["", "Admin", "admin ", "root", "viewer,admin"] {
            assert!(bad.parse::<Role>().is_err(), "{bad}");
        }
    }
}
