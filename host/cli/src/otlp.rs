//! Traces to a collector, by OpenTelemetry's protocol over HTTP.
//!
//! Contract: the standard `OTEL_*` variables say where to, how, and which; without an endpoint among them there is no thread, no
//! connection and no cost. Spans alone are sent: what the log says is not, and neither is what runs are given or give. Runs never
//! wait for the collector: spans wait in a bounded queue, and those that find it full are dropped. That it does not take
//! them is said once. Price: a thread, and some microseconds for each span.

use std::collections::HashMap;
use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Key, KeyValue};
use opentelemetry_otlp::{
    OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, SpanExporter as OtlpExporter,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::{logs, print};

/// How long the program's end waits for the collector to take what is left.
const LAST: Duration = Duration::from_secs(2);

/// What the service is called where nobody names it.
const SERVICE: &str = "skillhost";

/// What sends traces.
pub(crate) struct Traces(SdkTracerProvider);

/// What makes traces of spans, and what sends them; none where nobody says where to.
pub(crate) fn start<S>() -> Option<(impl Layer<S>, Traces)>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    if !is_wanted() {
        return None;
    }
    // Of the process, as TLS libraries in it may be several; an error says that somebody has chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let exporter = OtlpExporter::builder()
        .with_http()
        .build()
        .inspect_err(|error| {
            print::error(&format!("traces are not sent: {error}; see the `OTEL_EXPORTER_*` variables"))
        })
        .ok()?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(Telling { exporter, is_down: AtomicBool::new(false) })
        .with_resource(resource())
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(SERVICE))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false)
        .with_filter(logs::spans());
    Some((layer, Traces(provider)))
}

/// Puts `span` into the trace that a `traceparent` header names; one that names none is passed over.
pub(crate) fn adopt(span: &Span, traceparent: &str) {
    let header = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    // Without the layer there is no trace to be in.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&header));
}

impl Traces {
    /// Sends what waits, as far as the collector takes it in time.
    pub(crate) fn end(self) {
        // Whoever failed has said so.
        let _ = self.0.shutdown_with_timeout(LAST);
    }
}

fn is_wanted() -> bool {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let somewhere = [OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT].into_iter().find_map(set);
    somewhere.is_some()
        && set("OTEL_SDK_DISABLED").is_none_or(|disabled| !disabled.eq_ignore_ascii_case("true"))
        && set("OTEL_TRACES_EXPORTER").is_none_or(|exporter| exporter == "otlp")
}

/// What the environment says of the service, and its name and version.
fn resource() -> Resource {
    let own = [KeyValue::new("service.name", SERVICE), KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))];
    let named = Resource::builder().build();
    // Nobody's choice is written down as one that begins so.
    let is_ours = |key: &Key| named.get(key).is_none_or(|value| value.as_str().starts_with("unknown_service"));
    Resource::builder().with_attributes(own.into_iter().filter(|own| is_ours(&own.key))).build()
}

/// Says once that the collector does not take what it is sent, until it does again.
#[derive(Debug)]
struct Telling {
    exporter: OtlpExporter,
    is_down: AtomicBool,
}

impl SpanExporter for Telling {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.exporter.export(batch).await;
        match &result {
            Ok(()) => self.is_down.store(false, Ordering::Relaxed),
            Err(error) if !self.is_down.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%error, "the collector does not take traces; they are dropped until it does");
            }
            Err(_) => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
