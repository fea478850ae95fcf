//! What a skill may do: a capability and a scope, as in `blackboard.read agent:*`.
//!
//! Contract: a grant is read once, at the edge, and prints as it was read. Whether one covers another is decided over
//! what they match, not over their text, and in doubt the answer is no. An HTTP scope matches an IP address or
//! `localhost` only where it names exactly that; no wildcard does.
//! Price: a check allocates nothing and costs at most scope × subject for each grant of its capability. Whether one
//! grant covers another is decided within a fixed number of steps.

mod capability;
mod error;
mod http;
mod rule;
mod scope;
mod set;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::capability::Capability;
pub use self::error::{GrantError, ScopeFault};
pub use self::http::{HttpScope, HttpTarget, Scheme};
pub use self::rule::GrantRule;
pub use self::set::Grants;

use self::error::shown;
use self::scope::Scope;
use crate::Want;

/// Most characters of a wrong text that a message repeats: enough to recognise it, and one line.
const LONGEST_SHOWN: usize = 128;

/// The scope that is the whole of every capability.
const EVERYTHING: &str = "*";

/// A capability within a scope. Ordered by text; a clone shares what it was parsed to.
#[derive(Clone)]
pub struct Grant {
    capability: Capability,
    scope: Arc<Scope>,
}

impl Grant {
    /// The grant of `capability` within `scope`, whose grammar is that of the capability.
    pub fn new(capability: Capability, scope: &str) -> Result<Self, GrantError> {
        match Scope::parse(capability, scope) {
            Ok(parsed) => Ok(Self { capability, scope: Arc::new(parsed) }),
            Err(fault) => Err(GrantError::scope(capability.as_str(), scope, fault)),
        }
    }

    /// The whole of a capability. Of `http.request` it leaves out IP addresses and `localhost`, as every wildcard does.
    pub fn full(capability: Capability) -> Self {
        Self { capability, scope: Arc::new(Scope::full(capability)) }
    }

    /// What it allows.
    pub fn capability(&self) -> Capability {
        self.capability
    }

    /// Within which bounds, as it was written.
    pub fn scope(&self) -> &str {
        self.scope.as_str()
    }

    /// Does it allow everything that `other` allows? No also where that cannot be decided in few enough steps.
    pub fn covers(&self, other: &Self) -> bool {
        self.capability == other.capability && self.scope.covers(&other.scope)
    }

    /// As a word for a shell: in quotes, with what a stranger may have put between them.
    pub fn quoted(&self) -> String {
        format!("'{}'", self.to_string().replace('\'', r"'\''"))
    }

    /// Does a want of this ask for `grant`? For everything that it covers; a want of everything asks also for the addresses that no
    /// wildcard grants.
    pub fn asks_for(&self, grant: &Self) -> bool {
        self.covers(grant) || (self.capability == grant.capability && self.scope() == EVERYTHING)
    }

    /// Capability and scope, whose order is that of the text: no capability's name goes on with less than a space.
    fn key(&self) -> (&str, &str) {
        (self.capability.as_str(), self.scope())
    }
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let (capability, scope) = split(text)?;
        Self::new(capability.parse()?, scope)
    }
}

/// The first word is the capability; the rest is the scope.
fn split(text: &str) -> Result<(&str, &str), GrantError> {
    text.split_once(' ').ok_or_else(|| GrantError::Form(shown(text)))
}

impl TryFrom<&Want> for Grant {
    type Error = GrantError;

    fn try_from(want: &Want) -> Result<Self, GrantError> {
        Self::new(want.capability.parse()?, &want.scope)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.capability, self.scope())
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

impl PartialEq for Grant {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Grant {}

impl PartialOrd for Grant {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Grant {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Hash for Grant {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl Serialize for Grant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
