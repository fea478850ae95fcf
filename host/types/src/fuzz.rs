//! What must hold of grants whatever text they are read from, for fuzzing.
//!
//! Contract: any bytes are grants, rules and subjects, or refused in words that can be printed; what breaks a promise
//! of grants panics with the grants that break it. Nothing of a host calls this. Price: a square of [`MOST_LINES`].

use std::fmt::{Debug, Display};
use std::str::FromStr;

use url::Url;

use crate::{Capability, Grant, GrantError, GrantRule, Grants, HttpTarget, Scheme, SkillName};

/// Lines that are looked at. Each is held against each, and four tell all that two grants and their subjects can.
const MOST_LINES: usize = 8;

/// Longest message, in bytes: that of an unknown capability names the known ones.
const LONGEST_MESSAGE: usize = 2_000;

/// Names that rules are expanded for: the shortest, a usual one, and the longest.
const NAMES: [&str; 3] = ["a", "text-kit", "a-name-of-forty-eight-characters-which-is-all-it"];

/// Takes every line as a grant, as a rule and as a subject.
pub fn fuzz_grants(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().take(MOST_LINES).collect();
    let grants: Vec<Grant> = lines.iter().copied().filter_map(read).collect();
    let subjects: Vec<String> =
        lines.iter().map(|line| (*line).to_owned()).chain(grants.iter().flat_map(samples)).collect();
    for inner in &grants {
        assert!(inner.covers(inner), "{inner} does not cover itself");
        for outer in grants.iter().filter(|outer| outer.covers(inner)) {
            for subject in subjects.iter().filter(|subject| allows(inner, subject)) {
                assert!(allows(outer, subject), "{outer} covers {inner}, but allows no {subject:?}");
            }
        }
    }
    check_effective(&grants);
    lines.into_iter().filter_map(read).for_each(check_rule);
}

/// The value that `text` is, which prints as that.
fn read<T>(text: &str) -> Option<T>
where
    T: FromStr<Err = GrantError> + Display + Debug + PartialEq,
{
    match text.parse::<T>() {
        Ok(value) => {
            assert_eq!(value.to_string(), text);
            assert_eq!(value.to_string().parse().as_ref(), Ok(&value));
            Some(value)
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.len() <= LONGEST_MESSAGE && !message.contains(char::is_control), "{message:?}");
            None
        }
    }
}

/// Texts that the scope of `grant` may match: its wild characters as nothing, as one letter, and as many.
fn samples(grant: &Grant) -> impl Iterator<Item = String> {
    let scope = if grant.scope() == "*" { "https://a.test/" } else { grant.scope() };
    let wild = |one: &str, many: &str| scope.replace('?', one).replace('*', many);
    [wild("a", ""), wild("a", "a"), wild(":", "b.c"), wild("é", "x/y:z"), wild("7", "7")].into_iter()
}

fn allows(grant: &Grant, subject: &str) -> bool {
    let grants = Grants::from_iter([grant.clone()]);
    if grant.capability() != Capability::HttpRequest {
        return grants.allows(grant.capability(), subject);
    }
    let (method, address) = subject.split_once(' ').unwrap_or(("GET", subject));
    let Ok(url) = Url::parse(address) else { return false };
    let (Ok(scheme), Some(host)) = (url.scheme().parse::<Scheme>(), url.host()) else { return false };
    let port = url.port().unwrap_or(scheme.port());
    grants.allows_http(&HttpTarget { method, scheme, host, port, path: url.path() }).is_some()
}

/// Whichever of them are asked for, and whichever are given: what is held was both.
fn check_effective(grants: &[Grant]) {
    let (wants, given) = grants.split_at(grants.len() / 2);
    let (wants, given) = (wants.iter().cloned().collect(), given.iter().cloned().collect());
    for held in Grants::effective(&wants, &given).iter() {
        assert!(given.covers(held), "{held} was not given");
        assert!(wants.iter().any(|want| want.asks_for(held)), "{held} was not asked for");
    }
}

fn check_rule(rule: GrantRule) {
    for name in NAMES.into_iter().filter_map(|name| SkillName::new(name).ok()) {
        let grants = rule.of(&name);
        assert!(!grants.is_empty(), "{rule} gives nothing to {name}");
        for grant in grants {
            assert_eq!(read(&grant.to_string()), Some(grant));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_corpus_is_replayed() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/grants");
        let files: Vec<_> = fs::read_dir(&corpus).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty(), "{} is empty", corpus.display());
        for file in files {
            println!("{}", file.display());
            fuzz_grants(&fs::read(file).unwrap());
        }
    }

    #[test]
    fn rules_are_expanded_for_names_of_every_length() {
        assert!(NAMES.iter().all(|name| SkillName::new(name).is_ok()));
        assert_eq!(NAMES.map(str::len), [1, 8, 48]);
    }
}
