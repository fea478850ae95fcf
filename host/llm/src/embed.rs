//! Vectors for texts.
//!
//! Contract: as many vectors as inputs, all of one length and of one model; no other model of a provider stands in,
//! because vectors of different models do not compare.

use std::sync::Arc;

use tokio::time::Instant;

use crate::attempt::Running;
use crate::cascade::Work;
use crate::clock::Clock;
use crate::fault::{ErrorKind, Fault};
use crate::limits::{MAX_EMBEDDING, MAX_INPUTS, MAX_REQUEST};
use crate::request::tokens;
use crate::transport::{Answer, Call};
use crate::wire::{Place, vectors};
use crate::{Embeddings, LlmError};

pub(crate) struct Embed<'a>(&'a [String]);

impl<'a> Embed<'a> {
    pub(crate) fn new(inputs: &'a [String]) -> Result<Self, LlmError> {
        let bytes: usize = inputs.iter().map(String::len).sum();
        if inputs.is_empty() || inputs.len() > MAX_INPUTS || bytes > MAX_REQUEST {
            return Err(LlmError::Invalid(format!(
                "a call embeds 1 to {MAX_INPUTS} texts of at most {MAX_REQUEST} bytes together; split it up"
            )));
        }
        Ok(Self(inputs))
    }
}

impl Work for Embed<'_> {
    const OPERATION: &'static str = "embeddings";
    type Out = Embeddings;

    fn tokens(&self) -> (u64, u64) {
        (self.0.iter().map(|input| tokens(input.len()) + 1).sum(), 0)
    }

    fn may_stand_in(&self) -> bool {
        false
    }

    fn call(&self, place: &Place<'_>, model: &str) -> Result<Call, Fault> {
        place.embed(model, self.0)
    }

    async fn read(&self, mut running: Running, answer: Answer, clock: Clock, _: Instant) -> Result<Embeddings, Fault> {
        let kind = running.provider.kind;
        let read = answer.all(&clock, MAX_EMBEDDING).await.and_then(|body| vectors(kind, &body));
        let read = read.and_then(|read| {
            let length = read.vectors.first().map_or(0, Vec::len);
            let fits = read.vectors.len() == self.0.len() && length > 0;
            if fits && read.vectors.iter().all(|vector| vector.len() == length) {
                return Ok(read);
            }
            Err(Fault::new(ErrorKind::Nonsense, "the vectors are not one per input and of one length"))
        });
        match read {
            Ok(read) => {
                running.count(read.input_tokens, 0, 0);
                let (provider, model) = (Arc::clone(&running.provider.name), running.model.clone());
                let is_fallback = running.is_fallback;
                let usage = running.end(Ok(())).await;
                Ok(Embeddings { vectors: read.vectors, provider, model, is_fallback, usage, attempts: Vec::new() })
            }
            Err(fault) => Err(running.fail(fault).await),
        }
    }
}
