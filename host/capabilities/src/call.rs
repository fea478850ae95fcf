//! The one wrapper around every host call.
//!
//! A function is linked with [`Interface::function`] or begins with [`begin`], and no other way, so a new interface cannot
//! forget to check the grant, to count, to bound time, to write the call down or to have a span. A call that is refused counts
//! too, and is on record with its reason. What it is about is on record only, in no span.

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota};
use skillhost_blackboard::Channel;
use skillhost_types::{Capability, Grants, HostCallRecord, Tenant};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::instrument::{Instrument as _, Instrumented};
use tracing::{Span, info_span};
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentNamedList, Lift, LinkerInstance, Lower};

use crate::context::{RunInfo, Services, State};
use crate::wire::HostError;

/// How long one host call may take at the most: a backend that answers later is as good as down, and a
/// skill can only react to that while it has time left. The run's own deadline comes first if it is nearer.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Messages a second on one channel, and at once after a pause. An agent platform's channels carry tens; a
/// ring of skills that wake each other carries as many as it can.
const MESSAGES_PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);

/// Bounds the rate of each channel of each tenant.
pub struct ChannelRates(DefaultKeyedRateLimiter<(Tenant, Channel)>);

impl Default for ChannelRates {
    fn default() -> Self {
        Self(DefaultKeyedRateLimiter::keyed(Quota::per_second(MESSAGES_PER_SECOND)))
    }
}

impl ChannelRates {
    pub(crate) fn take(&self, tenant: &Tenant, channel: &Channel) -> Result<(), HostError> {
        // Channels that have been quiet are forgotten, so that their count stays bounded.
        if self.0.len() > 4_096 {
            self.0.retain_recent();
        }
        self.0.check_key(&(tenant.clone(), channel.clone())).map_err(|_| {
            HostError::Limit(format!(
                "channel `{}` carries more than {MESSAGES_PER_SECOND} messages a second; publish less often",
                channel.as_str()
            ))
        })
    }
}

/// What a host function gets beside its parameters.
pub(crate) struct Call {
    pub(crate) info: Arc<RunInfo>,
    pub(crate) services: Arc<Services>,
}

/// A function's name, and what it takes to call it.
#[derive(Clone, Copy)]
pub(crate) struct Function {
    pub(crate) interface: &'static str,
    pub(crate) name: &'static str,
    pub(crate) needs: Needs,
}

/// What it takes to call a function.
#[derive(Clone, Copy)]
pub(crate) enum Needs {
    /// A grant whose scope matches the subject.
    Subject(Capability),
    /// Any grant of the capability: the function itself gives no more than the grants' scopes.
    Any(Capability),
}

impl Needs {
    fn check(self, grants: &Grants, subject: &str) -> Result<(), HostError> {
        let (allowed, capability) = match self {
            Self::Subject(capability) => (grants.allows(capability, subject), capability),
            Self::Any(capability) => (grants.of(capability).next().is_some(), capability),
        };
        if allowed { Ok(()) } else { Err(HostError::Denied(needed(capability, subject))) }
    }
}

/// The grant that would allow it.
pub(crate) fn needed(capability: Capability, subject: &str) -> String {
    let subject: String = subject.chars().take(shown::SUBJECT).flat_map(char::escape_debug).collect();
    format!("{capability} {}", if subject.is_empty() { "*" } else { &subject })
}

/// Links the functions of one interface.
pub(crate) struct Interface<'a> {
    pub(crate) instance: LinkerInstance<'a, State>,
    pub(crate) name: &'static str,
}

impl Interface<'_> {
    /// Links `function`, whose call is about `subject`: a key, a channel, a tool.
    pub(crate) fn function<P, R, F, Fut>(
        &mut self,
        name: &'static str,
        needs: Needs,
        subject: fn(&P) -> &str,
        function: F,
    ) -> wasmtime::Result<()>
    where
        P: ComponentNamedList + Lift + Send + 'static,
        R: Send + 'static,
        (Result<R, HostError>,): ComponentNamedList + Lower,
        F: Fn(Call, P) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<R, HostError>> + Send + 'static,
    {
        let called = Function { interface: self.name, name, needs };
        self.instance.func_wrap_async(name, move |mut store: StoreContextMut<'_, State>, params: P| {
            Box::new(async move {
                let begun = begin(&mut store, called, subject(&params))?;
                let call = Call { info: store.data().host.info.clone(), services: store.data().host.services.clone() };
                let result = match called.needs.check(&call.info.skill.grants, subject(&params)) {
                    Ok(()) => begun.bounded(function(call, params)).await,
                    Err(denied) => Err(denied),
                };
                begun.end(&mut store, result.as_ref().err());
                Ok((result,))
            })
        })
    }
}

