//! What a collector of traces is sent, what lines of the log look like to a program, and what neither has in it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skillhost_tests::{PATIENCE, World, eventually};

use crate::collector::Collector;
use crate::kit::{called, cascade, send, until, world};
use crate::models::{Models, Reply, TOKENS};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// How often spans are sent, where a test is not to wait for it.
const OFTEN: (&str, &str) = ("OTEL_BSP_SCHEDULE_DELAY", "50");

/// What must not get into a trace: what is asked, what is answered, and a key.
const ASKED: &str = "Where did we bury it";
const ANSWERED: &str = "Under the ninth birch";
const KEY: &str = "sk-test-0123456789abcdef0123456789abcdef";

/// A world with `asker` and two providers, of which the first fails, that sends its traces to `collector`.
fn traced(collector: &Collector, failing: &Models, healthy: &Models, agents: &Value) -> World {
    let mut second = healthy.openai();
    second["key"] = json!("${TEST_MODEL_KEY}");
    let llm = cascade(&[("first", failing.ollama()), ("second", second)]);
    world(&json!({"llm": llm, "agents": agents}))
        .with_variable(ENDPOINT, &collector.endpoint())
        .with_variable("TEST_MODEL_KEY", KEY)
}

fn out_of_order() -> Models {
    Models::new(|_| Reply::Refuses(400, json!({"error": ANSWERED}).to_string()))
}

#[test]
fn a_run_its_host_call_and_its_model_calls_are_one_trace_without_what_was_said() {
    let (collector, healthy) = (Collector::new(), Models::saying(ANSWERED));
    let failing = Models::new(|_| Reply::Refuses(429, json!({"error": ANSWERED}).to_string()));
    let world = traced(&collector, &failing, &healthy, &json!({}))
        .with_variable("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=blue")
        .with_variable("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test");
    let ran = called(&world, "complete", &json!({"prompt": ASKED}), &["--tenant", "acme"]);
    assert_eq!(ran.data()["ok"]["text"], ANSWERED, "{ran}");
    assert_eq!(healthy.asked()[0].authorization.as_deref(), Some(&*format!("Bearer {KEY}")));

    let run = collector.span("execute_tool asker.complete");
    assert_eq!(run.parent, "", "{run:#?}");
    for (name, value) in [
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "asker.complete"),
        ("run", ran.json()["run"].as_str().unwrap()),
        ("skill", "asker"),
        ("tool", "complete"),
        ("tenant", "acme"),
        ("outcome", "ok"),
    ] {
        assert_eq!(run.attributes.get(name).map(String::as_str), Some(value), "{run:#?}");
    }
    assert_eq!(run.resource["service.name"], "skillhost");
    assert_eq!(run.resource["deployment.environment.name"], "test");
    let call = collector.span("llm.complete");
    assert_eq!((&call.parent, &call.trace), (&run.id, &run.trace), "{call:#?}");

    let attempts: Vec<_> = collector.spans().into_iter().filter(|span| span.name == "chat m").collect();
    assert!(attempts.iter().all(|span| span.parent == call.id && span.trace == run.trace), "{attempts:#?}");
    let (failed, answered) = attempts.split_at(attempts.len() - 1);
    assert!(!failed.is_empty(), "{attempts:#?}");
    for span in failed {
        assert!(span.has_failed && span.attributes["error.type"] == "rate_limited", "{span:#?}");
        assert_eq!(span.attributes["gen_ai.provider.name"], "ollama");
    }
    let answered = &answered[0];
    for (name, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "m"),
        ("gen_ai.provider.name", "openai"),
        ("provider", "second"),
        ("gen_ai.usage.input_tokens", &TOKENS.0.to_string()),
        ("gen_ai.usage.output_tokens", &TOKENS.1.to_string()),
        ("outcome", "ok"),
    ] {
        assert_eq!(answered.attributes.get(name).map(String::as_str), Some(value), "{answered:#?}");
    }
    for secret in [ASKED, ANSWERED, KEY] {
        assert!(!collector.has_seen(secret), "{secret}: {:#?}", collector.spans());
    }
    // What the log says may have anything in it.
    assert!(collector.spans().iter().all(|span| span.events == 0));
    let heads = collector.heads();
    assert!(
        heads.iter().all(|(path, headers)| path == "/v1/traces" && headers.contains("x-tenant: blue")),
        "{heads:?}"
    );
}

#[test]
fn an_agents_message_is_a_trace_and_a_failed_one_says_so() {
    let (collector, failing, healthy) = (Collector::new(), out_of_order(), Models::saying(ANSWERED));
    let agents = json!({"worker": {"skill": "asker"}});
    let world = traced(&collector, &failing, &healthy, &agents).with_variable(OFTEN.0, OFTEN.1);
    let _up = world.up();
    until(&world, "worker", "the agent lives", |agent| agent["status"] == "healthy");
    send(&world, "ask:a", &json!({"prompt": ASKED}));
    let is_there = || collector.spans().iter().any(|span| span.name == "invoke_agent worker");
    eventually("the trace comes", PATIENCE, is_there);
    let agent = collector.spans().into_iter().find(|span| span.name == "invoke_agent worker").unwrap();
    for (name, value) in [
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.agent.name", "worker"),
        ("skill", "asker"),
        // A request that is refused as wrong goes to no other provider.
        ("outcome", "tool-error"),
        ("error.type", "tool-error"),
    ] {
        assert_eq!(agent.attributes.get(name).map(String::as_str), Some(value), "{agent:#?}");
    }
    assert!(agent.has_failed && agent.parent.is_empty(), "{agent:#?}");
    let call = collector.spans().into_iter().find(|span| span.parent == agent.id).unwrap();
    assert_eq!((&*call.name, call.has_failed), ("llm.complete", true), "{call:#?}");
    assert!(!collector.has_seen(ASKED) && !collector.has_seen(ANSWERED));
}

