//! The one loop: candidate after candidate, try after try.
//!
//! Contract: candidates are asked in their order; what follows a failure is the table's word (`fault`), within the
//! caller's deadline. Price: an entry in a list per attempt.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tracing::Instrument as _;

use crate::NotReserved;
use crate::account::Charge;
use crate::attempt::{Open, Running};
use crate::clock::Clock;
use crate::config::Kind;
use crate::fault::{ErrorKind, Fault, Then};
use crate::installed::stand_in;
use crate::limits::{BACKOFF, BELIEF, PATIENCE, REST, RETRIES, ROUNDS, UNSEEN_TOKENS};
use crate::provider::{Provider, left_alone};
use crate::request::tokens;
use crate::router::{Ask, Shared, State, Who};
use crate::trace;
use crate::transport::{Answer, Call, send};
use crate::wire::Place;
use crate::{Attempt, AttemptError, Failed, LlmError, Usage};

/// Who may answer.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub(crate) provider: Arc<Provider>,
    pub(crate) model: String,
}

impl Candidate {
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.provider.name, self.model)
    }
}

/// What is asked of a candidate.
pub(crate) trait Work: Sync {
    /// What the conventions for traces call it.
    const OPERATION: &'static str;
    /// What it gives.
    type Out: Send;
    /// Tokens that it may take, in and out.
    fn tokens(&self) -> (u64, u64);
    /// Whether another model of the same provider would do.
    fn may_stand_in(&self) -> bool;
    /// The request.
    fn call(&self, place: &Place<'_>, model: &str) -> Result<Call, Fault>;
    /// What is made of the answer; ends the attempt unless it goes on in what is given.
    fn read(
        &self,
        running: Running,
        answer: Answer,
        clock: Clock,
        call_started: Instant,
    ) -> impl Future<Output = Result<Self::Out, Fault>> + Send;
}

pub(crate) struct Cascade<'a> {
    shared: &'a Arc<Shared>,
    state: &'a State,
    ask: &'a Ask<'a>,
    pub(crate) started: Instant,
    pub(crate) attempts: Vec<Attempt>,
    /// When the first of those that are left alone can be asked.
    free_at: Option<Instant>,
}

impl<'a> Cascade<'a> {
    pub(crate) fn new(shared: &'a Arc<Shared>, state: &'a State, ask: &'a Ask<'a>) -> Self {
        Self { shared, state, ask, started: Instant::now(), attempts: Vec::new(), free_at: None }
    }

    /// The first answer.
    pub(crate) async fn run<W: Work>(&mut self, candidates: &[Candidate], work: &W) -> Result<W::Out, LlmError> {
        for rounds_left in (0..=ROUNDS).rev() {
            if let Some(out) = self.round(candidates, work).await? {
                return Ok(out);
            }
            let soon = (Instant::now() + PATIENCE).min(self.ask.deadline);
            match self.free_at.take().filter(|free_at| rounds_left > 0 && *free_at < soon) {
                Some(free_at) => sleep_until(free_at).await,
                None => break,
            }
        }
        Err(self.exhausted())
    }

    async fn round<W: Work>(&mut self, candidates: &[Candidate], work: &W) -> Result<Option<W::Out>, LlmError> {
        let mut rest = candidates.iter().enumerate().peekable();
        while let Some((index, candidate)) = rest.next() {
            let more = rest.peek().is_some();
            let (mut tries, mut stand_in) = (0, None);
            let fault = loop {
                let started = Instant::now();
                let model = stand_in.as_ref().unwrap_or(&candidate.model).clone();
                let fault = match self.attempt(work, candidate, &model, index > 0, more).await {
                    Ok((out, model)) => {
                        self.push(candidate, &model, started, None);
                        return Ok(Some(out));
                    }
                    Err(fault) => fault,
                };
                self.push(candidate, &model, started, Some(&fault));
                if let (ErrorKind::LeftAlone, Some(time)) = (fault.kind, fault.retry_after) {
                    let free_at = Instant::now() + time;
                    self.free_at = Some(self.free_at.map_or(free_at, |sooner| sooner.min(free_at)));
                }
                if fault.kind.then() == Then::GiveUp {
                    return Err(self.give_up(&fault));
                }
                if let (true, None) = (work.may_stand_in() && fault.kind == ErrorKind::UnknownModel, &stand_in) {
                    stand_in = self.stand_in(candidate).await;
                    if stand_in.is_some() {
                        continue;
                    }
                }
                match self.wait(candidate, &fault, tries, more) {
                    Some(wait) => sleep(wait).await,
                    None => break fault,
                }
                tries += 1;
            };
            if let Some((_, next)) = rest.peek() {
                let (who, why) = (self.ask.who(), &fault.text);
                self.shared.observer.fallback(&who.tenant, who.run, &candidate.name(), &next.name(), why);
            }
        }
        Ok(None)
    }

