use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest skill, tool and tenant name, in bytes: fixed by the contract (`[a-z][a-z0-9-]{0,47}`).
const LONGEST: usize = 48;

/// Longest name of a tool that comes from a plain component, in bytes. WIT sets no bound; this one keeps
/// `interface-function` names whole and lists readable.
const LONGEST_WIT: usize = 128;

/// A name that does not have the form that the contract asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no {what} name: it must be 1 to {LONGEST} of a-z, 0-9 and `-`, beginning with a letter")]
pub struct NameError {
    what: &'static str,
    given: String,
}

pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= LONGEST
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks that `text` is `[a-z][a-z0-9-]{0,47}`.
            pub fn new(text: &str) -> Result<Self, NameError> {
                if is_name(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(NameError { what: $what, given: crate::shown(text) })
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// A skill's identity; a newer file of the same name replaces it.
    SkillName,
    "skill"
);
name!(
    /// A tool's name, unique within its skill.
    ToolName,
    "tool"
);
name!(
    /// The boundary that nothing crosses: keys, events, memory, runs, agents.
    Tenant,
    "tenant"
);

impl SkillName {
    /// The name that a file stem such as `My_Tool.v2` stands for: lower case, words joined by `-`.
    pub fn from_file_stem(stem: &str) -> Result<Self, NameError> {
        let mut name = String::with_capacity(stem.len());
        let mut previous = ' ';
        for char in stem.chars() {
            if char.is_ascii_alphanumeric() {
                if char.is_ascii_uppercase() && previous.is_ascii_lowercase() {
                    name.push('-');
                }
                name.push(char.to_ascii_lowercase());
            } else if !name.is_empty() && !name.ends_with('-') {
                name.push('-');
            }
            previous = char;
        }
        Self::new(name.trim_end_matches('-'))
    }
}

impl ToolName {
    /// The name of a tool that is a WIT function. WIT labels may be longer and hold upper-case acronyms, which become lower
    /// case: two labels of one component differ in more than case.
    pub fn from_wit(label: &str) -> Result<Self, NameError> {
        let fits = label.len() <= LONGEST_WIT
            && label.starts_with(|first: char| first.is_ascii_alphabetic())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if fits { Ok(Self(label.to_ascii_lowercase().into())) } else { Self::new(label) }
    }
}

impl Default for Tenant {
    fn default() -> Self {
        Self("default".into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn names_are_lower_case_words_that_begin_with_a_letter() {
        for good in ["a", "text-kit", "a1-2", &"a".repeat(48)] {
            assert!(SkillName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "1a", "-a", "a_b", "a b", "ä", "a\u{202e}", &"a".repeat(49)] {
            assert!(SkillName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bad_name_is_shown_escaped() {
        let error = SkillName::new("a\u{1b}[31m").unwrap_err().to_string();
        assert!(error.contains(r"\u{1b}"), "{error}");
    }

    #[test]
    fn a_file_stem_becomes_kebab_case() {
        for (stem, name) in [("My_Tool.v2", "my-tool-v2"), ("textKit", "text-kit"), ("_x_", "x"), ("HTTP", "http")] {
            assert_eq!(SkillName::from_file_stem(stem).unwrap().as_str(), name);
        }
        assert!(SkillName::from_file_stem("42").is_err());
    }
}
