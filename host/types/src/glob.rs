mod contain;

use std::fmt;

/// A pattern with the grammar and the byte semantics of Redis: `*`, `?`, `[abc]`, `[a-c]`, `[^a-c]`, `\x`.
///
/// Matching keeps one point to return to, so it costs at most pattern × text, whatever the pattern.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Glob {
    text: String,
    tokens: Vec<Token>,
    /// The bytes that the pattern begins with before anything wild: most texts differ there.
    prefix: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Token {
    AnyRun,
    AnyByte,
    Byte(u8),
    Class(ByteSet),
}

impl Token {
    fn takes(&self, byte: u8) -> bool {
        match self {
            Self::AnyRun => false,
            Self::AnyByte => true,
            Self::Byte(own) => *own == byte,
            Self::Class(set) => set.has(byte),
        }
    }
}

/// A bit for every byte, so that a class of many ranges costs no more than one byte.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct ByteSet {
    low: u128,
    high: u128,
}

impl ByteSet {
    fn has(&self, byte: u8) -> bool {
        let half = if byte < 128 { self.low } else { self.high };
        half >> (byte % 128) & 1 == 1
    }

    fn add(&mut self, byte: u8) {
        let half = if byte < 128 { &mut self.low } else { &mut self.high };
        *half |= 1 << (byte % 128);
    }

    fn others(&self) -> Self {
        Self { low: !self.low, high: !self.high }
    }
}

impl Glob {
    /// Reads a pattern. Every text is one, as in Redis: an unclosed class ends with the pattern.
    pub fn new(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut rest = text.as_bytes();
        while let Some((&first, tail)) = rest.split_first() {
            rest = tail;
            let token = match first {
                b'*' => Token::AnyRun,
                b'?' => Token::AnyByte,
                b'[' => class(&mut rest),
                b'\\' => match rest.split_first() {
                    Some((&escaped, tail)) => {
                        rest = tail;
                        Token::Byte(escaped)
                    }
                    None => Token::Byte(b'\\'),
                },
                byte => Token::Byte(byte),
            };
            if token != Token::AnyRun || tokens.last() != Some(&Token::AnyRun) {
                tokens.push(token);
            }
        }
        let literal = |token: &Token| if let Token::Byte(byte) = token { Some(*byte) } else { None };
        let prefix = tokens.iter().map_while(literal).collect();
        Self { text: text.to_owned(), tokens, prefix }
    }

    /// The pattern that matches `text` and nothing else.
    pub fn escape(text: &str) -> String {
        let mut pattern = String::with_capacity(text.len());
        for char in text.chars() {
            if matches!(char, '*' | '?' | '[' | '\\') {
                pattern.push('\\');
            }
            pattern.push(char);
        }
        pattern
    }

    /// Does the whole of `text` match?
    pub fn matches(&self, text: &str) -> bool {
        let mut steps = u64::MAX;
        self.matches_within(text, &mut steps).unwrap_or_default()
    }

    /// The same in at most so many `steps`, which are used up; none if they do not suffice.
    pub fn matches_within(&self, text: &str, steps: &mut u64) -> Option<bool> {
        let text = text.as_bytes();
        if !text.starts_with(&self.prefix) {
            *steps = steps.checked_sub(1)?;
            return Some(false);
        }
        let (mut at_token, mut at_text) = (self.prefix.len(), self.prefix.len());
        let mut back: Option<(usize, usize)> = None;
        loop {
            *steps = steps.checked_sub(1)?;
            match (self.tokens.get(at_token), text.get(at_text)) {
                (None, None) => return Some(true),
                (Some(Token::AnyRun), _) if at_token + 1 == self.tokens.len() => return Some(true),
                (Some(Token::AnyRun), _) => {
                    back = Some((at_token + 1, at_text));
                    at_token += 1;
                    continue;
                }
                (Some(token), Some(byte)) if token.takes(*byte) => {
                    at_token += 1;
                    at_text += 1;
                    continue;
                }
                _ => {}
            }
            // The run before takes one byte more.
            let Some((token, start)) = back.filter(|(_, start)| *start < text.len()) else {
                return Some(false);
            };
            back = Some((token, start + 1));
            (at_token, at_text) = (token, start + 1);
        }
    }

    /// What every text that matches begins with.
    pub fn prefix(&self) -> &str {
        // What is wild begins and ends at ASCII characters, so none is cut in two.
        std::str::from_utf8(&self.prefix).unwrap_or_default()
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn class(rest: &mut &[u8]) -> Token {
    let negated = rest.first() == Some(&b'^');
    if negated {
        *rest = rest.get(1..).unwrap_or_default();
    }
    let mut set = ByteSet::default();
    loop {
        let (low, high, tail) = match **rest {
            [] => break,
            [b']', ref tail @ ..] => {
                *rest = tail;
                break;
            }
            [b'\\', escaped, ref tail @ ..] => (escaped, escaped, tail),
            [low, b'-', high, ref tail @ ..] => (low.min(high), low.max(high), tail),
            [byte, ref tail @ ..] => (byte, byte, tail),
        };
        (low..=high).for_each(|byte| set.add(byte));
        *rest = tail;
    }
    Token::Class(if negated { set.others() } else { set })
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_in_redis() {
        for (pattern, text, expected) in [
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "hllo", true),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            ("[^a-c]", "b", false),
            ("[^a-c]", "d", true),
            (r"\*", "*", true),
            (r"\*", "x", false),
            (r"[\]]", "]", true),
            (r"a\", r"a\", true),
            ("[abc", "c", true),
            ("[]", "x", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("agent:*:thought", "agent:timmy:thought", true),
            ("a**b", "ab", true),
            ("*a", "aab", false),
            ("a*b*c", "axbxbxc", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn what_a_pattern_begins_with_is_known() {
        for (pattern, prefix) in
            [("", ""), ("*", ""), ("a:b*", "a:b"), (r"a\*b?", "a*b"), ("größe[ü]", "größe"), ("a", "a")]
        {
            assert_eq!(Glob::new(pattern).prefix(), prefix, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_does_not_explode() {
        let pattern = Glob::new(&"*a".repeat(200));
        assert!(!pattern.matches(&format!("{}b", "a".repeat(2_000))));
    }
}
