//! An agent that has a language model review diffs.
//!
//! ```text
//! review:request  {"id":"pr-17","diff":"diff --git a/src/lib.rs b/src/lib.rs\n…"}
//! skillhost run reviewer.findings id=pr-17
//! ```
//!
//! Promises for every message on `review:request`: the review under `agent:NAME:review:ID`, NAME being the agent's, and then
//! a [`Done`] on `review:done`; or an error that says what is wrong with the message or with the model's answer, and nothing
//! written. A message that comes again after its review was kept is announced again, but not reviewed again. What a diff says
//! is data to the model, not instructions; findings are a model's opinion, of which only the form is checked. Costs one call
//! of a model, of at most [`MAX_DIFF`] bytes in and [`MAX_TOKENS`] tokens out, and three other host calls. What it wrote
//! lives as long as the blackboard keeps values.

mod diff;
mod report;
mod request;
mod review;

pub use report::{Ask, Done};
pub use request::ReviewId;
pub use review::{Finding, Review, Severity};

use skillhost_sdk::prelude::*;

/// Bytes of a diff, with its line numbers, that a model is given: some 30,000 tokens. What is over that is reviewed badly.
pub const MAX_DIFF: usize = 96 * 1024;
/// Tokens that a model may answer with: some fifty findings, and what some models think to themselves before.
pub const MAX_TOKENS: u32 = 8192;
/// Where other agents learn that a review is there.
const DONE: &str = "review:done";

/// Has a language model review the diffs of `review:request`, keeps the findings and tells that they are there.
#[skill(
    subscribe("review:request"),
    wants(
        "llm.complete *" = "Has a language model look for faults in the diffs that it is sent.",
        "blackboard.write agent:reviewer:*" = "Keeps the findings of each review.",
        "blackboard.read agent:reviewer:*" = "Gives the findings to those who ask, and knows what it reviewed before.",
        "blackboard.publish review:done" = "Tells the other agents that a review is there.",
    )
)]
pub mod reviewer {
    use super::*;

    /// Takes a request, has its diff reviewed, keeps the findings and announces them.
    #[handler]
    pub fn handle(message: Message) -> Result<(), ToolError> {
        let request = request::Request::decode(&message.payload).or_invalid_input()?;
        let key = report::key(&run::current(), None, &request.id);
        let review = match report::kept(&key)?.filter(|review| review.message == message.id) {
            Some(review) => review,
            None => {
                let review = review::review(request, message.id)?;
                blackboard::set_json(&key, &review)?;
                review
            }
        };
        blackboard::publish(DONE, &Done::of(&review, key))?;
        info!("{}", report::heading(&review));
        Ok(())
    }

    /// Gives the findings of a review by the id of its request.
    #[tool(read_only, idempotent, output = Review)]
    pub fn findings(input: Ask) -> Result<Output, ToolError> {
        let review = report::find(&input)?;
        Ok(Output::new().data(&review)?.text(report::text(&review)))
    }
}

#[cfg(test)]
mod tests;
