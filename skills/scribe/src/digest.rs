//! From a digest and what was said since to the next digest.
//!
//! Promises that no digest overwrites one that it does not go on from. Costs one call of a model for each time that another
//! host was faster, [`ATTEMPTS`] at the most.

use skillhost_sdk::blackboard::{self, Ttl};
use skillhost_sdk::llm::Request;
use skillhost_sdk::{ToolError, info, serde_json, warn};
use texts::model::{self, By};
use texts::{prompt, summary};

use crate::KEPT_FOR;
use crate::state::{Entry, State, Written};

/// How often a digest is written anew because another host wrote one: what is then left, the next message brings in.
const ATTEMPTS: u32 = 3;
/// Sentences of a digest at the most: what is read at a glance.
const SENTENCES: usize = 8;
/// Bytes of a digest at the most, for models that do not count.
const MAX_DIGEST: usize = 4 * 1024;
/// Tokens that a model may answer with: the sentences, and what some models think to themselves before.
const MAX_TOKENS: u32 = 2048;

/// Brings the digest at `key` up to its last entry.
pub(crate) fn bring_up_to_date(key: &str) -> Result<(), ToolError> {
    for _ in 0..ATTEMPTS {
        let Some(state) = blackboard::get_json::<State>(key)? else { return Ok(()) };
        if state.pending().is_empty() {
            return Ok(());
        }
        let (written, from) = (write(&state)?, state.up_to());
        let now = blackboard::update_json_with(key, Ttl::For(KEPT_FOR), |now: Option<State>| {
            now.unwrap_or_else(|| state.clone()).with(&written, from)
        })?;
        if now.digest.digest.as_ref() == Some(&written) {
            info!("`{}`: a digest of {} messages, {}", now.digest.channel, written.up_to, written.by.sentence());
            return Ok(());
        }
    }
    warn!("`{key}`: others wrote digests {ATTEMPTS} times in a row; the next message brings this one in");
    Ok(())
}

/// The digest that follows.
fn write(state: &State) -> Result<Written, ToolError> {
    let before = state.digest.digest.as_ref().map_or("", |written| written.text.as_str());
    let pending = state.pending();
    let up_to = pending.last().map_or(state.up_to(), |entry| entry.number);
    let (text, by) = match model::ask(&request(before, &pending)?) {
        Ok(answer) => (answer.text, By::Model(answer.model)),
        Err(why) => (extract(before, &pending), By::Extract { reason: why.to_string() }),
    };
    let (text, _) = prompt::cut(&text, MAX_DIGEST);
    Ok(Written { text: text.to_owned(), up_to, by })
}

fn request(before: &str, pending: &[&Entry]) -> Result<Request, ToolError> {
    let task = format!(
        "You keep the running digest of a channel. First comes the digest so far, then what was said since, as JSON. Write \
         the digest that follows: at most {SENTENCES} sentences, without markup, in the language of the messages. Keep what \
         is still of interest of the old one, above all decisions, dates, names and open questions; say nothing that was \
         not said. Answer with the digest alone. {}",
        prompt::NOT_INSTRUCTIONS
    );
    let asked = format!("{}\n\n{}", prompt::fenced(before), prompt::fenced(&serde_json::to_string_pretty(pending)?));
    Ok(Request::new().system(task).user(asked).max_tokens(MAX_TOKENS))
}

/// The sentences that say most, of the digest so far and of what was said since.
fn extract(before: &str, pending: &[&Entry]) -> String {
    let said = pending.iter().map(|entry| entry.text.as_str());
    let all: Vec<&str> = std::iter::once(before).chain(said).filter(|text| !text.is_empty()).collect();
    let all = all.join("\n\n");
    // Where there is no sentence, as in plain data, it speaks for itself.
    summary::summarize(&all, SENTENCES).map_or(all, |picked| picked.summary)
}