#[test]
fn a_request_goes_on_with_the_trace_that_it_names() {
    let collector = Collector::new();
    let world = World::new().with_variable(ENDPOINT, &collector.endpoint()).with_variable(OFTEN.0, OFTEN.1);
    let mut up = world.up();
    let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let header = format!("00-{trace}-{parent}-01");
    let http = up.http();
    // Asked all the time, and in no trace.
    assert_eq!(http.get("/health").status, 200);
    http.send("GET", "/", &[("traceparent", &header)], b"");
    http.send("GET", "/", &[("traceparent", "nonsense")], b"");
    eventually("both traces come", PATIENCE, || collector.spans().len() == 2);
    let spans = collector.spans();
    assert!(spans.iter().all(|span| span.name == "GET /" && span.attributes["http.route"] == "/"), "{spans:#?}");
    assert_eq!((&*spans[0].trace, &*spans[0].parent), (trace, parent), "{spans:#?}");
    assert_eq!(spans[1].parent, "", "{spans:#?}");
}

/// The threads of a process, by name.
fn threads(id: u32) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
    let name = |task: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(task.ok()?.path().join("comm")).ok();
    tasks.filter_map(name).map(|name| name.trim_end().to_owned()).collect()
}

#[test]
fn without_an_endpoint_there_is_no_thread_and_no_connection() {
    let sends = |up: u32| threads(up).iter().any(|name| name.starts_with("OpenTelemetry"));
    let collector = Collector::new();
    for (variables, expected) in [
        (vec![], false),
        (vec![(ENDPOINT, collector.endpoint()), ("OTEL_SDK_DISABLED", "true".to_owned())], false),
        (vec![(ENDPOINT, collector.endpoint()), ("OTEL_TRACES_EXPORTER", "none".to_owned())], false),
        // What the others are told from.
        (vec![(ENDPOINT, collector.endpoint())], true),
    ] {
        let world = variables.iter().fold(World::new(), |world, (name, value)| world.with_variable(name, value));
        let mut up = world.up();
        up.http().get("/");
        assert_eq!(sends(up.id()), expected, "{variables:?}: {:?}", threads(up.id()));
        assert_eq!(up.stop().code, Some(0));
        assert_eq!(collector.connections() > 0, expected, "{variables:?}");
    }
}

#[test]
fn a_collector_that_is_down_is_told_of_once_and_waited_for_no_longer_than_a_moment() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("http://127.0.0.1:{port}");
    let world = World::new().with_variable(ENDPOINT, &endpoint).with_variable(OFTEN.0, OFTEN.1);
    let mut up = world.up();
    let http = up.http();
    let told = |stderr: &str| stderr.matches("the collector does not take traces").count();
    eventually("it is told", PATIENCE, || {
        http.get("/");
        told(&up.stderr()) > 0
    });
    let start = Instant::now();
    // Long enough for several more attempts.
    while start.elapsed() < Duration::from_secs(1) {
        http.get("/");
    }
    let stopping = Instant::now();
    let ran = up.stop();
    assert_eq!((ran.code, told(&ran.stderr)), (Some(0), 1), "{ran}");
    assert!(stopping.elapsed() < Duration::from_secs(10), "{:?}", stopping.elapsed());
}

#[test]
fn every_line_on_standard_error_is_an_object_where_that_is_wanted_and_says_where_it_belongs() {
    let healthy = Models::saying(ANSWERED);
    let world = world(&json!({"llm": cascade(&[("only", healthy.ollama())])})).with_variable("SKILLHOST_LOG", "trace");
    let ran = called(&world, "complete", &json!({"prompt": ASKED}), &["--log-format", "json"]);
    let run = ran.json()["run"].clone();
    let lines: Vec<Value> = ran.stderr.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(!lines.is_empty());
    for line in &lines {
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["target"].is_string(), "{line}");
        assert!(line["fields"].is_object(), "{line}");
    }
    let names = |line: &Value| {
        let spans = line["spans"].as_array().into_iter().flatten();
        spans.map(|span| span["otel.name"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let chain = ["execute_tool asker.complete", "llm.complete", "chat m"];
    let within = lines.iter().find(|line| names(line) == chain).expect("a line within a model call");
    assert_eq!(within["spans"][0]["run"], run, "{within}");
}

#[test]
fn the_format_of_the_log_can_be_said_in_the_environment_and_a_wrong_one_is_a_usage_error() {
    let world = World::new().with_variable("SKILLHOST_LOG_FORMAT", "json");
    let up = world.up();
    let ran = up.stop();
    assert!(ran.stderr.contains("listening"), "{ran}");
    for line in ran.stderr.lines() {
        let line: Value = serde_json::from_str(line).expect(line);
        assert!(line["fields"]["message"].is_string(), "{line}");
    }
    let missing = world.run(&["inspect", "nobody"]);
    assert_eq!(missing.code, Some(3), "{missing}");
    assert_eq!(serde_json::from_str::<Value>(&missing.stderr).unwrap()["level"], "ERROR", "{missing}");
    let wrong = World::new().with_variable("SKILLHOST_LOG_FORMAT", "xml").run(&["list"]);
    assert_eq!(wrong.code, Some(2), "{wrong}");
    assert!(wrong.stderr.contains("xml") && wrong.stderr.contains("json"), "{wrong}");
}
