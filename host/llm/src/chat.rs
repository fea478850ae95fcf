//! Completions: whole, or begun.
//!
//! Contract: a whole completion that fails in its middle was seen by nobody, so the next candidate may answer; one
//! that has begun was. What does not fit its schema is no answer. Price: the text is kept once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::attempt::{Running, Speech};
use crate::cascade::Work;
use crate::clock::Clock;
use crate::fault::{ErrorKind, Fault};
use crate::request::Prepared;
use crate::schema::{Check, fit};
use crate::transport::{Answer, Call};
use crate::wire::Place;
use crate::{Finish, Usage};

/// A whole completion.
pub(crate) struct Whole<'a>(pub(crate) &'a Prepared<'a>);

/// A completion of which the first piece is there.
pub(crate) struct Begun<'a>(pub(crate) &'a Prepared<'a>);

/// What [`Whole`] gives.
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) provider: Arc<str>,
    pub(crate) model: String,
    pub(crate) is_fallback: bool,
    pub(crate) finish: Finish,
    pub(crate) usage: Usage,
    pub(crate) ttft: Option<Duration>,
}

impl Work for Whole<'_> {
    const OPERATION: &'static str = "chat";
    type Out = Said;

    fn tokens(&self) -> (u64, u64) {
        (self.0.input_tokens, self.0.max_tokens.into())
    }

    fn may_stand_in(&self) -> bool {
        true
    }

    fn call(&self, place: &Place<'_>, model: &str) -> Result<Call, Fault> {
        place.chat(model, self.0)
    }

    async fn read(&self, running: Running, answer: Answer, clock: Clock, started: Instant) -> Result<Said, Fault> {
        let mut speech = Speech::new(running, answer, clock, started);
        loop {
            match speech.piece().await {
                Ok(Some(_)) => {}
                Ok(None) => return end(speech, self.0.check()).await,
                Err(fault) => return Err(speech.running.fail(fault).await),
            }
        }
    }
}

impl Work for Begun<'_> {
    const OPERATION: &'static str = "chat";
    type Out = (Speech, Option<String>);

    fn tokens(&self) -> (u64, u64) {
        Whole(self.0).tokens()
    }

    fn may_stand_in(&self) -> bool {
        true
    }

    fn call(&self, place: &Place<'_>, model: &str) -> Result<Call, Fault> {
        place.chat(model, self.0)
    }

    async fn read(&self, running: Running, answer: Answer, clock: Clock, started: Instant) -> Result<Self::Out, Fault> {
        let mut speech = Speech::new(running, answer, clock, started);
        match speech.piece().await {
            Ok(first) => Ok((speech, first)),
            Err(fault) => Err(speech.running.fail(fault).await),
        }
    }
}

/// The end of an answer: checked, settled.
pub(crate) async fn end(mut speech: Speech, check: Option<&Check>) -> Result<Said, Fault> {
    if let Some(check) = check {
        match fit(&speech.text, check) {
            Ok(text) => speech.text = text,
            Err(reason) => return Err(speech.running.fail(Fault::new(ErrorKind::Unfit, reason)).await),
        }
    }
    let Speech { running, text, finish, ttft, .. } = speech;
    let (provider, model) = (Arc::clone(&running.provider.name), running.model.clone());
    let is_fallback = running.is_fallback;
    let usage = running.end(Ok(())).await;
    Ok(Said { text, provider, model, is_fallback, finish: finish.unwrap_or(Finish::Other), usage, ttft })
}
