//! From a text to its summary, by the first way that works.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use skillhost_sdk::ToolError;
use skillhost_sdk::llm::Request;
use texts::model::{self, Answer, By, NoAnswer};
use texts::{prompt, summary};

use crate::{MAX_SENTENCES, MAX_TEXT, MAX_TOKENS};

/// A text and what is to become of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summarize {
    /// The text, plain or Markdown.
    pub text: String,
    /// How many sentences to write at the most.
    #[serde(default = "default_sentences")]
    #[schemars(range(min = 1, max = MAX_SENTENCES))]
    pub sentences: usize,
    /// How to write them.
    #[serde(default)]
    pub style: Style,
}

fn default_sentences() -> usize {
    5
}

/// How a summary is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// As a paragraph.
    #[default]
    Prose,
    /// As a list, a sentence an item.
    Bullets,
}

/// A summary and where it comes from.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// The summary.
    pub summary: String,
    /// Who made it.
    #[serde(flatten)]
    pub by: By,
    /// Set where the text was not read, or the answer not given, to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Why there is no summary, and never will be for this text.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("`text` is empty: give a text to summarize")]
    Empty,
    #[error("`sentences` is {asked}: give 1 to {MAX_SENTENCES}")]
    Sentences { asked: usize },
}

/// Why neither way gave a summary.
#[derive(Debug, thiserror::Error)]
#[error("`text` has no prose to pick sentences from, and no model wrote about it")]
struct NeitherWay(#[from] NoAnswer);

impl Summarize {
    /// Summarizes.
    pub(crate) fn summary(&self) -> Result<Summary, ToolError> {
        self.check().map_err(ToolError::invalid_input)?;
        let (text, cut) = prompt::cut(&self.text, MAX_TEXT);
        match model::ask(&self.request(text)) {
            Ok(Answer { text, model, note }) => {
                let notes: Vec<String> = cut.into_iter().chain(note).collect();
                let note = (!notes.is_empty()).then(|| notes.join("; "));
                Ok(Summary { summary: text, by: By::Model(model), note })
            }
            Err(why) => self.extract(why),
        }
    }

    fn check(&self) -> Result<(), Error> {
        if !(1..=MAX_SENTENCES).contains(&self.sentences) {
            return Err(Error::Sentences { asked: self.sentences });
        }
        if self.text.trim().is_empty() { Err(Error::Empty) } else { Ok(()) }
    }

    fn request(&self, text: &str) -> Request {
        let shape = match self.style {
            Style::Prose => "as one paragraph without markup",
            Style::Bullets => "as a list, each sentence on a line of its own that begins with `- `",
        };
        let task = format!(
            "Summarize the text in at most {} sentences, {shape}, in the language of the text. Say only what the text says, \
             and answer with the summary alone. {}",
            self.sentences,
            prompt::NOT_INSTRUCTIONS
        );
        Request::new().system(task).user(prompt::fenced(text)).max_tokens(MAX_TOKENS)
    }

    /// The other way: it has limits of its own, so it gets the whole text.
    fn extract(&self, why: NoAnswer) -> Result<Summary, ToolError> {
        let reason = why.to_string();
        let picked = summary::summarize(&self.text, self.sentences).ok_or(NeitherWay(why))?;
        let summary = match self.style {
            Style::Prose => picked.summary,
            Style::Bullets => {
                picked.sentences.iter().map(|sentence| format!("- {}", sentence.text)).collect::<Vec<_>>().join("\n")
            }
        };
        Ok(Summary { summary, by: By::Extract { reason }, note: picked.note })
    }
}
