//! A summary of a text: a language model writes it, and where none answers, sentences of the text itself stand for it.
//!
//! ```text
//! skillhost run summarize.summarize text=@README.md
//! skillhost run summarize.summarize text=@README.md sentences=3 style=bullets
//! ```
//!
//! Promises a summary of every text that has prose, and says who made it: `"by": "model"` with the model, or `"by": "extract"`
//! with the reason. The text is data to the model, not instructions, but what a model writes about a hostile text is no more
//! to be trusted than the text. Costs one call of a model, of at most [`MAX_TEXT`] bytes in and [`MAX_TOKENS`] tokens out,
//! and without it what `textkit.summarize` costs.

mod summary;

pub use summary::{Style, Summarize, Summary};

use skillhost_sdk::prelude::*;

/// Sentences of a summary at the most: more is a retelling. As in `textkit`.
pub const MAX_SENTENCES: usize = 50;
/// Bytes of a text that a model is given: some 16,000 tokens, which most models take and a run may spend by default.
pub const MAX_TEXT: usize = 64 * 1024;
/// Tokens that a model may answer with: 50 long sentences, and what some models think to themselves before.
pub const MAX_TOKENS: u32 = 4096;

/// Summarizes texts with a language model, and with sentences of the text itself where no model answers.
#[skill(wants("llm.complete *" = "Has a language model write the summary; without it, sentences of the text are picked."))]
pub mod summarize {
    use super::*;

    /// Summarizes a text, plain or Markdown, and says which model wrote the summary, or why none did.
    #[tool(read_only, open_world, output = Summary)]
    pub fn summarize(input: Summarize) -> Result<Output, ToolError> {
        let summary = input.summary()?;
        let text = match &summary.note {
            Some(note) => format!("{}\n\n({}; {note})", summary.summary, summary.by.sentence()),
            None => format!("{}\n\n({})", summary.summary, summary.by.sentence()),
        };
        Ok(Output::new().data(&summary)?.text(text))
    }
}

#[cfg(test)]
mod tests;
