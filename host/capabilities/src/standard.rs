//! `wasi:config` and `wasi:logging`, for components made for other hosts. They need no grant: the one gives what the operator wrote
//! for this skill, the other is the run's own log.

use skillhost_types::Level;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, LinkerInstance, Lower};

use crate::context::State;

/// `config.error`, which nothing here gives.
#[derive(ComponentType, Lower)]
#[component(variant)]
#[expect(dead_code, reason = "the standard has it")]
enum ConfigError {
    #[component(name = "upstream")]
    Upstream(String),
    #[component(name = "io")]
    Io(String),
}

/// Links `wasi:config/store`.
pub(crate) fn link_config(instance: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    instance.func_wrap("get", |mut store: StoreContextMut<'_, State>, (key,): (String,)| {
        store.data_mut().count_host_call()?;
        let value = store.data().host.info.skill.config.get(&key).cloned();
        Ok((Ok::<_, ConfigError>(value),))
    })?;
    instance.func_wrap("get-all", |mut store: StoreContextMut<'_, State>, (): ()| {
        store.data_mut().count_host_call()?;
        let all: Vec<(String, String)> =
            store.data().host.info.skill.config.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        Ok((Ok::<_, ConfigError>(all),))
    })
}

/// `logging.level`.
#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "guests make them")]
enum LogLevel {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
    #[component(name = "critical")]
    Critical,
}

/// Links `wasi:logging/logging`.
pub(crate) fn link_logging(instance: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    instance.func_wrap(
        "log",
        |store: StoreContextMut<'_, State>, (level, context, message): (LogLevel, String, String)| {
            let level = match level {
                LogLevel::Trace => Level::Trace,
                LogLevel::Debug => Level::Debug,
                LogLevel::Info => Level::Info,
                LogLevel::Warn => Level::Warn,
                LogLevel::Error | LogLevel::Critical => Level::Error,
            };
            let line = if context.is_empty() { message } else { format!("{context}: {message}") };
            crate::run::log(&store, level, &line)
        },
    )
}
