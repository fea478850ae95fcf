use std::sync::Arc;

use skillhost_types::shown;

use crate::BoardError;

/// Longest key or channel, in bytes: fixed by the contract.
const LONGEST: usize = 512;

fn check(what: &str, text: &str) -> Result<(), BoardError> {
    let complain = |must: &str| Err(BoardError::Invalid(format!("the {what} `{}` {must}", shown(text))));
    if text.is_empty() || text.len() > LONGEST {
        return complain(&format!("must be 1 to {LONGEST} bytes long, not {}", text.len()));
    }
    if text.starts_with('@') {
        return complain("must not begin with `@`, which marks other tenants");
    }
    if text.chars().any(|char| char.is_control() || char.is_whitespace()) {
        return complain("must be printable and without spaces");
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks that `text` is 1 to 512 bytes of printable UTF-8 without spaces, not beginning with `@`.
            pub fn new(text: &str) -> Result<Self, BoardError> {
                check($what, text).map(|()| Self(text.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// Where a value lies.
    Key,
    "key"
);
name!(
    /// Where messages are published.
    Channel,
    "channel"
);

/// What the host's own keys begin with. No guest can name one: `@` begins none of theirs.
pub(crate) const HOSTS_OWN: &str = "@:";

impl Key {
    /// A key of the host itself: no skill can name it, no listing shows it and no clearing deletes it.
    pub fn of_the_host(name: &str) -> Result<Self, BoardError> {
        check("name of a key of the host", name)?;
        let text = format!("{HOSTS_OWN}{name}");
        if text.len() > LONGEST {
            return Err(BoardError::Invalid(format!("the host's own key `{text}` is over {LONGEST} bytes long")));
        }
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_printable_without_spaces_and_not_of_another_tenant() {
        for good in ["a", "agent:timmy:thought", "größe", &"x".repeat(512)] {
            assert!(Key::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a\n", "a\u{0}", "a\u{a0}b", "@other:key", &"x".repeat(513)] {
            assert!(matches!(Key::new(bad), Err(BoardError::Invalid(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_key_of_the_host_cannot_be_named_by_a_skill() {
        let own = Key::of_the_host("lease:timmy").unwrap();
        assert_eq!(own.as_str(), "@:lease:timmy");
        assert!(Key::new(own.as_str()).is_err());
        assert!(Key::of_the_host(&"x".repeat(511)).is_err());
        assert!(Key::of_the_host("a b").is_err());
    }
}
