//! `event-log`: the audit trail.

use skillhost_events::{EventError, NewEvent};
use skillhost_types::{Capability, RunId, shown};
use wasmtime::StoreContextMut;

use crate::blackboard::{glob, scopes};
use crate::call::{Call, Function, Interface, Needs, begin};
use crate::context::State;
use crate::wire::{Event, HostError, Query};

/// Events that one run may append: a trail for people to read, not a store.
const APPENDED: u32 = 1_000;

/// Events that one query gives at the most, fixed by the contract.
const READ: u32 = 1_000;

/// Kinds with which the host tells what became of files.
const RESERVED: [&str; 4] = ["skill.absorbed", "skill.refused", "skill.replaced", "skill.removed"];

/// Kinds that one query may name.
const KINDS: usize = 64;

pub(crate) fn link(interface: &mut Interface<'_>) -> wasmtime::Result<()> {
    let needs = Needs::Subject(Capability::EventsAppend);
    let called = Function { interface: interface.name, name: "append", needs };
    // Not `function`: the cap per run lives in the store.
    interface.instance.func_wrap_async(
        called.name,
        move |mut store: StoreContextMut<'_, State>, (kind, data): (String, String)| {
            Box::new(async move {
                let begun = begin(&mut store, called, &kind)?;
                let context = &mut store.data_mut().host;
                context.appended += 1;
                let result = if let Err(denied) = begun.granted(&context.info.skill.grants, &kind) {
                    Err(denied)
                } else if context.appended > APPENDED {
                    Err(HostError::Limit(format!("one run may append {APPENDED} events; this is one more")))
                } else {
                    let call = Call { info: context.info.clone(), services: context.services.clone() };
                    begun.bounded(append(call, kind, data)).await
                };
                begun.end(&mut store, result.as_ref().err());
                Ok((result,))
            })
        },
    )?;
    interface.function(
        "read",
        Needs::Any(Capability::EventsRead),
        |_: &(Query,)| "",
        async |call: Call, (query,): (Query,)| read(call, query).await,
    )
}

async fn append(call: Call, kind: String, data: String) -> Result<u64, HostError> {
    if !kind.starts_with("skill.") {
        return Err(HostError::Invalid(format!("a skill's own events begin with `skill.`, unlike `{}`", shown(&kind))));
    }
    if RESERVED.contains(&kind.as_str()) {
        return Err(HostError::Invalid(format!("`{kind}` is the host's own word; choose another kind")));
    }
    let data = serde_json::from_str(&data).map_err(|error| HostError::Invalid(format!("data is no JSON: {error}")))?;
    let event = NewEvent {
        kind,
        source: call.info.skill.name.as_str().into(),
        run: Some(call.info.run),
        tenant: Some(call.info.tenant.clone()),
        data,
    };
    Ok(call.services.events.append(event).await?)
}

async fn read(call: Call, query: Query) -> Result<Vec<Event>, HostError> {
    if !(1..=READ).contains(&query.limit) {
        return Err(HostError::Invalid(format!("limit is 1 to {READ}, not {}", query.limit)));
    }
    if query.kinds.len() > KINDS {
        return Err(HostError::Invalid(format!("a query names at most {KINDS} kinds")));
    }
    let run = query.run.map(|run| run.parse::<RunId>()).transpose();
    let run = run.map_err(|_| HostError::Invalid("run is a ULID, such as `run.current` gives".into()))?;
    let query = skillhost_events::Query {
        kinds: query.kinds.iter().map(|kind| glob(kind)).collect::<Result<_, _>>()?,
        within: Some(scopes(&call, Capability::EventsRead)),
        source: query.source,
        run,
        tenant: Some(call.info.tenant.clone()),
        viewer: None,
        after: query.after,
        before: None,
        limit: query.limit as usize,
    };
    let events = call.services.events.read_async(query).await?;
    Ok(events
        .into_iter()
        .map(|event| Event {
            seq: event.seq,
            at: event.at.0,
            kind: event.kind,
            source: event.source,
            run: event.run.map(|run| run.to_string()),
            data: event.data.to_string(),
        })
        .collect())
}

impl From<EventError> for HostError {
    fn from(error: EventError) -> Self {
        let text = error.to_string();
        match error {
            EventError::Invalid(_) => Self::Invalid(text),
            EventError::TooLarge(_) => Self::Limit(text),
            _ => Self::Unavailable(text),
        }
    }
}
