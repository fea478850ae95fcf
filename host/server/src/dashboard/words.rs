//! What happened, in plain words.
//!
//! Contract: an event of the host's own kinds reads as a sentence, every other one as its source, its kind and its data; both are
//! a stranger's text still. The sentences are those of `assets/words.json`, which the script of the live feed goes by as well.
//! Price: a look-up and a string per event.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;
use skillhost_events::Event;
use skillhost_types::{RunId, SkillName, Timestamp};

use super::filters;

/// The table of sentences, as the script is given it.
pub(super) const PHRASES: &str = include_str!("../../assets/words.json");

/// Data of an event of which nobody knows what it says, in characters: what fits in a line.
const DATA: usize = 160;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Phrase {
    /// `{path.to.field}` stands for a field of the data; `:us` makes a time of it, `:list` a list.
    words: String,
    #[serde(default)]
    tone: Tone,
}

/// Whether it is good news.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tone {
    #[default]
    Plain,
    Good,
    Warn,
    Bad,
}

impl Tone {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// A line of the feed.
pub(super) struct Line {
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) kind: String,
    pub(super) words: String,
    pub(super) tone: Tone,
    pub(super) run: Option<RunId>,
    /// The skill that it names, if it does.
    pub(super) skill: Option<SkillName>,
}

/// A test reads the table as well, so that it is one.
static TABLE: LazyLock<BTreeMap<String, Phrase>> = LazyLock::new(|| serde_json::from_str(PHRASES).unwrap_or_default());

impl Line {
    pub(super) fn of(event: &Event) -> Self {
        let (words, tone) = sentence(event).unwrap_or_else(|| (bare(event), Tone::Plain));
        let skill = event.data.get("skill").and_then(Value::as_str).and_then(|name| SkillName::new(name).ok());
        Self { seq: event.seq, at: event.at, kind: event.kind.clone(), words, tone, run: event.run, skill }
    }

    /// The first word of its kind, by which icons go.
    pub(super) fn family(&self) -> &str {
        family(&self.kind)
    }

    /// The time of day.
    pub(super) fn clock(&self) -> String {
        self.at.to_string().get(11..19).unwrap_or_default().to_owned()
    }
}

/// The first word of a kind.
pub(super) fn family(kind: &str) -> &str {
    kind.split('.').next().unwrap_or_default()
}

/// What an event says, if it is one that the table knows.
pub(super) fn sentence(event: &Event) -> Option<(String, Tone)> {
    let phrase = TABLE.get(&event.kind)?;
    Some((fill(&phrase.words, &event.data)?, phrase.tone))
}

/// `words` with the fields in their places; none if one is missing.
fn fill(words: &str, data: &Value) -> Option<String> {
    let mut parts = words.split('{');
    let mut filled = parts.next()?.to_owned();
    for part in parts {
        let (field, rest) = part.split_once('}')?;
        let (path, form) = field.split_once(':').unwrap_or((field, ""));
        let value = path.split('.').try_fold(data, |value, name| value.get(name))?;
        filled.push_str(&match form {
            "us" => filters::duration(value.as_u64()?),
            "list" => match value.as_array()?.as_slice() {
                [] => "nothing".to_owned(),
                list => list.iter().map(|value| value.as_str().unwrap_or_default()).collect::<Vec<_>>().join(", "),
            },
            _ => match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return None,
            },
        });
        filled.push_str(rest);
    }
    Some(filled)
}

/// What there is to say of an event that has no sentence.
fn bare(Event { source, kind, data, .. }: &Event) -> String {
    let data = match data {
        Value::Null => String::new(),
        Value::Object(fields) if fields.is_empty() => String::new(),
        data => format!(" {}", data.to_string().chars().take(DATA).collect::<String>()),
    };
    format!("{source}: {kind}{data}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(kind: &str, data: Value) -> String {
        let event =
            Event { seq: 1, at: Timestamp(0), kind: kind.into(), source: "s".into(), run: None, tenant: None, data };
        Line::of(&event).words
    }

    #[test]
    fn an_event_of_the_hosts_own_kinds_reads_as_a_sentence() {
        let data = json!({"skill": "textkit", "tool": "summarize", "usage": {"wall_us": 3_200}});
        assert_eq!(said("tool.completed", data), "textkit.summarize ran in 3.20 ms");
        assert_eq!(said("agent.missed", json!({"agent": "a", "missed": 3})), "agent a has missed 3 messages");
        let data = json!({"changed": ["limits", "budgets"]});
        let changed = |what: &str| format!("the configuration was read again; changed at once: {what}");
        assert_eq!(said("system.configured", data), changed("limits, budgets"));
        assert_eq!(said("system.configured", json!({"changed": []})), changed("nothing"));
        assert_eq!(said("system.stopped", json!({})), "the host stopped");
    }

    #[test]
    fn an_event_without_the_fields_of_its_sentence_reads_as_what_it_holds() {
        assert_eq!(said("tool.completed", json!({"skill": "x"})), r#"s: tool.completed {"skill":"x"}"#);
        assert_eq!(said("skill.note", json!({})), "s: skill.note");
        assert_eq!(
            said("skill.removed", json!({"skill": null, "file": {}})),
            r#"s: skill.removed {"file":{},"skill":null}"#
        );
        assert!(said("skill.note", json!("x".repeat(9_999))).len() < 200);
    }

    #[test]
    fn every_sentence_of_the_table_is_whole() {
        let table: BTreeMap<String, Phrase> = serde_json::from_str(PHRASES).unwrap();
        assert!(table.len() > 20);
        for (kind, Phrase { words, .. }) in &table {
            assert_eq!(words.matches('{').count(), words.matches('}').count(), "{kind}");
            for field in words.split('{').skip(1) {
                let form = field.split('}').next().unwrap().split_once(':').map(|(_, form)| form);
                assert!(matches!(form, None | Some("us" | "list")), "{kind}: {field}");
            }
        }
    }
}
