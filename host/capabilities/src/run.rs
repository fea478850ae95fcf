//! `run`: the run itself. Always granted.
//!
//! `log` and `progress` have caps of their own and are no host calls; a report over its cap is dropped and
//! counted.

use skillhost_engine::Stop;
use skillhost_types::Level;
use wasmtime::StoreContextMut;
use wasmtime::component::LinkerInstance;

use crate::context::{Context, Progress, Services, State};
use crate::spending::spender;
use crate::wire;

/// Progress reports that one run may send: more than a person or a model can follow.
const REPORTS: u32 = 1_000;
/// Longest text of a progress report, in bytes: one line.
const LONGEST_REPORT: usize = 1 << 10;

pub(crate) fn link(instance: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    instance.func_wrap("current", |mut store: StoreContextMut<'_, State>, (): ()| {
        store.data_mut().count_host_call()?;
        let context = &store.data().host;
        let info = &context.info;
        Ok((wire::RunContext {
            run_id: info.run.to_string(),
            skill: info.skill.name.to_string(),
            tenant: info.tenant.to_string(),
            agent: info.agent.as_deref().map(str::to_owned),
            caller: info.caller.to_string(),
            deadline: context.deadline.0,
        },))
    })?;
    instance.func_wrap_async("remaining", |mut store: StoreContextMut<'_, State>, (): ()| {
        Box::new(async move {
            store.data_mut().count_host_call()?;
            let llm_tokens = tokens_left(&store.data().host).await;
            let fuel = store.get_fuel()?;
            let state = store.data();
            Ok((wire::Budget {
                fuel,
                wall_ms: u64::try_from(state.time_left().as_millis()).unwrap_or(u64::MAX),
                memory_bytes: state.limiter.remaining(),
                host_calls: state.host_calls_left(),
                llm_tokens,
            },))
        })
    })?;
    instance.func_wrap("log", |store: StoreContextMut<'_, State>, (level, message): (wire::Level, String)| {
        log(&store, Level::from(level), &message)
    })?;
    instance.func_wrap(
        "progress",
        |mut store: StoreContextMut<'_, State>, (done, total, mut message): (f64, Option<f64>, String)| {
            let state = store.data_mut();
            state.host.reports += 1;
            if state.host.reports > REPORTS {
                state.log.count_dropped();
            } else if let Some(sink) = &state.host.progress {
                message.truncate(message.floor_char_boundary(LONGEST_REPORT));
                let message = state.host.services.redactor.text(&message).into_owned();
                sink(Progress { done, total, message });
            }
            in_time(store.data())
        },
    )
}

/// The tokens that its budgets leave to the run.
async fn tokens_left(context: &Context) -> u64 {
    let Services { ledger, budgets, .. } = &*context.services;
    let budgets = budgets.load_full();
    if budgets.is_empty() {
        return u64::MAX;
    }
    context.settled().await;
    // What cannot be read is not promised.
    ledger.remaining(&spender(&context.info), &budgets).map_or(0, |tokens| tokens.unwrap_or(u64::MAX))
}

/// Writes a line to the run's log.
pub(crate) fn log(store: &StoreContextMut<'_, State>, level: Level, message: &str) -> wasmtime::Result<()> {
    store.data().log.line(level, message);
    in_time(store.data())
}

/// These calls never wait and cost the guest no fuel worth the name, so they look at the clock themselves.
fn in_time(state: &State) -> wasmtime::Result<()> {
    if state.time_left().is_zero() { Err(Stop::Deadline.into()) } else { Ok(()) }
}

impl From<wire::Level> for Level {
    fn from(level: wire::Level) -> Self {
        match level {
            wire::Level::Trace => Self::Trace,
            wire::Level::Debug => Self::Debug,
            wire::Level::Info => Self::Info,
            wire::Level::Warn => Self::Warn,
            wire::Level::Error => Self::Error,
        }
    }
}
