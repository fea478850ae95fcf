use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use http::StatusCode;
use http::header::AUTHORIZATION;
use skillhost_access::{Role, Tokens};
use skillhost_blackboard::{Backend, Health};
use skillhost_feed::Counters;
use skillhost_lifecycle::{Config, Host, Options};
use skillhost_llm::{BreakerState, ErrorKind, LatencyMetrics, ProviderMetrics};
use tower::ServiceExt as _;

use super::figures::{Agents, Log};
use super::process::Process;
use super::render::render;
use super::text::{Kind, Text};
use super::*;
use crate::listener::Connected;
use crate::requests::Route;
use crate::routes::routes;
use crate::shared::{App, Shared};
use crate::stats::Totals;

/// A family as it was parsed: its type, and its samples by name and labels.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    samples: BTreeMap<(String, BTreeMap<String, String>), f64>,
}

fn is_name(name: &str) -> bool {
    let first = |char: char| char.is_ascii_alphabetic() || char == '_' || char == ':';
    name.starts_with(first) && name.chars().all(|char| first(char) || char.is_ascii_digit())
}

/// One `name="value"` and what follows it.
fn label(text: &str) -> (String, String, &str) {
    let (name, rest) = text.split_once("=\"").expect("a label has a value in quotes");
    assert!(is_name(name) && !name.contains(':'), "{name}");
    let (mut value, mut chars) = (String::new(), rest.char_indices());
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (name.to_owned(), value, &rest[at + 1..]),
            '\n' => panic!("a line ends in a label"),
            '\\' => match chars.next().expect("an escape").1 {
                'n' => value.push('\n'),
                char @ ('\\' | '"') => value.push(char),
                char => panic!("\\{char} is no escape"),
            },
            char => value.push(char),
        }
    }
    panic!("a label does not end: {text}");
}

/// Parses the text format strictly: HELP and TYPE once each and ahead of the samples, samples beside those of their family,
/// no sample twice, histograms that rise to their count.
fn parse(text: &str) -> BTreeMap<String, Family> {
    assert!(text.ends_with('\n'));
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let (mut helped, mut current) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a name and a help text");
            assert!(is_name(name) && !help.is_empty() && !help.contains('\\'), "{line}");
            assert!(!families.contains_key(name), "{name} twice");
            helped = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a type");
            assert_eq!(name, helped, "HELP is ahead of TYPE");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
            families.insert(name.to_owned(), Family { kind: kind.to_owned(), ..Family::default() });
            current = name.to_owned();
        } else {
            let end = line.find(['{', ' ']).expect("a name");
            let (name, mut rest) = line.split_at(end);
            let mut labels = BTreeMap::new();
            if let Some(inside) = rest.strip_prefix('{') {
                rest = inside;
                loop {
                    let (name, value, after) = label(rest);
                    assert!(labels.insert(name, value).is_none(), "a label twice: {line}");
                    match after.split_at(1) {
                        (",", after) => rest = after,
                        ("}", after) => break rest = after,
                        _ => panic!("{line}"),
                    }
                }
            }
            let value = rest.strip_prefix(' ').expect("a blank and a value");
            let family = families.get_mut(&current).expect("a sample has a family");
            let suffix = name.strip_prefix(&*current).expect("a sample stands with its family");
            let suffixes: &[&str] = if family.kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(suffixes.contains(&suffix), "{line}");
            let value: f64 = value.parse().expect("a number");
            assert!(family.samples.insert((name.to_owned(), labels), value).is_none(), "twice: {line}");
        }
    }
    for (name, family) in &families {
        assert!(name.starts_with("skillhost_"), "{name}");
        assert!(!family.samples.is_empty(), "{name} is empty");
        if family.kind == "histogram" {
            check_histogram(name, family);
        }
    }
    families
}

fn check_histogram(name: &str, family: &Family) {
    let mut buckets: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> = BTreeMap::new();
    for ((sample, labels), value) in &family.samples {
        if sample.ends_with("_bucket") {
            let mut labels = labels.clone();
            let bound = labels.remove("le").expect("a bucket has a bound");
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() };
            buckets.entry(labels).or_default().push((bound, *value));
        }
    }
    for (labels, mut buckets) in buckets {
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        assert!(buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{name}: {buckets:?}");
        let count = family.samples[&(format!("{name}_count"), labels.clone())];
        assert_eq!(buckets.last(), Some(&(f64::INFINITY, count)), "{name}");
        assert!(family.samples.contains_key(&(format!("{name}_sum"), labels)), "{name}");
    }
}

fn values<'a>(family: &'a Family, label: &str) -> BTreeSet<&'a str> {
    family.samples.keys().filter_map(|(_, labels)| labels.get(label).map(String::as_str)).collect()
}

fn figures(skills: usize) -> Figures {
    let route = Route { answers: [0, 3, 0, 1, 0], took: [1, 1, 1, 0, 0, 0, 0, 0, 0], took_us: 9_000 };
    Figures {
        totals: Totals::of((0..skills).map(|number| format!("skill-{number}"))),
        uptime_ms: 1_500,
        running: 2,
        pool: [("components", 2), ("core_instances", 4), ("memories", 2), ("tables", 2), ("stacks", 2)],
        models: vec![ProviderMetrics {
            provider: "a \"quoted\\\nname".into(),
            calls: 5,
            ok: 3,
            errors: [(ErrorKind::RateLimited, 2)].into(),
            input_tokens: 7,
            output_tokens: 8,
            latency: LatencyMetrics::default(),
            breaker: BreakerState::HalfOpen,
            breaker_changes: 1,
        }],
        board: Health { backend: Backend::Memory, degraded: Some("gone".into()), losses: 2 },
        log: Log { head: Some(99), kept: None },
        skills: [("active", 1), ("pending", 0)].into(),
        approvals: Some(3),
        agents: Some(Agents { by_status: [("healthy", 1)].into(), waiting: 4, parked: 5 }),
        routes: [("/api/skills/{skill}".into(), route)].into(),
        connections: 2,
        feed: Counters { connections: 6, events: 7, suppressed: 8, closed_slow: 9 },
        process: Process { resident_bytes: Some(1), open_fds: Some(2), max_fds: None, threads: Some(3) },
    }
}

