//! One attempt while it runs, and what it leaves behind however it ends.
//!
//! Contract: whatever happens to an attempt, also if its caller is gone, its account is settled, its place and its
//! breaker's pass are given back, and metrics and observer hear of it once. Price: one short task per attempt, which
//! settles.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use tracing::Span;

use crate::account::{Hold, Spent};
use crate::breaker::Pass;
use crate::clock::Clock;
use crate::fault::{ErrorKind, Fault, excerpt};
use crate::limits::{BELIEF, BYTES_BEYOND, MAX_BYTES_PER_TOKEN, MAX_TEXT};
use crate::price::Price;
use crate::provider::Provider;
use crate::request::tokens;
use crate::router::{Shared, Who};
use crate::trace;
use crate::transport::Answer;
use crate::wire::{Delta, delta};
use crate::{Called, Finish, Usage};

/// An attempt that may have cost something.
pub(crate) struct Running {
    pub(crate) shared: Arc<Shared>,
    pub(crate) who: Who,
    pub(crate) provider: Arc<Provider>,
    pub(crate) model: String,
    pub(crate) is_fallback: bool,
    pub(crate) price: Price,
    /// Estimates, then the provider's own counts.
    pub(crate) usage: Usage,
    /// The most that is believed of such counts; of output more, if more text came.
    pub(crate) believed: Usage,
    pub(crate) started: Instant,
    pub(crate) open: Option<Open>,
    /// Ends when the attempt does.
    pub(crate) span: Span,
}

/// What must be given back.
pub(crate) struct Open {
    pub(crate) pass: Pass,
    pub(crate) place: crate::gate::Place,
    pub(crate) hold: Box<dyn Hold>,
}

impl Running {
    pub(crate) fn answering(&mut self) {
        if let Some(open) = &mut self.open {
            open.pass.answering(self.shared.source.monotonic());
        }
    }

    /// The provider's counts, as far as they can be true with so much text.
    pub(crate) fn count(&mut self, input_tokens: Option<u64>, output_tokens: u64, text: usize) {
        let Usage { input_tokens: most_in, output_tokens: most_out } = self.believed;
        self.usage = Usage {
            input_tokens: input_tokens.map_or(self.usage.input_tokens, |tokens| tokens.min(most_in)),
            output_tokens: output_tokens.min(most_out.max(BELIEF * tokens(text))),
        };
    }

    /// Longest text of its answer, in bytes.
    fn longest(&self) -> usize {
        let asked = self.believed.output_tokens.saturating_mul(MAX_BYTES_PER_TOKEN).saturating_add(BYTES_BEYOND);
        usize::try_from(asked).unwrap_or(usize::MAX).min(MAX_TEXT)
    }

    /// The end; when this returns, the account is settled.
    pub(crate) async fn end(mut self, outcome: Result<(), ErrorKind>) -> Usage {
        if let Some(settling) = self.close(outcome) {
            // A task of its own, so that a caller who leaves now does not stop it.
            let _ = tokio::spawn(settling).await;
        }
        self.usage
    }

    /// The end with a failure, told in one line without the key.
    pub(crate) async fn fail(self, mut fault: Fault) -> Fault {
        fault.text = self.provider.scrub(&excerpt(&fault.text));
        self.end(Err(fault.kind)).await;
        fault
    }

