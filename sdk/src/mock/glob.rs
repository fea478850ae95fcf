//! Redis globs: `*`, `?`, `[abc]`, `[^a-c]`; a backslash escapes. As in Redis, `?` and a class take one byte, and a class that
//! is never closed ends with the pattern.
//!
//! Price: at most the product of both lengths, whatever the pattern.

/// Whether the whole text fits the pattern.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.as_bytes(), text.as_bytes());
    // Where to go on when what follows the last `*` does not fit: that `*` then takes one byte more.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', after @ ..] = pattern {
            pattern = after;
            retry = Some((after, text));
            continue;
        }
        if pattern.is_empty() && text.is_empty() {
            return true;
        }
        if let [byte, rest @ ..] = text
            && let Some(after) = take(pattern, *byte)
        {
            (pattern, text) = (after, rest);
            continue;
        }
        let Some((after, [_, rest @ ..])) = retry else { return false };
        (pattern, text) = (after, rest);
        retry = Some((after, rest));
    }
}

/// What is left of the pattern if its first element takes this byte.
fn take(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [b'?', after @ ..] => Some(after),
        [b'\\', escaped, after @ ..] => (*escaped == byte).then_some(after),
        [b'[', b'^', class @ ..] => take_class(class, byte, true),
        [b'[', class @ ..] => take_class(class, byte, false),
        [literal, after @ ..] => (*literal == byte).then_some(after),
        [] => None,
    }
}

/// `class` begins behind the bracket.
fn take_class(mut class: &[u8], byte: u8, negated: bool) -> Option<&[u8]> {
    let mut found = false;
    let after = loop {
        let (low, high, rest) = match class {
            [] => break class,
            [b']', after @ ..] => break after,
            [b'\\', escaped, rest @ ..] => (escaped, escaped, rest),
            [low, b'-', high, rest @ ..] => (low.min(high), low.max(high), rest),
            [literal, rest @ ..] => (literal, literal, rest),
        };
        found |= (*low..=*high).contains(&byte);
        class = rest;
    };
    (found != negated).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_pattern_fits_what_redis_says_it_fits() {
        let fits = [
            ("*", ""),
            ("agent:*", "agent:timmy:thought"),
            ("*:thought", "agent:timmy:thought"),
            ("a*b*c", "axxbyybzc"),
            ("h?llo", "hallo"),
            ("h??llo", "hällo"),
            ("[abc", "c"),
            ("[a-]", "a"),
            ("h[ae]llo", "hallo"),
            ("h[^e]llo", "hallo"),
            ("h[a-c]llo", "hbllo"),
            (r"\*", "*"),
            (r"a\?", "a?"),
        ];
        for (pattern, text) in fits {
            assert!(matches(pattern, text), "{pattern} should fit {text}");
        }
    }

    #[test]
    fn a_pattern_fits_nothing_else() {
        let misfits = [
            ("", "a"),
            ("agent:*", "agen"),
            ("a*b", "abc"),
            ("h?llo", "hllo"),
            ("h[^a]llo", "hallo"),
            ("h[a-c]llo", "hdllo"),
            (r"\*", "x"),
            ("[abc", "d"),
            ("[]", "a"),
            ("h?llo", "hällo"),
            ("?", ""),
        ];
        for (pattern, text) in misfits {
            assert!(!matches(pattern, text), "{pattern} should not fit {text}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_ends_soon() {
        let pattern = "*a".repeat(200);
        assert!(!matches(&pattern, &"b".repeat(10_000)));
    }
}
