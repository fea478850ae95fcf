//! What a provider did, in numbers.
//!
//! Contract: counts since the provider was configured. Price: a short lock per attempt; a few kilobytes per provider.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::limits::{EMA_WEIGHT, MAX_LATENCY_US};
use crate::{BreakerState, ErrorKind, Usage};

/// Digits that the histogram keeps: a latency is known to a hundredth.
const DIGITS: u8 = 2;

/// One provider's numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProviderMetrics {
    /// Whose.
    pub provider: String,
    /// Attempts that reached it.
    pub calls: u64,
    /// Attempts that it answered.
    pub ok: u64,
    /// The others, by kind.
    pub errors: BTreeMap<ErrorKind, u64>,
    /// Tokens that were sent.
    pub input_tokens: u64,
    /// Tokens that came back.
    pub output_tokens: u64,
    /// How long the answered attempts took.
    pub latency: LatencyMetrics,
    /// Its breaker.
    pub breaker: BreakerState,
    /// How often the breaker changed.
    pub breaker_changes: u64,
}

/// Latencies, in microseconds; zero while there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the usual quantiles")]
pub struct LatencyMetrics {
    /// The moving average.
    pub ema_us: f64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

pub(crate) struct Metrics {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    calls: u64,
    ok: u64,
    errors: BTreeMap<ErrorKind, u64>,
    used: Usage,
    ema_us: Option<f64>,
    /// Made with the first answer; none also if the numbers above made no histogram.
    latency: Option<Histogram<u32>>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self { inner: Mutex::new(Inner::default()) }
    }

    pub(crate) fn record(&self, error: Option<ErrorKind>, latency: Duration, usage: Usage) {
        let inner = &mut *self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.calls += 1;
        inner.used.input_tokens = inner.used.input_tokens.saturating_add(usage.input_tokens);
        inner.used.output_tokens = inner.used.output_tokens.saturating_add(usage.output_tokens);
        if let Some(kind) = error {
            *inner.errors.entry(kind).or_default() += 1;
            return;
        }
        inner.ok += 1;
        let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let before = inner.ema_us.unwrap_or(us as f64);
        inner.ema_us = Some(before + EMA_WEIGHT * (us as f64 - before));
        if inner.latency.is_none() {
            inner.latency = Histogram::new_with_bounds(1, MAX_LATENCY_US, DIGITS).ok();
        }
        if let Some(histogram) = &mut inner.latency {
            histogram.saturating_record(us);
        }
    }

    pub(crate) fn of(&self, provider: &str, (breaker, breaker_changes): (BreakerState, u64)) -> ProviderMetrics {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let at = |quantile| inner.latency.as_ref().map_or(0, |histogram| histogram.value_at_quantile(quantile));
        ProviderMetrics {
            provider: provider.to_owned(),
            calls: inner.calls,
            ok: inner.ok,
            errors: inner.errors.clone(),
            input_tokens: inner.used.input_tokens,
            output_tokens: inner.used.output_tokens,
            latency: LatencyMetrics {
                ema_us: inner.ema_us.unwrap_or_default(),
                p50_us: at(0.5),
                p90_us: at(0.9),
                p99_us: at(0.99),
                max_us: at(1.0),
            },
            breaker,
            breaker_changes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_have_a_latency_and_only_failures_a_kind() {
        let metrics = Metrics::new();
        let usage = Usage { input_tokens: 3, output_tokens: 4 };
        for ms in [10, 20, 30] {
            metrics.record(None, Duration::from_millis(ms), usage);
        }
        metrics.record(Some(ErrorKind::Cut), Duration::from_secs(99), usage);
        let seen = metrics.of("p", (BreakerState::Closed, 0));
        assert_eq!((seen.calls, seen.ok, seen.errors.get(&ErrorKind::Cut)), (4, 3, Some(&1)));
        assert_eq!((seen.input_tokens, seen.output_tokens), (12, 16));
        assert!((19_800..20_200).contains(&seen.latency.p50_us), "{seen:?}");
        assert!((seen.latency.ema_us - 15_600.0).abs() < 1.0, "{seen:?}");
        assert!(serde_json::to_string(&seen).is_ok_and(|json| json.contains(r#""errors":{"cut":1}"#)));
    }
}
