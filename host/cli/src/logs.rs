//! What the program says of itself: lines on standard error, and traces where somebody collects them.

use std::io;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, FilterFn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

use crate::args::Common;
use crate::fail::Fail;
#[cfg(feature = "otlp")]
use crate::otlp;
use crate::print;

/// Which events are told, as `tracing` writes it; above what `-v` and `-q` say.
const FILTER: &str = "SKILLHOST_LOG";

/// How they are told, where the command line does not say.
const FORMAT: &str = "SKILLHOST_LOG_FORMAT";

/// How lines on standard error look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON object a line, with the run and the call that it belongs to
    Json,
}

/// What must come to its end before the program does.
pub(crate) struct Logs {
    #[cfg(feature = "otlp")]
    traces: Option<otlp::Traces>,
}

impl Logs {
    /// Begins to tell. Traces are sent only if something `runs`, and if the environment says where to.
    pub(crate) fn start(common: &Common, runs: bool) -> Result<Self, Fail> {
        let format = match common.log_format {
            Some(format) => format,
            None => from_environment()?,
        };
        let level = match (common.quiet, common.verbose) {
            (true, _) => "error",
            // A client's mistake is no warning to whoever runs the host; and at `debug`, rmcp shows what tools are called with.
            (_, 0) => "warn,rmcp=error",
            (_, 1) => "info,wasmtime=warn,cranelift=warn,rmcp=error",
            // Of frames there are as many as a stranger likes.
            (_, 2) => "debug,wasmtime=info,cranelift=info,rmcp=info,h2=info,hyper=info",
            (_, _) => "trace",
        };
        let events = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(level));
        let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
        let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
            Format::Text => {
                let ansi = console::colors_enabled_stderr();
                lines.with_ansi(ansi).with_target(false).with_filter(events).boxed()
            }
            Format::Json => {
                print::tell_in_json();
                // Whatever events are told, they say where they belong.
                lines.json().with_filter(events.or(spans())).boxed()
            }
        };
        let registry = tracing_subscriber::registry().with(lines);
        #[cfg(feature = "otlp")]
        let logs = {
            let (layer, traces) = runs.then(otlp::start).flatten().unzip();
            registry.with(layer).init();
            Self { traces }
        };
        #[cfg(not(feature = "otlp"))]
        let logs = {
            // There is nobody to send them to.
            let _ = runs;
            registry.init();
            Self {}
        };
        Ok(logs)
    }

    /// Gives out what is left.
    pub(crate) fn end(self) {
        #[cfg(feature = "otlp")]
        if let Some(traces) = self.traces {
            traces.end();
        }
    }
}

fn from_environment() -> Result<Format, Fail> {
    match std::env::var(FORMAT) {
        Ok(text) if !text.is_empty() => Format::from_str(&text, true)
            .map_err(|_| Fail::usage(format!("`{FORMAT}` is `{text}`; it is `text` or `json`"))),
        _ => Ok(Format::Text),
    }
}

/// The host's own spans, and no event.
pub(crate) fn spans() -> FilterFn {
    FilterFn::new(is_own as fn(&Metadata<'_>) -> bool).with_max_level_hint(LevelFilter::INFO)
}

fn is_own(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && *metadata.level() <= Level::INFO && metadata.target().starts_with("skillhost")
}
