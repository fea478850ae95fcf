//! The figures as text.

use skillhost_blackboard::Backend;
use skillhost_feed::Counters;
use skillhost_llm::{BreakerState, ProviderMetrics};

use super::figures::{Figures, word};
use super::text::Kind::{Counter, Gauge, Histogram};
use super::text::{Label, Text, seconds};
use crate::requests::{self, CLASSES};
use crate::stats::{self, SkillTotals};

/// Writes all families. Skills are told apart only if `by_skill`.
pub(super) fn render(figures: &Figures, by_skill: bool) -> String {
    let mut text = Text::default();
    runs(&mut text, figures, by_skill);
    models(&mut text, &figures.models);
    parts(&mut text, figures);
    work(&mut text, figures);
    requests(&mut text, figures);
    feed(&mut text, &figures.feed);
    process(&mut text, figures);
    text.finish()
}

fn runs(text: &mut Text, figures: &Figures, by_skill: bool) {
    let sum = figures.totals.sum();
    let skills: Vec<(Option<&str>, &SkillTotals)> = if by_skill {
        figures.totals.skills().map(|(skill, totals)| (Some(skill), totals)).collect()
    } else {
        vec![(None, &sum)]
    };
    let each = |write: &mut dyn FnMut(&[Label<'_>], &SkillTotals)| {
        for (skill, totals) in &skills {
            match skill {
                Some(skill) => write(&[("skill", skill)], totals),
                None => write(&[], totals),
            }
        }
    };
    let with = |labels: &[Label<'_>], name, value: &str, family: &mut super::text::Family<'_>, count: u64| {
        let labels: Vec<_> = labels.iter().copied().chain([(name, value)]).collect();
        family.sample(&labels, count);
    };

    let mut family = text.family("skillhost_runs_total", Counter, "Runs that ended, by outcome.");
    each(&mut |labels, totals| {
        with(labels, "outcome", "ok", &mut family, totals.completed);
        for (kind, count) in &totals.failed {
            with(labels, "outcome", kind, &mut family, *count);
        }
    });
    let mut family = text.family("skillhost_run_duration_seconds", Histogram, "How long runs took, queueing apart.");
    each(&mut |labels, totals| family.times(labels, &stats::BUCKETS, &totals.took, totals.wall_us, totals.runs()));
    let mut family = text.family("skillhost_run_fuel_total", Counter, "wasmtime fuel that runs used.");
    each(&mut |labels, totals| family.sample(labels, totals.fuel));
    let mut family = text.family("skillhost_host_calls_total", Counter, "Calls of runs to host interfaces.");
    each(&mut |labels, totals| family.sample(labels, totals.host_calls));
    let help = "Tokens to (input) and from (output) language models, for runs.";
    let mut family = text.family("skillhost_run_llm_tokens_total", Counter, help);
    each(&mut |labels, totals| {
        with(labels, "direction", "input", &mut family, totals.input_tokens);
        with(labels, "direction", "output", &mut family, totals.output_tokens);
    });
}

fn models(text: &mut Text, models: &[ProviderMetrics]) {
    let mut family = text.family("skillhost_llm_calls_total", Counter, "Attempts that reached a provider, by outcome.");
    for model in models {
        family.sample(&[("provider", &model.provider), ("outcome", "ok")], model.ok);
        for (kind, count) in &model.errors {
            family.sample(&[("provider", &model.provider), ("outcome", &word(kind))], count);
        }
    }
    let help = "Tokens to (input) and from (output) a provider.";
    let mut family = text.family("skillhost_llm_tokens_total", Counter, help);
    for model in models {
        family.sample(&[("provider", &model.provider), ("direction", "input")], model.input_tokens);
        family.sample(&[("provider", &model.provider), ("direction", "output")], model.output_tokens);
    }
    let help = "How long answered attempts took: moving average, quantiles and maximum.";
    let mut family = text.family("skillhost_llm_latency_seconds", Gauge, help);
    for model in models {
        let latency = &model.latency;
        let statistics =
            [("p50", latency.p50_us), ("p90", latency.p90_us), ("p99", latency.p99_us), ("max", latency.max_us)];
        family.sample(&[("provider", &model.provider), ("statistic", "average")], latency.ema_us / 1e6);
        for (statistic, us) in statistics {
            family.sample(&[("provider", &model.provider), ("statistic", statistic)], seconds(us));
        }
    }
    let help = "Where a provider's circuit breaker stands: 1 at its state.";
    let mut family = text.family("skillhost_llm_breaker_state", Gauge, help);
    for model in models {
        for state in [BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen] {
            let labels = [("provider", &*model.provider), ("state", &*word(state))];
            family.sample(&labels, u8::from(model.breaker == state));
        }
    }
    let help = "How often a provider's circuit breaker changed.";
    let mut family = text.family("skillhost_llm_breaker_changes_total", Counter, help);
    for model in models {
        family.sample(&[("provider", &model.provider)], model.breaker_changes);
    }
}

fn parts(text: &mut Text, figures: &Figures) {
    let board = &figures.board;
    let mut gauge = |name, help, value: u64| text.family(name, Gauge, help).sample(&[], value);
    // Without a fallback, a board that lost its server serves nothing.
    let up = !(board.backend == Backend::Redis && board.degraded.is_some());
    gauge("skillhost_blackboard_up", "Does the blackboard serve?", up.into());
    gauge("skillhost_blackboard_degraded", "Is it less than it is meant to be?", board.degraded.is_some().into());
    let mut family = text.family("skillhost_blackboard_backend", Gauge, "What keeps the blackboard: 1 at what does.");
    for backend in [Backend::Redis, Backend::Embedded, Backend::Memory] {
        family.sample(&[("backend", &word(backend))], u8::from(board.backend == backend));
    }
    let help = "How often the blackboard's server was lost.";
    text.family("skillhost_blackboard_losses_total", Counter, help).sample(&[], board.losses);

    let log = &figures.log;
    if let Some(head) = log.head {
        text.family("skillhost_events_total", Counter, "Events in the event log.").sample(&[], head);
    }
    let help = "Did the event log's last write go through?";
    text.family("skillhost_event_log_up", Gauge, help).sample(&[], u8::from(log.kept.is_none()));
    let help = "Entries that wait because the event log cannot be written.";
    text.family("skillhost_event_log_waiting_entries", Gauge, help).sample(&[], log.kept.unwrap_or_default());
}

fn work(text: &mut Text, figures: &Figures) {
    text.family("skillhost_runs_in_place", Gauge, "Runs that hold a place.").sample(&[], figures.running);
    let mut family = text.family("skillhost_pool_in_use", Gauge, "What the instance pool holds for runs.");
    for (kind, count) in figures.pool {
        family.sample(&[("kind", kind)], count);
    }
    let mut family = text.family("skillhost_skills", Gauge, "Entries of the drop folder, by state.");
    for (state, count) in &figures.skills {
        family.sample(&[("state", state)], count);
    }
    if let Some(waiting) = figures.approvals {
        text.family("skillhost_approvals_waiting", Gauge, "What waits for a person's word.").sample(&[], waiting);
    }
    let Some(agents) = &figures.agents else { return };
    let mut family = text.family("skillhost_agents", Gauge, "Agents, by status.");
    for (status, count) in &agents.by_status {
        family.sample(&[("status", status)], count);
    }
    let help = "Messages that wait for their agent.";
    text.family("skillhost_agent_messages_waiting", Gauge, help).sample(&[], agents.waiting);
    let help = "Messages that their agent failed on for good.";
    text.family("skillhost_agent_messages_parked", Gauge, help).sample(&[], agents.parked);
}

fn requests(text: &mut Text, figures: &Figures) {
    text.family("skillhost_http_connections", Gauge, "Open connections.").sample(&[], figures.connections);
    let help = "Requests that were answered, by route and class of status.";
    let mut family = text.family("skillhost_http_requests_total", Counter, help);
    for (path, route) in &figures.routes {
        for (class, count) in CLASSES.iter().zip(route.answers).filter(|(_, count)| *count > 0) {
            family.sample(&[("route", path), ("status", class)], count);
        }
    }
    let help = "How long answers took to begin.";
    let mut family = text.family("skillhost_http_request_duration_seconds", Histogram, help);
    for (path, route) in &figures.routes {
        let count = route.answers.iter().sum();
        family.times(&[("route", path)], &requests::BUCKETS, &route.took, route.took_us, count);
    }
}

fn feed(text: &mut Text, feed: &Counters) {
    let help = "Clients of the live feed that are connected.";
    text.family("skillhost_feed_connections", Gauge, help).sample(&[], feed.connections);
    let help = "Event messages that were sent to clients of the live feed.";
    text.family("skillhost_feed_events_total", Counter, help).sample(&[], feed.events);
    let help = "Events that clients were told of in summaries only.";
    text.family("skillhost_feed_suppressed_total", Counter, help).sample(&[], feed.suppressed);
    let help = "Clients that were closed because they took nothing, or fell behind.";
    text.family("skillhost_feed_closed_slow_total", Counter, help).sample(&[], feed.closed_slow);
}

fn process(text: &mut Text, figures: &Figures) {
    let process = figures.process;
    let mut gauge = |name, help, value: Option<u64>| {
        if let Some(value) = value {
            text.family(name, Gauge, help).sample(&[], value);
        }
    };
    gauge("skillhost_process_resident_memory_bytes", "Memory of this process.", process.resident_bytes);
    let open_fds = process.open_fds.and_then(|count| u64::try_from(count).ok());
    gauge("skillhost_process_open_fds", "Open files of this process.", open_fds);
    gauge("skillhost_process_max_fds", "Open files that this process may have.", process.max_fds);
    gauge("skillhost_process_threads", "Threads of this process.", process.threads);
    let help = "Since the host opened.";
    text.family("skillhost_uptime_seconds", Gauge, help).sample(&[], figures.uptime_ms as f64 / 1e3);
    let help = "The program: always 1.";
    text.family("skillhost_build_info", Gauge, help).sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
}