#[test]
fn a_thousand_skills_are_two_hundred_and_the_others() {
    let text = render(&figures(1_000), true);
    let families = parse(&text);
    for name in ["skillhost_runs_total", "skillhost_run_duration_seconds", "skillhost_run_fuel_total"] {
        assert_eq!(values(&families[name], "skill").len(), 201, "{name}");
    }
    let runs: f64 = families["skillhost_runs_total"].samples.values().sum();
    assert_eq!(runs, 1_000.0);
    assert!(text.len() < 500_000, "{}", text.len());
}

#[test]
fn who_sees_one_tenant_sees_no_skill() {
    let families = parse(&render(&figures(1_000), false));
    assert!(families.values().all(|family| values(family, "skill").is_empty()));
    let runs = &families["skillhost_runs_total"];
    assert_eq!(values(runs, "outcome"), ["ok", "tool-error"].into());
    assert_eq!(runs.samples.values().sum::<f64>(), 1_000.0);
}

#[test]
fn names_and_figures_arrive_as_they_are() {
    let families = parse(&render(&figures(1), true));
    assert_eq!(values(&families["skillhost_llm_calls_total"], "provider"), ["a \"quoted\\\nname"].into());
    assert_eq!(values(&families["skillhost_llm_calls_total"], "outcome"), ["ok", "rate_limited"].into());
    let one = |name: &str| *families[name].samples.values().next().unwrap();
    assert_eq!(one("skillhost_blackboard_up"), 1.0);
    assert_eq!(one("skillhost_blackboard_degraded"), 1.0);
    assert_eq!(one("skillhost_blackboard_losses_total"), 2.0);
    assert_eq!(one("skillhost_events_total"), 99.0);
    assert_eq!(one("skillhost_event_log_up"), 1.0);
    assert_eq!(one("skillhost_approvals_waiting"), 3.0);
    assert_eq!(one("skillhost_uptime_seconds"), 1.5);
    assert_eq!(values(&families["skillhost_http_requests_total"], "status"), ["2xx", "4xx"].into());
    let sum = &families["skillhost_http_request_duration_seconds"].samples;
    assert!(sum.iter().any(|((name, _), value)| name.ends_with("_sum") && *value == 0.009), "{sum:?}");
    let states = &families["skillhost_llm_breaker_state"];
    assert_eq!((states.samples.len(), states.samples.values().sum::<f64>()), (3, 1.0));
}

#[test]
fn an_empty_host_has_text_that_parses() {
    let mut bare = figures(0);
    (bare.models, bare.routes, bare.approvals, bare.agents) = (Vec::new(), BTreeMap::new(), None, None);
    (bare.log, bare.process) = (Log { head: None, kept: Some(4) }, Process::default());
    parse(&render(&bare, false));
}

#[test]
#[should_panic(expected = "twice")]
fn the_parser_of_these_tests_takes_no_sample_twice() {
    let mut text = Text::default();
    let mut family = text.family("skillhost_x", Kind::Gauge, "X.");
    family.sample(&[("a", "b")], 1);
    family.sample(&[("a", "b")], 2);
    parse(&text.finish());
}

#[tokio::test]
async fn a_viewer_gets_them_and_nobody_without_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, skills_dir) = (folder.path().join("data"), folder.path().join("skills"));
    let config = Config { data_dir: data_dir.clone(), skills_dir, ..Config::default() };
    let shared = Arc::new(Shared::new(&config).unwrap());
    let host = Host::open(Options::new(config)).await.unwrap();
    let tokens = Tokens::open(&data_dir).unwrap();
    let now = host.events().source().now();
    let all = tokens.add("all", Role::Viewer, "*".parse().unwrap(), now).unwrap();
    let acme = tokens.add("acme", Role::Viewer, "acme".parse().unwrap(), now).unwrap();
    shared.open(App::new(host, tokens, &shared).unwrap());
    let router = routes(shared);
    let get = async |token: Option<&str>| {
        let here = Connected { peer: IpAddr::from([127, 0, 0, 1]), here: None };
        let mut request = Request::get("/metrics").header("host", "localhost").extension(here);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let kind = head.headers.get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
        (head.status, kind, String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap())
    };
    assert_eq!(get(None).await.0, StatusCode::UNAUTHORIZED);
    for token in [all, acme] {
        let (status, kind, text) = get(Some(token.expose())).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
        let families = parse(&text);
        for name in ["skillhost_process_resident_memory_bytes", "skillhost_blackboard_up", "skillhost_skills"] {
            assert!(families.contains_key(name), "{text}");
        }
        let requests = &families["skillhost_http_requests_total"].samples;
        assert!(requests.keys().any(|(_, labels)| labels["route"] == "/metrics" && labels["status"] == "4xx"));
    }
}
