//! Foreign text in messages: escaped and cut, so that it changes neither the terminal nor the sentence.

use std::fmt;

use super::limits;

/// A foreign name or text that is fit for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown(String);

impl Shown {
    pub(crate) fn new(text: &str) -> Self {
        let mut shown: String = text.chars().take(limits::SHOWN).flat_map(escaped).collect();
        if text.chars().nth(limits::SHOWN).is_some() {
            shown.push('…');
        }
        Self(shown)
    }

    /// `name` within `folder`, as far as that can be written.
    pub(crate) fn within(folder: &str, name: &[u8]) -> Self {
        let name = String::from_utf8_lossy(name);
        if folder.is_empty() { Self::new(&name) } else { Self::new(&format!("{folder}/{name}")) }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Quotes stay as they are: they do no harm and stand in most messages of libraries.
fn escaped(char: char) -> impl Iterator<Item = char> {
    let plain = matches!(char, '"' | '\'').then_some(char);
    plain.into_iter().chain(plain.is_none().then(|| char.escape_debug()).into_iter().flatten())
}

/// Does `char` change how its neighbours are shown: a control character, a line separator or one that turns the
/// direction of writing?
pub(crate) fn is_deceptive(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_escaped_and_cut() {
        assert_eq!(Shown::new("a\u{1b}[31m\n\u{202e}ü").to_string(), r"a\u{1b}[31m\n\u{202e}ü");
        let long = Shown::new(&"x".repeat(10_000)).to_string();
        assert_eq!(long.chars().count(), limits::SHOWN + 1);
        assert!(long.ends_with('…'));
        assert_eq!(Shown::within("a", b"\xff").to_string(), "a/\u{fffd}");
    }

    #[test]
    fn letters_of_all_scripts_are_honest_and_marks_of_direction_are_not() {
        assert!("Grüße, שלום 👩‍💻 naïve 日本語".chars().all(|char| !is_deceptive(char)));
        for char in ['\0', '\u{7f}', '\u{85}', '\u{202e}', '\u{2067}', '\u{200f}'] {
            assert!(is_deceptive(char), "{char:?}");
        }
    }
}
