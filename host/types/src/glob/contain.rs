//! Whether one pattern matches everything that another one does.
//!
//! Contract: yes and no are exact over all texts of bytes; what takes more than [`STEPS`] is a no.
//! Price: at most [`STEPS`] steps, below a millisecond, and as many bytes of memory times eight. Patterns as people
//! write them take some microseconds.

use std::collections::HashSet;

use super::{Glob, Token};

/// Most steps, each a place of the outer pattern or a byte that is looked at. The longest scopes take less, unless they
/// are made to leave many places open at once, which can be exponentially many.
const STEPS: usize = 1 << 17;

/// Every place where the outer pattern may be: ascending, and nothing before the last run that was reached, whose place
/// matches whatever the earlier ones match.
type Places = Vec<usize>;

impl Glob {
    /// Does this pattern match everything that `other` matches? No also where that takes too long to decide.
    ///
    /// The inner pattern is followed as the automaton that it is, the outer one made deterministic on the way (the
    /// subset construction), and a state is sought where only the inner one has matched.
    pub fn contains(&self, other: &Self) -> bool {
        if self.tokens == [Token::AnyRun] || self.tokens == other.tokens {
            return true;
        }
        Search { outer: ordered(&self.tokens), inner: ordered(&other.tokens) }.holds().unwrap_or(false)
    }
}

struct Search {
    outer: Vec<Token>,
    inner: Vec<Token>,
}

impl Search {
    /// None: not within the steps.
    fn holds(&self) -> Option<bool> {
        let bytes = self.representatives();
        let mut left = STEPS;
        let mut start = Places::new();
        self.enter(&mut start, 0);
        let mut open = vec![(0, start)];
        let mut seen = vec![Vec::<Places>::new(); self.inner.len() + 1];
        while let Some((at, places)) = open.pop() {
            let here = seen.get_mut(at)?;
            left = left.checked_sub(here.iter().map(Places::len).sum::<usize>() + bytes.len())?;
            if self.matches_all(&places) || here.iter().any(|other| self.match_less(other, &places)) {
                continue;
            }
            here.push(places.clone());
            let Some(token) = self.inner.get(at) else {
                if places.last() == Some(&self.outer.len()) {
                    continue;
                }
                return Some(false);
            };
            let run = *token == Token::AnyRun;
            for &byte in bytes.iter().filter(|byte| run || token.takes(**byte)) {
                left = left.checked_sub(places.len() + 1)?;
                open.push((if run { at } else { at + 1 }, self.after(&places, byte)));
            }
            if run {
                open.push((at + 1, places));
            }
        }
        Some(true)
    }

    /// Where the outer pattern may be after one more byte.
    fn after(&self, places: &Places, byte: u8) -> Places {
        let mut after = Places::new();
        for &place in places {
            match self.outer.get(place) {
                Some(Token::AnyRun) => self.enter(&mut after, place),
                Some(token) if token.takes(byte) => self.enter(&mut after, place + 1),
                _ => {}
            }
        }
        after
    }

    /// Adds a place, and the one behind it if it is a run, which may be empty. Places are added in ascending order.
    fn enter(&self, places: &mut Places, place: usize) {
        if places.last().is_some_and(|last| *last >= place) {
            return;
        }
        if self.outer.get(place) == Some(&Token::AnyRun) {
            places.clear();
            places.extend([place, place + 1]);
        } else {
            places.push(place);
        }
    }

    /// The run that the places begin with, if they do.
    fn run(&self, places: &Places) -> Option<usize> {
        places.first().copied().filter(|first| self.outer.get(*first) == Some(&Token::AnyRun))
    }

    fn matches_all(&self, places: &Places) -> bool {
        self.run(places).is_some_and(|run| run + 1 == self.outer.len())
    }

    /// Does the rest of the outer pattern from `few` match no more than from `many`? Then whatever `many` leads to is
    /// found from `few` as well.
    fn match_less(&self, few: &Places, many: &Places) -> bool {
        let run = self.run(many).unwrap_or(0);
        few.iter().all(|place| *place < run || many.binary_search(place).is_ok())
    }

    /// One byte for each set of bytes that no token of either pattern tells apart.
    fn representatives(&self) -> Vec<u8> {
        let tokens: HashSet<&Token> = self.outer.iter().chain(&self.inner).collect();
        let mut kinds = HashSet::new();
        (0..=u8::MAX)
            .filter(|byte| kinds.insert(tokens.iter().map(|token| token.takes(*byte)).collect::<Vec<_>>()))
            .collect()
    }
}

