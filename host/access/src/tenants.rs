//! Whose world a token sees.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use skillhost_types::{NameError, Tenant};

/// How all tenants are written. No tenant can have this name.
const ALL: &str = "*";

/// Whose world a token sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenants {
    /// This tenant's and nobody else's.
    One(Tenant),
    /// Everybody's.
    All,
}

/// A text that stands for no tenant and not for all of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; or `{ALL}`, which is all tenants")]
pub struct ParseTenantsError(#[from] NameError);

impl Tenants {
    /// Is what belongs to `tenant` shown?
    pub fn sees(&self, tenant: &Tenant) -> bool {
        self.only().is_none_or(|only| only == tenant)
    }

    /// The tenant by which everything that is asked for is to be filtered; none: by no tenant.
    pub fn only(&self) -> Option<&Tenant> {
        match self {
            Self::One(tenant) => Some(tenant),
            Self::All => None,
        }
    }

    /// Whose a run is that is asked for with the token: who sees all tenants runs as the default one.
    pub fn runs_as(&self) -> Tenant {
        self.only().cloned().unwrap_or_default()
    }
}

impl FromStr for Tenants {
    type Err = ParseTenantsError;

    fn from_str(text: &str) -> Result<Self, ParseTenantsError> {
        if text == ALL { Ok(Self::All) } else { Ok(Self::One(text.parse()?)) }
    }
}

impl fmt::Display for Tenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.only().map_or(ALL, Tenant::as_str))
    }
}

impl Serialize for Tenants {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tenant_sees_itself_and_all_see_everybody() {
        let (ours, theirs): (Tenant, Tenant) = ("ours".parse().unwrap(), "theirs".parse().unwrap());
        let one: Tenants = "ours".parse().unwrap();
        assert!(one.sees(&ours) && !one.sees(&theirs));
        assert_eq!((one.only(), one.runs_as()), (Some(&ours), ours.clone()));
        let all: Tenants = "*".parse().unwrap();
        assert!(all.sees(&ours) && all.sees(&theirs));
        assert_eq!((all.only(), all.runs_as()), (None, Tenant::default()));
    }

    #[test]
    fn tenants_are_written_as_they_are_read() {
        for text in ["*", "default", "team-7"] {
            let tenants: Tenants = text.parse().unwrap();
            assert_eq!(tenants.to_string(), text);
            assert_eq!(serde_json::to_value(tenants).unwrap(), text);
        }
        for bad in ["", "**", "* ", "Team", "a,b"] {
            assert!(bad.parse::<Tenants>().is_err(), "{bad}");
        }
    }
}
