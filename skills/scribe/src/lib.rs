//! An agent that keeps a running digest of each channel that it hears.
//!
//! ```text
//! notes:team  {"text":"The release moves to Monday; Ada tests the installer."}
//! skillhost run scribe.digest channel=notes:team
//! ```
//!
//! Promises for every message: it is taken down under `agent:NAME:digest:CHANNEL`, NAME being the agent's, once however often
//! it comes (among the last [`SEEN`]), and no other host's message is lost over it; then the digest is brought up to date,
//! by a language model, or where none answers by picking sentences. All that the agent knows is on the blackboard, so that a
//! new generation or another host carries on. A message is data to the model, not instructions. Costs one call of a model and
//! five other host calls a message, and as many again as others write at the same moment. A digest is kept for [`KEPT_FOR`]
//! after its last message.

mod digest;
mod note;
mod state;
mod tool;

pub use state::{Digest, Entry, Written};
pub use tool::Ask;

use std::time::Duration;

use skillhost_sdk::blackboard::Ttl;
use skillhost_sdk::prelude::*;

use note::Note;
use state::State;

/// Messages that are kept word by word: what was said last, and room for what no digest has yet.
pub const KEPT: usize = 20;
/// Messages that are known again when they come again.
pub const SEEN: usize = 256;
/// Bytes of a message that are kept: a page.
pub const MAX_NOTE: usize = 2 * 1024;
/// How long a digest outlives its last message: a channel that was silent for a month is over.
pub const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Keeps a running digest of the channels that it hears, by a language model or by picking sentences.
#[skill(
    subscribe("notes:*"),
    wants(
        "llm.complete *" = "Has a language model write the digests; without it, sentences of the messages are picked.",
        "blackboard.write agent:scribe:*" = "Keeps the digests and the last messages of each channel.",
        "blackboard.read agent:scribe:*" = "Goes on from the digests that it kept, and gives them to those who ask.",
    )
)]
pub mod scribe {
    use super::*;

    /// Takes a message down and brings the digest of its channel up to date.
    #[handler]
    pub fn handle(message: Message) -> Result<(), ToolError> {
        let note = Note::decode(&message).or_invalid_input()?;
        let key = tool::key(&run::current(), None, &message.channel);
        blackboard::update_json_with(&key, Ttl::For(KEPT_FOR), |state: Option<State>| {
            state.unwrap_or_else(|| State::new(&message.channel)).after(&note)
        })?;
        crate::digest::bring_up_to_date(&key)
    }

    /// Gives the digest of a channel with its last messages.
    #[tool(read_only, idempotent, output = Digest)]
    pub fn digest(input: Ask) -> Result<Output, ToolError> {
        let digest = tool::find(&input)?;
        Ok(Output::new().data(&digest)?.text(tool::text(&digest)))
    }
}

#[cfg(test)]
mod tests;
