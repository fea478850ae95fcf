//! Where a digest is kept, and how it is told.

use schemars::JsonSchema;
use serde::Deserialize;
use skillhost_sdk::run::{self, Context};
use skillhost_sdk::{ToolError, blackboard};

use crate::state::{Digest, State};

/// Channels that are named to one who asked for another, at the most.
const MAX_NAMED: u32 = 20;

/// Which digest to give.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The channel, such as `notes:team`.
    pub channel: String,
    /// The agent that keeps it, where it has another name than the skill.
    #[serde(default)]
    pub agent: Option<String>,
}

/// Where the digest of that channel is, in the keys of the agent that is named, that runs, or that has the skill's name.
pub(crate) fn key(context: &Context, agent: Option<&str>, channel: &str) -> String {
    let agent = agent.or(context.agent.as_deref()).unwrap_or(&context.skill);
    format!("agent:{agent}:digest:{channel}")
}

/// Reads a digest off the blackboard.
pub(crate) fn find(ask: &Ask) -> Result<Digest, ToolError> {
    let of = |channel| key(&run::current(), ask.agent.as_deref(), channel);
    if let Some(state) = blackboard::get_json::<State>(&of(&ask.channel))? {
        return Ok(state.digest);
    }
    let known = blackboard::keys(&of("*"), MAX_NAMED)?;
    let known: Vec<&str> = known.iter().filter_map(|key| key.strip_prefix(&of(""))).collect();
    let known = if known.is_empty() { "none".to_owned() } else { format!("`{}`", known.join("`, `")) };
    Err(ToolError::failed(format_args!("there is no digest of `{}`; there are of: {known}", ask.channel)))
}

/// The digest as a person reads it.
pub(crate) fn text(digest: &Digest) -> String {
    match &digest.digest {
        Some(written) => {
            let (done, all) = (written.up_to, digest.count);
            format!("{}\n\n({done} of {all} messages on {}; {})", written.text, digest.channel, written.by.sentence())
        }
        None => format!("(no digest of {} yet; {} messages wait)", digest.channel, digest.count),
    }
}
