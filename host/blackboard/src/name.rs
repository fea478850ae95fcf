use std::sync::Arc;

use crate::BoardError;

/// Longest key or channel, in bytes: fixed by the contract.
const LONGEST: usize = 512;

fn check(what: &str, text: &str) -> Result<(), BoardError> {
    let shown = || text.chars().take(64).flat_map(char::escape_default).collect::<String>();
    let complain = |must: &str| Err(BoardError::Invalid(format!("the {what} `{}` {must}", shown())));
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
}