/// The same pattern with single bytes before the runs that they stand beside: `*?` is `?*`. Fewer places of the outer
/// pattern are then possible at once.
fn ordered(tokens: &[Token]) -> Vec<Token> {
    let mut ordered = Vec::with_capacity(tokens.len());
    let mut run = false;
    for token in tokens {
        match token {
            Token::AnyRun => run = true,
            Token::AnyByte => ordered.push(Token::AnyByte),
            other => {
                if std::mem::take(&mut run) {
                    ordered.push(Token::AnyRun);
                }
                ordered.push(other.clone());
            }
        }
    }
    if run {
        ordered.push(Token::AnyRun);
    }
    ordered
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(outer: &str, inner: &str, expected: bool) {
        assert_eq!(Glob::new(outer).contains(&Glob::new(inner)), expected, "{outer} over {inner}");
    }

    #[test]
    fn a_pattern_contains_those_that_match_less() {
        for (outer, inner) in [
            ("*", ""),
            ("*", "[^a]*?\\*"),
            ("agent:*", "agent:timmy:*"),
            ("agent:*", "agent:?imm[xy]:*"),
            ("agent:*", "agent:"),
            ("a*c", "a*b*c"),
            ("*b*", "a*b"),
            ("?*", "*?"),
            ("*??*", "?*?"),
            ("[^a]*", "b*"),
            ("[a-z]", "[b-y]"),
            ("[a-z]*", "[abc]"),
            ("[^a]", "[^ab]"),
            ("[^a]", "[b-z]"),
            ("\\*", "[*]"),
            ("[a]", "a"),
            ("a", "[a]"),
            ("?", "[^]"),
            ("", "[]"),
            ("x", "a[]b"),
            ("*a*b*c*", "*abc*"),
            ("*[ab]?", "*[ab][ab][ab]"),
        ] {
            check(outer, inner, true);
        }
    }

    #[test]
    fn a_pattern_does_not_contain_one_that_matches_anything_else() {
        for (outer, inner) in [
            ("", "*"),
            ("a*", "*a"),
            ("a*", "*"),
            ("?", "*"),
            ("?*", "*"),
            ("agent:*", "agent*"),
            ("agent:*:x", "agent:*"),
            ("[^a]*", "[ab]*"),
            ("[^a]*", ""),
            ("[a-c]", "[a-d]"),
            ("[^ab]", "[^a]"),
            ("\\*", "*"),
            ("*ab", "*b"),
            ("*ab*", "*a*b*"),
            ("[]", "a"),
            ("*a*b*", "*b*a*"),
        ] {
            check(outer, inner, false);
        }
    }

    #[test]
    fn long_patterns_as_people_write_them_are_decided() {
        let path = "segment/".repeat(60);
        check(&format!("*{path}*"), &format!("*{path}x*"), true);
        check(&format!("*{path}x*"), &format!("*{path}*"), false);
        check(&format!("{path}*"), &format!("{path}*[a-z]?"), true);
    }

    #[test]
    fn a_hostile_pattern_is_refused_rather_than_decided() {
        // The end always matches. Of what comes before, each of thirty bytes keeps one place open and closes another.
        let end = format!("a{}b{}", "[ab]".repeat(29), "[ab]".repeat(60));
        let outer = Glob::new(&format!("*{end}"));
        let inner = Glob::new(&format!("{}{}{end}", "a".repeat(30), "[ab]".repeat(30)));
        let text = format!("{}{}a{}b{}", "a".repeat(30), "ab".repeat(15), "b".repeat(29), "a".repeat(60));
        assert!(inner.matches(&text) && outer.matches(&text));
        assert!(!outer.contains(&inner), "true, but not within the steps");
    }

    #[test]
    fn many_runs_are_decided() {
        let many = "*?[ab]".repeat(512);
        check(&many, &format!("{many}a"), true);
        check(&format!("{many}a"), &many, false);
    }

    /// Texts over an alphabet of three, up to the length at which patterns of five tokens differ if they do.
    fn texts() -> Vec<String> {
        let mut texts = vec![String::new()];
        let mut start = 0;
        for _ in 0..6 {
            let end = texts.len();
            for at in start..end {
                for letter in ['a', 'b', 'c'] {
                    let longer = format!("{}{letter}", texts.get(at).map_or("", String::as_str));
                    texts.push(longer);
                }
            }
            start = end;
        }
        texts
    }

    fn pattern() -> impl Strategy<Value = String> {
        let token = prop::sample::select(vec!["*", "?", "a", "b", "[ab]", "[^a]", "[^ab]", "[]"]);
        prop::collection::vec(token, 0..5).prop_map(|tokens| tokens.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn containment_is_what_trying_every_text_finds(outer in pattern(), inner in pattern()) {
            let (outer, inner) = (Glob::new(&outer), Glob::new(&inner));
            let tried = texts().iter().all(|text| !inner.matches(text) || outer.matches(text));
            prop_assert_eq!(outer.contains(&inner), tried);
        }
    }
}