/// A host call under way.
pub(crate) struct Begun {
    function: Function,
    subject: String,
    at: Instant,
    until: Instant,
    span: Span,
}

/// Counts a call; the one over the limit ends the run.
pub(crate) fn begin(
    store: &mut StoreContextMut<'_, State>,
    function: Function,
    subject: &str,
) -> wasmtime::Result<Begun> {
    let state = store.data_mut();
    state.count_host_call()?;
    let at = Instant::now();
    let shown = subject.get(..subject.floor_char_boundary(shown::SUBJECT)).unwrap_or_default();
    let span = info_span!(
        "host_call",
        otel.name = %format_args!("{}.{}", function.interface, function.name),
        otel.status_code = Empty,
        outcome = Empty,
        error.type = Empty,
    );
    Ok(Begun { function, subject: shown.to_owned(), at, until: state.deadline().min(at + CALL_TIMEOUT), span })
}

impl Begun {
    /// Lets it take as long as the run has.
    pub(crate) fn until_the_end(self, store: &StoreContextMut<'_, State>) -> Self {
        Self { until: store.data().deadline(), ..self }
    }

    /// Is the call granted?
    pub(crate) fn granted(&self, grants: &Grants, subject: &str) -> Result<(), HostError> {
        self.function.needs.check(grants, subject)
    }

    /// `work`'s result, or `unavailable` when its time is up.
    pub(crate) async fn bounded<R>(&self, work: impl Future<Output = Result<R, HostError>>) -> Result<R, HostError> {
        tokio::time::timeout_at(self.until, self.within(work)).await.unwrap_or_else(|_| {
            Err(HostError::Unavailable(format!(
                "{}.{} did not answer within {} ms; try again later",
                self.function.interface,
                self.function.name,
                self.until.saturating_duration_since(self.at).as_millis()
            )))
        })
    }

    /// `work` in the call's span.
    pub(crate) fn within<F: Future>(&self, work: F) -> Instrumented<F> {
        work.instrument(self.span.clone())
    }

    /// Writes the call down.
    pub(crate) fn end(self, store: &mut StoreContextMut<'_, State>, error: Option<&HostError>) {
        if !self.span.is_disabled() {
            mark(&self.span, error.map(HostError::kind));
        }
        let state = store.data_mut();
        let started = state.started();
        state.host.write_down(|| {
            let call = format!("{}.{}", self.function.interface, self.function.name);
            record(&call, &self.subject, started, self.at, error.map(HostError::describe))
        });
    }
}

/// Writes into a span what came of it.
pub(crate) fn mark(span: &Span, error: Option<&'static str>) {
    span.record("outcome", error.unwrap_or("ok"));
    if let Some(kind) = error {
        span.record("error.type", kind).record("otel.status_code", "ERROR");
    }
}

/// What a run's record shows of its calls.
pub(crate) mod shown {
    /// So many calls; the later ones are only counted. Enough to read, little to keep.
    pub(crate) const CALLS: usize = 100;
    /// Of a call's subject, in bytes: enough to recognise a key.
    pub(crate) const SUBJECT: usize = 128;
    /// Of a refusal, in bytes: its first sentence.
    pub(crate) const ERROR: usize = 256;
}

/// The record of a call of a run that began at `started`, which ends now.
pub(crate) fn record(call: &str, what: &str, started: Instant, at: Instant, error: Option<String>) -> HostCallRecord {
    let micros =
        |from: Instant, to: Instant| u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX);
    HostCallRecord {
        call: call.to_owned(),
        at_us: micros(started, at),
        took_us: micros(at, Instant::now()),
        error: error.map(shortened),
        what: what.get(..what.floor_char_boundary(shown::SUBJECT)).unwrap_or_default().to_owned(),
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > shown::ERROR {
        text.truncate(text.floor_char_boundary(shown::ERROR));
        text.push('…');
    }
    text
}
