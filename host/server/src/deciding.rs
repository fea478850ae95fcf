//! A person's word on what waits, given over HTTP or on a page.
//!
//! Contract: who gives it is on record as `http:NAME`. Once begun, a decision is taken to its end, whether or not anybody waits
//! for it; whoever comes late is told, and nothing is decided.

use http::StatusCode;
use skillhost_access::Identity;
use skillhost_lifecycle::{Approval, DecideError, Host};
use skillhost_types::Grant;

use crate::problem::Problem;

/// What is said.
pub(crate) enum Word {
    /// Yes: to these grants, or without any named to all that is asked for.
    Approve(Option<Vec<Grant>>),
    /// No.
    Reject,
}

/// Gives `word` on what waits as `id`.
pub(crate) async fn decide(host: Host, identity: &Identity, id: String, word: Word) -> Result<Approval, Problem> {
    if matches!(&word, Word::Approve(Some(only)) if only.is_empty()) {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "nothing was chosen, so nothing was decided; to grant nothing, reject it",
        ));
    }
    let by = format!("http:{}", identity.name);
    let decision = async move {
        match word {
            Word::Approve(only) => host.approve(&id, only, &by).await,
            Word::Reject => host.reject(&id, &by).await,
        }
    };
    tokio::spawn(decision).await.map_err(Problem::internal)?.map_err(|error| {
        let status = match &error {
            DecideError::NotFound(_) => StatusCode::NOT_FOUND,
            DecideError::Late(_) => StatusCode::CONFLICT,
            DecideError::NotAsked { .. } => StatusCode::BAD_REQUEST,
            DecideError::Store(_) => return Problem::internal(error),
        };
        Problem::new(status, error.to_string())
    })
}
