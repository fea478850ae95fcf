//! What must hold of manifests whatever a skill says of itself, for fuzzing.
//!
//! Contract: any bytes are a manifest that keeps the limits, or refused in words that can be printed, in time; what breaks
//! a promise of [`super`] panics with it. Nothing of a host calls this. Price: two checks of a manifest, and of each schema
//! against itself.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skillhost_capabilities::Manifest;
use skillhost_types::Grant;

use super::{Described, ManifestError, check, is_deceptive, limits};
use crate::schema::Schema;

/// Longest manifest that is looked at, in bytes: a schema at its own limit fits, and a few of them make the slowest.
const LONGEST: usize = 256 << 10;

/// How long it may take: a schema at its limits takes some hundred milliseconds, ten times as long without optimisation.
const SLOWEST: Duration = Duration::from_secs(20);

/// Longest message, in bytes: a path in a schema and two excerpts of it, all escaped.
const LONGEST_MESSAGE: usize = 8_000;

/// Takes JSON as what a skill says, once with a handler and once without.
pub fn fuzz_manifest(bytes: &[u8]) {
    let Some(Ok(manifest)) = (bytes.len() <= LONGEST).then(|| serde_json::from_slice::<Manifest>(bytes)) else {
        return;
    };
    let start = Instant::now();
    let with = outcome(check(manifest.clone(), true));
    let without = outcome(check(manifest, false));
    let taken = start.elapsed();
    assert!(taken <= SLOWEST, "it took {taken:?}");
    // A handler allows subscriptions, and changes nothing else.
    assert!(without.is_none_or(|subscriptions| subscriptions == 0 && with == Some(0)), "{with:?}, {without:?}");
}

/// How many subscriptions it has, if it is taken.
fn outcome(checked: Result<Described, ManifestError>) -> Option<usize> {
    match checked {
        Ok(described) => {
            check_described(&described);
            Some(described.subscriptions.len())
        }
        Err(error) => {
            assert_printable(&error.to_string());
            None
        }
    }
}

fn check_described(described: &Described) {
    let Described { name, version, description, tools, subscriptions, wants } = described;
    assert!(version.to_string().len() <= limits::VERSION, "{version}");
    assert_honest(description, limits::DESCRIPTION);
    assert!(!tools.is_empty() || !subscriptions.is_empty(), "{name} does nothing");
    assert!(
        tools.len() <= limits::TOOLS && subscriptions.len() <= limits::SUBSCRIPTIONS && wants.len() <= limits::WANTS
    );
    for (place, tool) in tools.iter().enumerate() {
        assert!(tools.iter().take(place).all(|other| other.name != tool.name), "two tools {}", tool.name);
        assert_honest(&tool.description, limits::DESCRIPTION);
        assert!(tool.hints.len() <= limits::HINTS, "{}", tool.hints.len());
        assert_eq!(tool.input.document().get("type"), Some(&json!("object")), "the input of {}", tool.name);
        [Some(&tool.input), tool.output.as_ref()].into_iter().flatten().for_each(check_schema);
    }
    let patterns = |schema: &Schema| schema.pattern_bytes();
    let patterns: usize =
        tools.iter().map(|tool| patterns(&tool.input) + tool.output.as_ref().map_or(0, patterns)).sum();
    assert!(patterns <= limits::PATTERNS, "{patterns} bytes of patterns");
    for pattern in subscriptions {
        assert_honest(pattern, limits::PATTERN);
        assert!(!pattern.is_empty() && !pattern.contains(char::is_whitespace), "{pattern:?}");
    }
    for want in wants {
        let grant = Grant::try_from(want);
        assert!(grant.is_ok(), "{want:?}: {grant:?}");
        assert_honest(&want.reason, limits::REASON);
    }
}

/// A document is checked, whatever it is; the schema itself is one that knows its names.
fn check_schema(schema: &Schema) {
    for document in [schema.document(), &Value::Null, &json!({}), &json!([[{}], "", 0])] {
        if let Err(mismatch) = schema.check(document) {
            assert_printable(&mismatch.path);
            assert_printable(&mismatch.message);
        }
    }
}

fn assert_honest(text: &str, limit: usize) {
    assert!(text.chars().count() <= limit, "{} characters", text.chars().count());
    assert!(!text.contains(|char| is_deceptive(char) && !matches!(char, '\n' | '\t')), "{text:?}");
}

fn assert_printable(message: &str) {
    assert!(message.len() <= LONGEST_MESSAGE && !message.contains(is_deceptive), "{message:?}");
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_corpus_is_replayed() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/manifest");
        let files: Vec<_> = fs::read_dir(&corpus).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty(), "{} is empty", corpus.display());
        for file in files {
            println!("{}", file.display());
            fuzz_manifest(&fs::read(file).unwrap());
        }
    }
}
