//! The values that the host knows, as one automaton over all their forms.
//!
//! Contract: overlapping finds become one; what is found bears the name of the secret that begins first.
//! Price: built once per configuration. A search that finds nothing looks for the forms' beginnings only, vectorized,
//! in one pass for each eight secrets or so; the automaton itself holds the forms in clear, as the process must anyway.

use std::collections::BTreeSet;

use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{AhoCorasick, Anchored, BuildError, MatchKind};
use secrecy::{ExposeSecret, SecretString};

use crate::{MAX_SECRET_BYTES, MIN_SECRET_BYTES, RedactionError, forms};

/// How much of each form the first look takes: enough to be rare, and the same for many forms of one value.
const BEGINNING: usize = 8;

/// As many beginnings can be looked for at once in a vectorized way; more are looked for in turns.
const AT_ONCE: usize = 64;

/// What is written in place of a find must not break the text around it, such as JSON, a header or a log line.
const MAX_NAME_BYTES: usize = 64;

pub(crate) struct Known {
    beginnings: Vec<AhoCorasick>,
    forms: NFA,
    start: StateID,
    /// By pattern of `forms`.
    placeholders: Vec<String>,
}

impl Known {
    pub(crate) fn new(secrets: &[(String, SecretString)]) -> Result<Self, RedactionError> {
        let (mut patterns, mut placeholders) = (Vec::new(), Vec::new());
        for (name, value) in secrets {
            check_name(name)?;
            // A file's last line break is no part of what is sent.
            let value = value.expose_secret().trim();
            match value.len() {
                bytes @ ..MIN_SECRET_BYTES => return Err(RedactionError::TooShort { name: name.clone(), bytes }),
                bytes if bytes > MAX_SECRET_BYTES => return Err(RedactionError::TooLong { name: name.clone(), bytes }),
                _ => {}
            }
            for form in forms::forms(value) {
                patterns.push(form);
                placeholders.push(format!("[redacted:{name}]"));
            }
        }
        let search = |error: BuildError| RedactionError::Search(error.to_string());
        let beginnings: BTreeSet<_> = patterns.iter().map(|form| form.get(..BEGINNING).unwrap_or(form)).collect();
        let beginnings = Vec::from_iter(beginnings)
            .chunks(AT_ONCE)
            .map(|some| AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(some))
            .collect::<Result<_, _>>()
            .map_err(search)?;
        // Overlapping finds need `Standard`; a full table would take kilobytes for each byte of a long key.
        let forms = NFA::builder().match_kind(MatchKind::Standard).build(&patterns).map_err(search)?;
        let start = forms.start_state(Anchored::No).map_err(|error| RedactionError::Search(error.to_string()))?;
        Ok(Self { beginnings, forms, start, placeholders })
    }

    /// Whether a look at every byte is worth it.
    pub(crate) fn may_be_in(&self, bytes: &[u8]) -> bool {
        self.beginnings.iter().any(|some| some.is_match(bytes))
    }

    pub(crate) fn longest(&self) -> usize {
        self.forms.max_pattern_len()
    }

    pub(crate) fn start(&self) -> StateID {
        self.start
    }

    /// One byte further; gives the longest form that ends with it, as length and index.
    pub(crate) fn step(&self, state: &mut StateID, byte: u8) -> Option<(usize, usize)> {
        *state = self.forms.next_state(Anchored::No, *state, byte);
        if !self.forms.is_match(*state) {
            return None;
        }
        let ending = (0..self.forms.match_len(*state)).map(|index| self.forms.match_pattern(*state, index));
        ending.map(|form| (self.forms.pattern_len(form), form.as_usize())).max()
    }

    pub(crate) fn placeholder(&self, form: usize) -> &str {
        self.placeholders.get(form).map_or(crate::PLACEHOLDER, String::as_str)
    }

    /// How many forms are sought.
    pub(crate) fn forms(&self) -> usize {
        self.placeholders.len()
    }
}

fn check_name(name: &str) -> Result<(), RedactionError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(plain) {
        return Err(RedactionError::Name { name: name.to_owned(), most: MAX_NAME_BYTES });
    }
    Ok(())
}
