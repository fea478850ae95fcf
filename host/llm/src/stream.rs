//! An answer piece by piece.
//!
//! Contract: once a [`CompletionStream`] is there, its provider has begun to answer and stays; what fails after that
//! is an error, not another provider. With an output schema the end of the text is its check. Dropping the stream ends
//! the request and settles what was seen.

use std::sync::Arc;

use tokio::time::Instant;

use crate::attempt::Speech;
use crate::chat::{Said, end};
use crate::fault::Fault;
use crate::router::{Shared, Who};
use crate::schema::Check;
use crate::{Attempt, AttemptError, Completion, Failed, LlmError};

/// An answer on its way.
pub struct CompletionStream {
    pub(crate) shared: Arc<Shared>,
    pub(crate) who: Who,
    pub(crate) check: Option<Check>,
    pub(crate) started: Instant,
    /// The last one is this one.
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) state: Progress,
}

/// How far it is.
pub(crate) enum Progress {
    /// With the piece that nobody has had yet.
    Speaking(Box<Speech>, Option<String>),
    Done(Box<Completion>),
    Failed(LlmError),
}

impl CompletionStream {
    /// The next piece of text; none at the end.
    pub async fn next(&mut self) -> Result<Option<String>, LlmError> {
        let (speech, waiting) = match &mut self.state {
            Progress::Speaking(speech, waiting) => (speech, waiting),
            Progress::Done(_) => return Ok(None),
            Progress::Failed(error) => return Err(error.clone()),
        };
        if let Some(piece) = waiting.take() {
            return Ok(Some(piece));
        }
        let fault = match speech.piece().await {
            Ok(Some(piece)) => return Ok(Some(piece)),
            Ok(None) => None,
            Err(fault) => Some(fault),
        };
        // From here on the state is another one, also if the caller leaves while the account is settled.
        let gone = Progress::Failed(LlmError::Unavailable("the stream was left while it ended".to_owned()));
        let Progress::Speaking(speech, _) = std::mem::replace(&mut self.state, gone) else { return Ok(None) };
        let outcome = match fault {
            None => end(*speech, self.check.as_ref()).await,
            Some(fault) => Err(speech.running.fail(fault).await),
        };
        match outcome {
            Ok(said) => {
                self.state =
                    Progress::Done(Box::new(completion(said, std::mem::take(&mut self.attempts), self.started)));
                Ok(None)
            }
            Err(fault) => {
                let error = self.fail(&fault);
                self.state = Progress::Failed(error.clone());
                Err(error)
            }
        }
    }

    /// The whole answer; reads what is left.
    pub async fn finish(mut self) -> Result<Completion, LlmError> {
        while self.next().await?.is_some() {}
        match self.state {
            Progress::Done(completion) => Ok(*completion),
            Progress::Failed(error) => Err(error),
            Progress::Speaking(..) => Err(LlmError::Unavailable("the answer did not end".to_owned())),
        }
    }

    fn fail(&mut self, fault: &Fault) -> LlmError {
        let mut message = format!("the answer failed after it had begun: {}", fault.text);
        if let Some(attempt) = self.attempts.last_mut() {
            message = format!("{}/{}: {message}", attempt.provider, attempt.model);
            attempt.error = Some(AttemptError { kind: fault.kind, text: fault.text.clone() });
        }
        let Who { tenant, run } = &self.who;
        self.shared.observer.failed(&Failed { tenant, run: *run, attempts: &self.attempts, message: &message });
        LlmError::Unavailable(message)
    }
}

/// Without the text: it is the caller's.
impl std::fmt::Debug for CompletionStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompletionStream").field("attempts", &self.attempts).finish_non_exhaustive()
    }
}

pub(crate) fn completion(said: Said, attempts: Vec<Attempt>, started: Instant) -> Completion {
    let total = started.elapsed();
    Completion {
        text: said.text,
        provider: said.provider,
        model: said.model,
        is_fallback: said.is_fallback,
        finish: said.finish,
        usage: said.usage,
        attempts,
        ttft: said.ttft.unwrap_or(total),
        total,
    }
}
