//! Summaries, keywords and readability figures of a text, plain or Markdown.
//!
//! ```text
//! skillhost run textkit.summarize text=@README.md
//! skillhost run textkit.keywords text=@README.md count=5
//! skillhost run textkit.readability text=@README.md
//! ```
//!
//! Promises results computed on the spot from the text alone: no model, no network, no grants, and the same result for
//! the same text. Costs time in proportion to the text; where it would grow faster, a named limit stands and the result
//! says that it was reached.

mod keywords;
mod readability;

pub use keywords::{FindKeywords, Keyword, Keywords};
pub use readability::{Level, Measure, Readability};
pub use texts::summary::{Chosen, Summary};

use skillhost_sdk::prelude::*;

/// Sentences of a summary at the most: more is an excerpt.
pub const MAX_SENTENCES: usize = 50;
/// Keywords at the most: more is a word list.
pub const MAX_KEYWORDS: usize = 100;

/// Why a text was not worked on. All of them are for the caller to mend.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Error {
    #[error("`text` has no prose: give at least one word outside of code blocks, tables and images")]
    Empty,
    #[error("`sentences` is {asked}: give 1 to {MAX_SENTENCES}")]
    Sentences { asked: usize },
    #[error("`count` is {asked}: give 1 to {MAX_KEYWORDS}")]
    Keywords { asked: usize },
}

/// A text and how much of it to keep.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summarize {
    /// The text, plain or Markdown.
    pub text: String,
    /// How many sentences to keep.
    #[serde(default = "default_sentences")]
    #[schemars(range(min = 1, max = MAX_SENTENCES))]
    pub sentences: usize,
}

fn default_sentences() -> usize {
    3
}

impl Summarize {
    fn summary(&self) -> Result<Summary, Error> {
        if !(1..=MAX_SENTENCES).contains(&self.sentences) {
            return Err(Error::Sentences { asked: self.sentences });
        }
        texts::summary::summarize(&self.text, self.sentences).ok_or(Error::Empty)
    }
}

/// A text for people, with what they should know about it.
fn noted(text: String, note: Option<&str>) -> String {
    match note {
        Some(note) => format!("{text}\n\n({note})"),
        None => text,
    }
}

/// Summaries, keywords and readability figures of a text, plain or Markdown, without a language model.
#[skill]
pub mod textkit {
    use super::*;

    /// Picks the sentences that say most about a text (TextRank), word by word and in their order.
    #[tool(read_only, idempotent, output = Summary)]
    pub fn summarize(input: Summarize) -> Result<Output, ToolError> {
        let summary = input.summary().or_invalid_input()?;
        let text = noted(summary.summary.clone(), summary.note.as_deref());
        Ok(Output::new().data(&summary)?.text(text))
    }

    /// Finds the words and phrases that a text turns around (TextRank), best first, with scores and counts.
    #[tool(read_only, idempotent, output = Keywords)]
    pub fn keywords(input: FindKeywords) -> Result<Output, ToolError> {
        let found = crate::keywords::keywords(&input).or_invalid_input()?;
        let text = found.keywords.iter().map(|keyword| keyword.text.as_str()).collect::<Vec<_>>().join(", ");
        let text = noted(text, found.note.as_deref());
        Ok(Output::new().data(&found)?.text(text))
    }

    /// Measures how hard an English text is to read: Flesch reading ease, Flesch-Kincaid grade, Gunning fog, counts.
    #[tool(read_only, idempotent, output = Readability)]
    pub fn readability(input: Measure) -> Result<Output, ToolError> {
        let found = crate::readability::readability(&input).or_invalid_input()?;
        let text = format!(
            "{} (reading ease {}, school grade {}, fog index {}; {} words in {} sentences)",
            found.level.text(),
            found.flesch_reading_ease,
            found.flesch_kincaid_grade,
            found.gunning_fog,
            found.words,
            found.sentences,
        );
        let text = noted(text, found.note.as_deref());
        Ok(Output::new().data(&found)?.text(text))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

    use super::*;

    const TEXT: &str = "# Title\n\nThe host runs skills. Each skill has tools. The host calls tools of skills.\n";

    #[test]
    fn every_tool_gives_data_for_programs_and_text_for_people() {
        for tool in ["summarize", "keywords", "readability"] {
            let output = textkit::call(tool, &json!({ "text": TEXT }).to_string()).unwrap();
            assert!(output.value().is_object() && !output.texts().is_empty(), "{tool}: {output:?}");
        }
    }

    #[test]
    fn the_text_of_a_summary_is_the_summary() {
        let output = textkit::call("summarize", &json!({ "text": TEXT, "sentences": 1 }).to_string()).unwrap();
        assert_eq!(output.value()["summary"], output.texts());
        assert_eq!(output.value()["sentences"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn input_that_makes_no_sense_is_invalid() {
        for (tool, input) in [
            ("summarize", json!({ "text": " " })),
            ("summarize", json!({ "text": TEXT, "sentences": 0 })),
            ("summarize", json!({ "text": TEXT, "sentences": MAX_SENTENCES + 1 })),
            ("summarize", json!({ "txt": TEXT })),
            ("keywords", json!({ "text": "" })),
            ("readability", json!({})),
        ] {
            let refused = textkit::call(tool, &input.to_string());
            assert!(matches!(refused, Err(ToolError::InvalidInput(_))), "{tool} {input}: {refused:?}");
        }
    }

    #[test]
    fn the_manifest_asks_for_nothing() {
        let manifest = textkit::manifest();
        assert_eq!((manifest.name.as_str(), manifest.wants.len(), manifest.subscriptions.len()), ("textkit", 0, 0));
        let tools: Vec<_> = manifest.tools.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(tools, ["summarize", "keywords", "readability"]);
        assert!(manifest.tools.iter().all(|tool| tool.output_schema.is_some()));
    }
}
