//! One run: a fresh store, an instance, a call, and what came of it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use skillhost_types::{Limits, LogLine, Usage};
use tokio::time::{Instant, Sleep};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::http::Reach;
use crate::state::RunState;
use crate::stop::{Phase, Stop};

/// Fuel between two returns to the executor: about 50 µs of guest code. The guest's calls to the host in between cost time
/// and hardly any fuel, so this is what bounds how late a timeout is seen.
const YIELD_EVERY: u64 = 100_000;

/// Least payload that may cross from the guest in one call, in bytes; above it, the output cap times
/// [`Guest::EXPANSION`], so that what is somewhat over the cap is refused by name and what is far over it is
/// not copied.
const LEAST_PAYLOAD: u64 = 4 << 20;

/// Handles that one run may hold: many more than real components use, few enough to cost no memory.
const HANDLES: usize = 10_000;

/// Polls of the executor between two looks at its timers. The default of 61 lets a thread full of busy
/// guests look every 30 ms; deadlines are to be kept within 50 ms.
const EVENT_INTERVAL: u32 = 11;

/// What to call in a fresh instance.
pub trait Guest<H: Reach>: Send {
    /// What the call gives.
    type Output: Send;

    /// How many bytes a byte of the output may take in the host's memory at the most.
    const EXPANSION: u64 = 4;

    /// Calls. An error that is a [`Stop`] ends the run as that.
    fn call(
        self,
        store: &mut Store<RunState<H>>,
        instance: &Instance,
    ) -> impl Future<Output = wasmtime::Result<Self::Output>> + Send;
}

/// What came of a run.
pub struct Ended<T, H> {
    /// The answer, or why there is none.
    pub result: Result<T, Stop>,
    /// What was used.
    pub usage: Usage,
    /// The log.
    pub log: Vec<LogLine>,
    /// The capabilities' part of the state.
    pub host: H,
}

/// Runs `guest` in a fresh instance of `component`, unless `cancelled` comes first. The store is gone when this returns or is
/// dropped.
pub async fn run<H, G>(
    component: &InstancePre<RunState<H>>,
    state: RunState<H>,
    limits: &Limits,
    guest: G,
    cancelled: impl Future<Output = ()> + Send,
) -> Ended<G::Output, H>
where
    H: Reach,
    G: Guest<H>,
{
    let deadline = state.deadline();
    let mut store = Store::new(component.engine(), state);
    let mut phase = Phase::Instantiating;
    let prepared = prepare(&mut store, limits, G::EXPANSION);
    let called = async {
        prepared?;
        let instance = component.instantiate_async(&mut store).await?;
        phase = Phase::Calling;
        guest.call(&mut store, &instance).await
    };
    let result = before(deadline, cancelled, called).await;

    let memory_refused = store.data().limiter.refused();
    let result = match result {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) => Err(Stop::classify(&error, phase, memory_refused)),
        Err(stop) => Err(stop),
    };
    let fuel = limits.fuel.saturating_sub(store.get_fuel().unwrap_or_default());
    let mut state = store.into_data();
    state.count_requests();
    let (log, log_bytes, dropped) = state.log.take();
    let usage = Usage {
        fuel,
        wall_us: u64::try_from(state.started().elapsed().as_micros()).unwrap_or(u64::MAX),
        peak_memory_bytes: state.limiter.peak(),
        host_calls: state.host_calls(),
        log_bytes,
        dropped,
        llm_input_tokens: 0,
        llm_output_tokens: 0,
    };
    Ended { result, usage, log, host: state.host }
}

fn prepare<H>(store: &mut Store<RunState<H>>, limits: &Limits, expansion: u64) -> wasmtime::Result<()> {
    store.limiter(|state| &mut state.limiter);
    let payload = limits.output.saturating_mul(expansion).max(LEAST_PAYLOAD);
    store.set_hostcall_fuel(usize::try_from(payload).unwrap_or(usize::MAX));
    store.set_max_component_handles(HANDLES);
    store.set_fuel(limits.fuel)?;
    store.fuel_async_yield_interval(Some(YIELD_EVERY))
}

/// `future`'s output, or what came first.
///
/// Looks at the clock before every step of `future`, so a guest that never waits is stopped when it yields, however
/// busy the executor is; a timer covers the guest that waits.
async fn before<F: Future>(
    deadline: Instant,
    cancelled: impl Future<Output = ()>,
    future: F,
) -> Result<F::Output, Stop> {
    let mut future = pin!(future);
    let mut cancelled = pin!(cancelled);
    let mut timer: Pin<&mut Option<Sleep>> = pin!(None);
    std::future::poll_fn(move |context: &mut Context<'_>| {
        if Instant::now() >= deadline {
            return Poll::Ready(Err(Stop::Deadline));
        }
        if cancelled.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(Stop::Cancelled));
        }
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            // An answer that comes too late is none.
            return Poll::Ready(if Instant::now() < deadline { Ok(output) } else { Err(Stop::Deadline) });
        }
        if timer.is_none() {
            timer.set(Some(tokio::time::sleep_until(deadline)));
        }
        match timer.as_mut().as_pin_mut() {
            Some(sleep) => sleep.poll(context).map(|()| Err(Stop::Deadline)),
            None => Poll::Pending,
        }
    })
    .await
}

/// An executor that keeps deadlines also when every thread runs busy guests.
pub fn runtime(threads: usize) -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.max(1))
        .event_interval(EVENT_INTERVAL)
        // Idle helper threads give their stacks back soon.
        .thread_keep_alive(Duration::from_secs(2))
        .enable_all()
        .build()
}
