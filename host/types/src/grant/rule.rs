use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::{GrantError, shown};
use super::{Capability, Grant, split};
use crate::SkillName;

/// The segment of a rule's scope that stands for the skill's name.
const OWN_NAME: &str = "self";

/// What divides a scope into segments.
const DIVIDERS: [char; 4] = [':', '.', '/', ' '];

/// The name that stands in for `self` when a rule is read: as long as names get, so that a rule that fits it fits all.
const LONGEST_NAME: &str = "n23456789012345678901234567890123456789012345678";

/// Grants as configuration states them for every skill: the capability may be `family.*` or `*`, and the segment
/// `self` of the scope is the skill's name. `blackboard.* self:*` gives a skill the keys and channels of its own name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRule {
    capability: String,
    scope: String,
}

impl GrantRule {
    /// What the rule gives to `skill`. Capabilities that cannot have the scope are left out.
    pub fn of(&self, skill: &SkillName) -> Vec<Grant> {
        self.named(skill.as_str()).into_iter().filter_map(Result::ok).collect()
    }

    fn named(&self, name: &str) -> Vec<Result<Grant, GrantError>> {
        let own = |segment: &str| segment.trim_end_matches(DIVIDERS) == OWN_NAME;
        let segments = self.scope.split_inclusive(DIVIDERS);
        let scope: String = segments
            .map(|segment| if own(segment) { segment.replacen(OWN_NAME, name, 1) } else { segment.to_owned() })
            .collect();
        capabilities(&self.capability).map(|capability| Grant::new(capability, &scope)).collect()
    }
}

/// The capabilities that a name, `family.*` or `*` stands for.
fn capabilities(pattern: &str) -> impl Iterator<Item = Capability> {
    let family = pattern.strip_suffix('*').filter(|family| family.is_empty() || family.ends_with('.'));
    Capability::ALL.into_iter().filter(move |capability| {
        capability.as_str() == pattern || family.is_some_and(|family| capability.as_str().starts_with(family))
    })
}

impl FromStr for GrantRule {
    type Err = GrantError;

    /// Refuses a scope that none of the capabilities can have.
    fn from_str(text: &str) -> Result<Self, GrantError> {
        let (capability, scope) = split(text)?;
        let rule = Self { capability: capability.to_owned(), scope: scope.to_owned() };
        let grants = rule.named(LONGEST_NAME);
        if grants.iter().any(Result::is_ok) {
            return Ok(rule);
        }
        Err(match grants.into_iter().find_map(Result::err) {
            Some(GrantError::Scope { fault, .. }) => GrantError::scope(capability, scope, fault),
            Some(other) => other,
            None => GrantError::Capability(shown(capability)),
        })
    }
}

impl fmt::Display for GrantRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.capability, self.scope)
    }
}

impl Serialize for GrantRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GrantRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stand_in_is_a_name_and_none_is_longer() {
        assert!(SkillName::new(LONGEST_NAME).is_ok());
        assert!(SkillName::new(&format!("{LONGEST_NAME}x")).is_err());
    }
}
