//! `llm`: language models, on the account of whoever asks.
//!
//! A call takes as long as the run has: models are slower than every other backend, and the router has limits of its own.

mod wire;

use std::sync::atomic::Ordering;
use std::time::Duration;

use skillhost_llm::{Ask, CompletionStream, LlmError};
use skillhost_types::Capability;
use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource, ResourceType};

use self::wire::{Completion, Request};
use crate::call::{Begun, Call, Function, Needs, begin};
use crate::context::State;
use crate::spending::Purse;
use crate::wire::HostError;

/// What a run keeps of its time, so that a skill hears that no model answered while it can still do something about it.
const MARGIN: Duration = Duration::from_millis(100);

/// `completion-stream`; none once it was finished.
struct Answer(Option<CompletionStream>);

type Said<T> = wasmtime::Result<(Result<T, HostError>,)>;

pub(crate) fn link(instance: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    instance.resource("completion-stream", ResourceType::host::<Answer>(), |mut store, rep| {
        store.data_mut().table().delete(Resource::<Answer>::new_own(rep))?;
        Ok(())
    })?;
    instance.func_wrap_async("complete", |mut store, (request,): (Request,)| {
        Box::new(async move {
            let called = Asked::new(&mut store, "complete", Capability::LlmComplete, request.model.as_deref())?;
            let result = called
                .make(async |asked: &Asked| {
                    let answer = asked.call.services.llm.complete(&request.into(), &asked.ask()).await;
                    let answer = answer.map_err(|error| asked.refused(error))?;
                    asked.fits(answer.text.len())?;
                    Ok(Completion::from(answer))
                })
                .await;
            called.end(&mut store, &result);
            Ok((result,)) as Said<Completion>
        })
    })?;
    instance.func_wrap_async("complete-stream", |mut store, (request,): (Request,)| {
        Box::new(async move {
            let called = Asked::new(&mut store, "complete-stream", Capability::LlmComplete, request.model.as_deref())?;
            let result = called
                .make(async |asked: &Asked| {
                    let stream = asked.call.services.llm.stream(&request.into(), &asked.ask()).await;
                    stream.map_err(|error| asked.refused(error))
                })
                .await;
            called.end(&mut store, &result);
            let stream = match result {
                Ok(stream) => Ok(store.data_mut().table().push(Answer(Some(stream)))?),
                Err(error) => Err(error),
            };
            Ok((stream,)) as Said<Resource<Answer>>
        })
    })?;
    instance.func_wrap_async("[method]completion-stream.next", |mut store, (answer,): (Resource<Answer>,)| {
        Box::new(async move {
            let called = Asked::new(&mut store, "completion-stream.next", Capability::LlmComplete, None)?;
            // A grant was there when it began.
            let result = match &mut store.data_mut().table().get_mut(&answer)?.0 {
                Some(stream) => called.begun.bounded(async { Ok(stream.next().await?) }).await,
                None => Ok(None),
            };
            called.end(&mut store, &result);
            Ok((result,)) as Said<Option<String>>
        })
    })?;
    instance.func_wrap_async("[method]completion-stream.finish", |mut store, (answer,): (Resource<Answer>,)| {
        Box::new(async move {
            let called = Asked::new(&mut store, "completion-stream.finish", Capability::LlmComplete, None)?;
            let result = match store.data_mut().table().get_mut(&answer)?.0.take() {
                Some(stream) => {
                    let rest = async {
                        let answer = stream.finish().await?;
                        called.fits(answer.text.len())?;
                        Ok(Completion::from(answer))
                    };
                    called.begun.bounded(rest).await
                }
                None => Err(HostError::Invalid("the answer was finished before; ask again for another".into())),
            };
            called.end(&mut store, &result);
            Ok((result,)) as Said<Completion>
        })
    })?;
    instance.func_wrap_async("embed", |mut store, (inputs, model): (Vec<String>, Option<String>)| {
        Box::new(async move {
            let called = Asked::new(&mut store, "embed", Capability::LlmEmbed, model.as_deref())?;
            let result = called
                .make(async |asked: &Asked| {
                    let answer = asked.call.services.llm.embed(&inputs, model.as_deref(), &asked.ask()).await;
                    let answer = answer.map_err(|error| asked.refused(error))?;
                    asked.fits(answer.vectors.iter().map(|vector| vector.len() * size_of::<f32>()).sum())?;
                    Ok(answer.vectors)
                })
                .await;
            called.end(&mut store, &result);
            Ok((result,)) as Said<Vec<Vec<f32>>>
        })
    })
}

/// A call under way.
struct Asked {
    begun: Begun,
    call: Call,
    purse: Purse,
    /// The alias or the model, for the grant.
    model: String,
    deadline: tokio::time::Instant,
    /// Largest answer, in bytes.
    most: u64,
}

impl Asked {
    fn new(
        store: &mut StoreContextMut<'_, State>,
        name: &'static str,
        capability: Capability,
        model: Option<&str>,
    ) -> wasmtime::Result<Self> {
        let services = store.data().host.services.clone();
        // A request that names no model is for the default one, by its name.
        let model = model.map(str::to_owned).or_else(|| services.llm.default_model()).unwrap_or_default();
        let called = Function { interface: "llm", name, needs: Needs::Subject(capability) };
        let begun = begin(store, called, &model)?.until_the_end(store);
        let state = store.data_mut();
        let (patience, deadline, most) = (state.time_left(), state.deadline() - MARGIN, state.output_limit());
        let tokens = state.host.tokens().clone();
        let info = state.host.info.clone();
        let purse = Purse {
            ledger: services.ledger.clone(),
            budgets: services.budgets.load_full(),
            info: info.clone(),
            tokens,
            patience,
        };
        Ok(Self { begun, call: Call { info, services }, purse, model, deadline, most })
    }

    /// Does `work`, if the grants allow it.
    async fn make<R>(&self, work: impl AsyncFnOnce(&Self) -> Result<R, HostError>) -> Result<R, HostError> {
        self.begun.granted(&self.call.info.skill.grants, &self.model)?;
        self.begun.bounded(work(self)).await
    }

    fn ask(&self) -> Ask<'_> {
        let info = &self.call.info;
        Ask { tenant: &info.tenant, run: Some(info.run), account: &self.purse, deadline: self.deadline }
    }

    /// What the guest is told. That a budget is used up is also told to whoever would wake the skill again.
    fn refused(&self, error: LlmError) -> HostError {
        if let (LlmError::Limit(_), Some(exhausted)) = (&error, &self.call.info.exhausted) {
            exhausted.store(true, Ordering::Relaxed);
        }
        error.into()
    }

    /// An answer over what may cross to a guest is refused, as every payload is.
    fn fits(&self, bytes: usize) -> Result<(), HostError> {
        if bytes as u64 <= self.most {
            return Ok(());
        }
        Err(HostError::Limit(format!(
            "the answer is {bytes} bytes long; {} may cross (`limits.output`); ask for fewer tokens",
            self.most
        )))
    }

    fn end<R>(self, store: &mut StoreContextMut<'_, State>, result: &Result<R, HostError>) {
        self.begun.end(store, result.as_ref().err());
    }
}

impl From<LlmError> for HostError {
    fn from(error: LlmError) -> Self {
        match error {
            LlmError::Invalid(text) => Self::Invalid(text),
            LlmError::Limit(text) => Self::Limit(text),
            LlmError::Unavailable(text) => Self::Unavailable(text),
        }
    }
}
