//! The rules by which a title gets its labels and its priority: a table to read and to extend, no model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How soon something has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// When there is time.
    Low,
    /// In its turn.
    Normal,
    /// Before the others.
    High,
    /// Now, and by a person.
    Critical,
}

/// What an issue is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Label {
    /// Somebody may get what is not theirs.
    Security,
    /// Something does not do what it should.
    Bug,
    /// Something takes too long or too much.
    Performance,
    /// Something is to be added or changed.
    Enhancement,
    /// Builds, tests and releases.
    Ci,
    /// Texts about the software.
    Documentation,
    /// Somebody asks.
    Question,
}

/// One line of the table: words of these beginnings, or exactly these, mean this.
struct Rule {
    label: Label,
    priority: Priority,
    stems: &'static [&'static str],
    words: &'static [&'static str],
}

const fn rule(
    label: Label,
    priority: Priority,
    stems: &'static [&'static str],
    words: &'static [&'static str],
) -> Rule {
    Rule { label, priority, stems, words }
}

/// All lines count; of the priorities the highest wins.
#[rustfmt::skip]
const RULES: &[Rule] = &[
    rule(Label::Security, Priority::Critical, &["vulnerab", "exploit", "injection", "malicious"], &["cve", "xss", "csrf", "ssrf", "rce"]),
    rule(Label::Security, Priority::High, &["secur", "credential", "password", "permission", "privilege"], &["secret", "secrets"]),
    rule(Label::Bug, Priority::Critical, &["corrupt", "outage"], &["loss", "lost"]),
    rule(Label::Bug, Priority::High, &["crash", "panic", "segfault", "deadlock", "regress", "hang"], &["trap", "traps", "oom", "freeze", "freezes"]),
    rule(Label::Bug, Priority::Normal, &["bug", "error", "fail", "wrong", "broke", "incorrect", "unexpected"], &["fix", "fixes", "breaks", "cannot", "doesn't", "can't"]),
    rule(Label::Performance, Priority::Normal, &["slow", "latenc", "perform", "throughput"], &["memory", "cpu", "leak", "leaks", "timeout", "timeouts"]),
    rule(Label::Enhancement, Priority::Normal, &["feature", "implement", "propos"], &["add", "adds", "support", "allow", "feat", "rfc", "improve", "refactor"]),
    rule(Label::Ci, Priority::Normal, &["flak", "pipeline", "workflow"], &["ci", "build", "builds", "test", "tests", "release"]),
    rule(Label::Documentation, Priority::Low, &["document", "typo", "readme", "tutorial"], &["doc", "docs", "example", "examples"]),
    rule(Label::Question, Priority::Low, &["question", "clarif"], &["how", "why", "what"]),
];

/// What the rules say of a title.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Sorted, each once.
    pub(crate) labels: Vec<Label>,
    pub(crate) priority: Priority,
    /// The words that decided.
    pub(crate) words: Vec<String>,
}

/// Applies the rules to a title.
pub(crate) fn apply(title: &str) -> Findings {
    let lower = title.to_lowercase().replace('’', "'");
    let mut labels = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut priority = None;
    for word in lower.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()) {
        for rule in RULES {
            if rule.words.contains(&word) || rule.stems.iter().any(|stem| word.starts_with(stem)) {
                labels.push(rule.label);
                priority = priority.max(Some(rule.priority));
                if !words.iter().any(|known| known == word) {
                    words.push(word.to_owned());
                }
            }
        }
    }
    if labels.is_empty() && lower.trim_end().ends_with('?') {
        labels.push(Label::Question);
        priority = Some(Priority::Low);
        words.push("?".into());
    }
    labels.sort_unstable();
    labels.dedup();
    Findings { labels, priority: priority.unwrap_or(Priority::Normal), words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_get_the_labels_and_priority_of_their_words() {
        use Label::{Bug, Ci, Documentation, Enhancement, Performance, Question, Security};
        let cases: &[(&str, &[Label], Priority)] = &[
            ("XSS in the login form", &[Security], Priority::Critical),
            ("Crash on start", &[Bug], Priority::High),
            ("fix(cli): wrong exit code", &[Bug], Priority::Normal),
            ("Data loss after a power cut", &[Bug], Priority::Critical),
            ("Listing is slow with many keys", &[Performance], Priority::Normal),
            ("Add YAML support", &[Enhancement], Priority::Normal),
            ("Flaky test on main", &[Ci], Priority::Normal),
            ("Typo in the README", &[Documentation], Priority::Low),
            ("How do I add a skill", &[Enhancement, Question], Priority::Normal),
            ("Is this on purpose?", &[Question], Priority::Low),
            ("Docker image", &[], Priority::Normal),
            ("It doesn’t start", &[Bug], Priority::Normal),
        ];
        for (title, labels, priority) in cases {
            let found = apply(title);
            assert_eq!((found.labels.as_slice(), found.priority), (*labels, *priority), "{title}");
        }
    }

    #[test]
    fn each_deciding_word_is_named_once() {
        assert_eq!(apply("Crash, crash, security!").words, ["crash", "security"]);
    }
}
