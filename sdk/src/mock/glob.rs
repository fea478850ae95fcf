//! Redis globs: `*`, `?`, `[abc]`, `[^a-c]`; a backslash escapes.
//!
//! Price: at most the product of both lengths, whatever the pattern.

/// Whether the whole text fits the pattern.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut pattern, mut rest): (&[char], &str) = (&pattern, text);
    // Where to go on when what follows the last `*` does not fit: that `*` then takes one character more.
    let mut retry: Option<(&[char], &str)> = None;
    loop {
        if let ['*', after @ ..] = pattern {
            pattern = after;
            retry = Some((after, rest));
            continue;
        }
        let mut characters = rest.chars();
        let step = match (pattern, characters.next()) {
            ([], None) => return true,
            (_, Some(character)) => one(pattern, character),
            (_, None) => None,
        };
        if let Some(after) = step {
            pattern = after;
            rest = characters.as_str();
            continue;
        }
        let Some((after, from)) = retry else { return false };
        let mut characters = from.chars();
        if characters.next().is_none() {
            return false;
        }
        pattern = after;
        rest = characters.as_str();
        retry = Some((after, rest));
    }
}

/// What is left of the pattern if its first element takes this character.
fn one(pattern: &[char], character: char) -> Option<&[char]> {
    match pattern {
        ['?', after @ ..] => Some(after),
        ['\\', escaped, after @ ..] => (*escaped == character).then_some(after),
        ['[', class @ ..] => one_of(class, character),
        [literal, after @ ..] => (*literal == character).then_some(after),
        [] => None,
    }
}

/// `class` begins behind the bracket. A class that is never closed fits nothing.
fn one_of(class: &[char], character: char) -> Option<&[char]> {
    let (negated, mut class) = match class {
        ['^', class @ ..] => (true, class),
        class => (false, class),
    };
    let mut found = false;
    loop {
        match class {
            [] => return None,
            [']', after @ ..] => return (found != negated).then_some(after),
            ['\\', escaped, after @ ..] => {
                found |= *escaped == character;
                class = after;
            }
            [low, '-', high, after @ ..] if *high != ']' => {
                found |= (*low.min(high)..=*low.max(high)).contains(&character);
                class = after;
            }
            [literal, after @ ..] => {
                found |= *literal == character;
                class = after;
            }
        }
    }
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
            ("h?llo", "hällo"),
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
            ("[abc", "a"),
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