    async fn attempt<W: Work>(
        &self,
        work: &W,
        candidate: &Candidate,
        model: &str,
        is_fallback: bool,
        more: bool,
    ) -> Result<(W::Out, String), Fault> {
        let provider = &candidate.provider;
        let source = &*self.shared.source;
        let clock = Clock::new(&self.state.config.timeouts, self.ask.deadline, more);
        if clock.deadline <= clock.started {
            return Err(Fault::new(ErrorKind::Deadline, "the caller's time was up"));
        }
        provider.place(source.monotonic())?;
        let gate_place = timeout_at(clock.first_by, provider.gate.enter(self.ask.tenant))
            .await
            .map_err(|_| Fault::new(ErrorKind::Busy, "no place became free in time; see its `concurrency`"))?;
        let now = source.monotonic();
        let pass = provider.breaker.admit(now).map_err(|wait| left_alone(wait, "because it kept failing"))?;
        let known = provider.known(now).filter(|_| work.may_stand_in());
        let other = known.as_deref().and_then(|installed| stand_in(installed, model));
        let is_fallback = is_fallback || other.is_some() || model != candidate.model;
        let model = other.unwrap_or(model).to_owned();
        let place = provider.place(now)?;
        let call = work.call(&place, &model)?;
        let (input_tokens, output_tokens) = work.tokens();
        let price = self.state.price(&provider.name, &model);
        let priced = price.is_some() || provider.is_local();
        let price = price.unwrap_or_default();
        let charge = Charge {
            provider: provider.name.to_string(),
            model: model.clone(),
            input_tokens,
            output_tokens,
            micros: price.of(input_tokens, output_tokens),
            priced,
        };
        let hold = timeout_at(clock.deadline, self.ask.account.reserve(&charge))
            .await
            .map_err(|_| Fault::new(ErrorKind::Deadline, "the caller's time was up"))?
            .map_err(|why| match why {
                NotReserved::Spent(budget) => Fault::new(ErrorKind::Budget, budget),
                NotReserved::Closed(reason) => Fault::new(ErrorKind::Books, reason),
            })?;
        let running = Running {
            shared: Arc::clone(self.shared),
            who: self.ask.who(),
            provider: Arc::clone(provider),
            is_fallback,
            model: model.clone(),
            price,
            usage: Usage { input_tokens, output_tokens: 0 },
            believed: Usage {
                input_tokens: input_tokens.max(UNSEEN_TOKENS + BELIEF * tokens(call.body.len())),
                output_tokens,
            },
            started: Instant::now(),
            open: Some(Open { pass, place: gate_place, hold }),
            span: trace::of_attempt(W::OPERATION, provider, &model),
        };
        let sent = send(&provider.client, call, provider.framing(), source, &clock);
        let answer = match sent.instrument(running.span.clone()).await {
            Ok(answer) => answer,
            Err(fault) => return Err(running.fail(fault).await),
        };
        Ok((work.read(running, answer, clock, self.started).await?, model))
    }

    async fn stand_in(&mut self, candidate: &Candidate) -> Option<String> {
        if candidate.provider.kind != Kind::Ollama {
            return None;
        }
        let installed = candidate.provider.ask_models(&*self.shared.source, self.ask.deadline).await?;
        let found = stand_in(&installed, &candidate.model).map(str::to_owned);
        if let (None, Some(Attempt { error: Some(error), .. })) = (&found, self.attempts.last_mut()) {
            error.text = format!("{}; install it with `ollama pull {}`", error.text, candidate.model);
        }
        found
    }

    /// How long to wait before the same candidate is asked again; none if it is not.
    fn wait(&self, candidate: &Candidate, fault: &Fault, tries: u32, more: bool) -> Option<Duration> {
        let left = self.ask.deadline.saturating_duration_since(Instant::now());
        let wait = match fault.retry_after {
            Some(time) => Some(time).filter(|time| !more || *time <= PATIENCE),
            None if fault.kind == ErrorKind::Unfit => Some(Duration::ZERO),
            None => Some(BACKOFF.mul_f64(0.5 + self.shared.share() / 2.0)),
        };
        let again = fault.kind.then() == Then::Retry && tries < RETRIES;
        let wait = wait.filter(|wait| again && *wait < left);
        if fault.kind == ErrorKind::LeftAlone {
            return None;
        }
        let asked = fault.retry_after.or((fault.kind == ErrorKind::RateLimited).then_some(REST));
        if let (None, Some(time)) = (wait, asked) {
            candidate.provider.rest(self.shared.source.monotonic(), time);
        }
        wait
    }

    fn push(&mut self, candidate: &Candidate, model: &str, started: Instant, fault: Option<&Fault>) {
        self.attempts.push(Attempt {
            provider: Arc::clone(&candidate.provider.name),
            model: model.to_owned(),
            latency: started.elapsed(),
            error: fault.map(|fault| AttemptError { kind: fault.kind, text: fault.text.clone() }),
        });
    }

    fn give_up(&self, fault: &Fault) -> LlmError {
        let error = if fault.kind.is_request() {
            LlmError::Invalid(format!("the request was refused: {}", self.story()))
        } else {
            LlmError::Unavailable(self.story())
        };
        self.failed(error)
    }

    fn exhausted(&self) -> LlmError {
        let errors = || self.attempts.iter().filter_map(|attempt| attempt.error.as_ref());
        let error = if let Some(budget) = errors().find(|error| error.kind == ErrorKind::Budget) {
            LlmError::Limit(budget.text.clone())
        } else if errors().all(|error| matches!(error.kind, ErrorKind::UnknownModel | ErrorKind::Unsupported)) {
            LlmError::Invalid(format!("no provider has such a model: {}", self.story()))
        } else {
            LlmError::Unavailable(self.story() + &self.state.hint(&self.attempts))
        };
        self.failed(error)
    }

    /// Tells the observer.
    fn failed(&self, error: LlmError) -> LlmError {
        let Who { tenant, run } = &self.ask.who();
        self.shared.observer.failed(&Failed {
            tenant,
            run: *run,
            attempts: &self.attempts,
            message: &error.to_string(),
        });
        error
    }

    /// Who was asked, and what came of it. That nobody answered is for the caller to say, who may say it anyway.
    fn story(&self) -> String {
        let each = self.attempts.iter().filter_map(|attempt| {
            let error = attempt.error.as_ref()?;
            Some(format!("{}/{}: {}", attempt.provider, attempt.model, error.text))
        });
        each.collect::<Vec<_>>().join("; ")
    }
}