    fn close(&mut self, outcome: Result<(), ErrorKind>) -> Option<impl Future<Output = ()> + Send + 'static> {
        let Open { pass, place, hold } = self.open.take()?;
        let error = outcome.err();
        if error.is_some_and(|kind| !kind.may_cost()) {
            self.usage = Usage::default();
        }
        let latency = self.started.elapsed();
        let Usage { input_tokens, output_tokens } = self.usage;
        let micros = self.price.of(input_tokens, output_tokens);
        self.provider.metrics.record(error, latency, self.usage);
        self.shared.observer.called(&Called {
            tenant: &self.who.tenant,
            run: self.who.run,
            provider: &self.provider.name,
            model: &self.model,
            error,
            latency,
            usage: self.usage,
            micros,
        });
        trace::ended(&std::mem::replace(&mut self.span, Span::none()), error, self.usage);
        let now = self.shared.source.monotonic();
        match error {
            None => pass.record(true, now),
            Some(kind) if kind.blames() => pass.record(false, now),
            Some(_) => drop(pass),
        }
        drop(place);
        Some(hold.settle(Spent { input_tokens, output_tokens, micros }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The caller left: a killed run, a dropped stream.
        if let (Some(settling), Ok(runtime)) = (self.close(Err(ErrorKind::Deadline)), Handle::try_current()) {
            runtime.spawn(settling);
        }
    }
}

/// An answer that is being read.
pub(crate) struct Speech {
    pub(crate) running: Running,
    answer: Answer,
    clock: Clock,
    pub(crate) text: String,
    pub(crate) finish: Option<Finish>,
    /// From the call to the first piece.
    pub(crate) ttft: Option<Duration>,
    call_started: Instant,
    /// When the caller got the last piece: the time until it wants the next is its own.
    given_at: Instant,
    speaking: bool,
    heard: bool,
    ended: bool,
    /// The provider's count of the output, good once the answer has finished.
    counted: Option<u64>,
}

impl Speech {
    pub(crate) fn new(running: Running, answer: Answer, clock: Clock, call_started: Instant) -> Self {
        Self {
            running,
            answer,
            clock,
            text: String::new(),
            finish: None,
            ttft: None,
            call_started,
            given_at: Instant::now(),
            speaking: false,
            heard: false,
            ended: false,
            counted: None,
        }
    }

    /// The next piece of text; none at the end.
    pub(crate) async fn piece(&mut self) -> Result<Option<String>, Fault> {
        self.clock.pause(self.given_at.elapsed());
        let piece = self.hear().await;
        self.given_at = Instant::now();
        piece
    }

    async fn hear(&mut self) -> Result<Option<String>, Fault> {
        while !self.ended {
            let frame = match self.answer.frame(&self.clock, self.speaking).await {
                Ok(Some(frame)) => frame,
                Ok(None) if self.finish.is_none() => return Err(self.unfinished()),
                // Only counts could have followed.
                Ok(None) | Err(_) if self.finish.is_some() => break,
                Ok(None) => break,
                Err(fault) => return Err(fault),
            };
            let delta = delta(self.running.provider.kind, &frame)?;
            self.heard = true;
            if let Some(text) = self.take(delta)? {
                return Ok(Some(text));
            }
        }
        self.ended = true;
        Ok(None)
    }

    fn take(&mut self, delta: Delta) -> Result<Option<String>, Fault> {
        self.counted = delta.output_tokens.or(self.counted);
        self.finish = delta.finish.or(self.finish);
        self.ended = delta.end;
        if delta.end {
            self.finish = self.finish.or(Some(Finish::Other));
        }
        if delta.thinking || !delta.text.is_empty() {
            self.speaking = true;
            self.running.answering();
        }
        // Until the end what was seen is an estimate that only grows.
        let length = self.text.len() + delta.text.len();
        let output_tokens = match self.counted {
            Some(counted) if self.finish.is_some() => counted,
            counted => counted.unwrap_or(0).max(tokens(length)),
        };
        self.running.count(delta.input_tokens, output_tokens, length);
        if delta.text.is_empty() {
            return Ok(None);
        }
        let most = self.running.longest();
        if length > most {
            return Err(Fault::new(
                ErrorKind::TooLarge,
                format!("the answer is over {most} bytes, the most for its `max-tokens`"),
            ));
        }
        self.ttft.get_or_insert_with(|| self.call_started.elapsed());
        self.text.push_str(&delta.text);
        Ok(Some(delta.text))
    }

    fn unfinished(&self) -> Fault {
        if self.heard {
            Fault::new(ErrorKind::Cut, "the answer was cut")
        } else {
            Fault::new(ErrorKind::Nonsense, "the answer has nothing in it that this kind of provider says")
        }
    }
}
