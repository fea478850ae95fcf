//! One question to a language model, and who answered it.
//!
//! Promises an answer that is not empty, or the reason why there is none. Costs one call of the host and what the model costs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use skillhost_sdk::HostError;
use skillhost_sdk::llm::{self, FinishReason, Request};

/// Why no model gave an answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// None was asked, or none could be reached.
    #[error("no model answered: {0}")]
    Host(#[from] HostError),
    /// There was nothing in it.
    #[error("`{0}` gave an empty answer")]
    Empty(String),
}

/// Which model answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    /// Who runs it.
    pub provider: String,
    /// Its name.
    pub model: String,
    /// True if it was not the first choice that answered.
    pub is_fallback: bool,
}

/// How a text came about: written by a model, or picked out of what was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum By {
    /// A model wrote it.
    Model(Model),
    /// Its sentences were picked by rules.
    Extract {
        /// Why no model wrote it.
        reason: String,
    },
}

impl By {
    /// As a person reads it.
    pub fn sentence(&self) -> String {
        match self {
            Self::Model(Model { provider, model, is_fallback: false }) => format!("written by {model} of {provider}"),
            Self::Model(Model { provider, model, is_fallback: true }) => {
                format!("written by {model} of {provider}, which stood in for another")
            }
            Self::Extract { reason } => format!("sentences of the text itself; {reason}"),
        }
    }
}

/// What a model said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Never empty.
    pub text: String,
    /// Who said it.
    pub model: Model,
    /// Set where it was not all.
    pub note: Option<String>,
}

/// Asks.
pub fn ask(request: &Request) -> Result<Answer, NoAnswer> {
    let answer = llm::complete(request)?;
    let text = answer.text.trim();
    if text.is_empty() {
        return Err(NoAnswer::Empty(answer.model));
    }
    let note = match answer.finish {
        FinishReason::Length => Some("the model was cut short at its limit of tokens".to_owned()),
        FinishReason::Filtered => Some("the provider held a part of the answer back".to_owned()),
        FinishReason::Stop | FinishReason::Other => None,
    };
    let model = Model { provider: answer.provider, model: answer.model, is_fallback: answer.is_fallback };
    Ok(Answer { text: text.to_owned(), model, note })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use skillhost_sdk::llm::Completion;
    use skillhost_sdk::mock;

    use super::*;

    #[test]
    fn an_answer_says_who_gave_it() {
        mock::answer_with(|request| Ok(Completion { is_fallback: true, ..mock::completion(request, " Paris.\n") }));
        let answer = ask(&Request::new().user("Capital?").model("local")).unwrap();
        let model = Model { provider: "mock".into(), model: "local".into(), is_fallback: true };
        assert_eq!(answer, Answer { text: "Paris.".into(), model, note: None });
        assert_eq!(By::Model(answer.model).sentence(), "written by local of mock, which stood in for another");
    }

    #[test]
    fn an_answer_that_is_not_whole_says_so() {
        for (finish, said) in [(FinishReason::Length, "limit of tokens"), (FinishReason::Filtered, "held a part")] {
            mock::answer_with(move |request| Ok(Completion { finish, ..mock::completion(request, "Par") }));
            assert!(ask(&Request::new()).unwrap().note.unwrap().contains(said));
        }
    }

    #[test]
    fn an_empty_answer_is_none() {
        mock::answer(" \n");
        assert_eq!(ask(&Request::new()).unwrap_err().to_string(), "`default` gave an empty answer");
        mock::deny("llm.complete");
        assert_eq!(ask(&Request::new()).unwrap_err().to_string(), "no model answered: denied: llm.complete default");
    }

    #[test]
    fn how_a_text_came_about_is_one_flat_object() {
        let extract = serde_json::to_value(By::Extract { reason: "none".into() }).unwrap();
        assert_eq!(extract, serde_json::json!({"by": "extract", "reason": "none"}));
        let model = Model { provider: "p".into(), model: "m".into(), is_fallback: false };
        let model = serde_json::to_value(By::Model(model)).unwrap();
        assert_eq!(model, serde_json::json!({"by": "model", "provider": "p", "model": "m", "is_fallback": false}));
    }
}
