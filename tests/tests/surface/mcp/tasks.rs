//! Calls that take long, as tasks.

use serde_json::{Value, json};
use skillhost_tests::{Http, PATIENCE, Up, World, eventually};

use super::{ask, token};

fn knows_tasks() -> Value {
    json!({"extensions": {"io.modelcontextprotocol/tasks": {}}})
}

/// A host where calls become tasks at once.
fn host() -> (World, Up) {
    let world = World::with(&["hostile", "healthy"]);
    world.configure("approval: { auto: [\"* *\"] }\nmcp: { task_after: 50ms }\n");
    let mut up = world.up();
    up.wait_for("absorbed", "hostile.wasm");
    up.wait_for("absorbed", "healthy.wasm");
    (world, up)
}

#[track_caller]
fn start(http: &Http, ms: u64) -> String {
    let params = json!({"name": "hostile__sleep", "arguments": {"ms": ms}});
    let came = ask(http, "tools/call", params, &knows_tasks());
    assert_eq!(
        (&came["result"]["resultType"], &came["result"]["status"]),
        (&json!("task"), &json!("working")),
        "{came}"
    );
    came["result"]["taskId"].as_str().unwrap().to_owned()
}

fn get(http: &Http, task: &str) -> Value {
    ask(http, "tasks/get", json!({"taskId": task}), &knows_tasks())
}

#[track_caller]
fn ends(http: &Http, task: &str, status: &str) -> Value {
    let mut came = Value::Null;
    eventually(&format!("a task that is {status}"), PATIENCE, || {
        came = get(http, task);
        came["result"]["status"] == status
    });
    came
}

#[test]
fn a_long_call_becomes_a_task_whose_result_is_asked_for() {
    let (_world, mut up) = host();
    let http = up.admin();
    let task = start(&http, 500);
    let came = ends(&http, &task, "completed");
    assert_eq!(came["result"]["result"]["isError"], false, "{came}");
    assert!(came["result"]["result"]["content"][0]["text"].is_string(), "{came}");
    assert_eq!(get(&http, &task)["result"]["status"], "completed", "it is kept");
}

#[test]
fn a_client_that_knows_no_tasks_waits_for_its_answer() {
    let (_world, mut up) = host();
    let params = json!({"name": "hostile__sleep", "arguments": {"ms": 300}});
    let came = ask(&up.admin(), "tools/call", params, &json!({}));
    assert_eq!(
        (&came["result"]["resultType"], &came["result"]["isError"]),
        (&json!("complete"), &json!(false)),
        "{came}"
    );
}

#[test]
fn a_task_is_cancelled_with_its_run() {
    let (world, mut up) = host();
    let http = up.admin();
    let task = start(&http, 60_000);
    let cancelled = ask(&http, "tasks/cancel", json!({"taskId": task}), &knows_tasks());
    assert!(cancelled.get("result").is_some(), "{cancelled}");
    ends(&http, &task, "cancelled");
    let runs = world.run(&["runs", "--json"]).json();
    assert_eq!(runs[0]["error"]["kind"], "cancelled", "{runs}");
}

#[test]
fn a_task_is_its_owners_and_nobody_elses() {
    let (world, mut up) = host();
    let http = up.http();
    let ours = http.with_token(&token(&world, "ours", "caller"));
    let theirs = http.with_token(&token(&world, "theirs", "admin"));
    let task = start(&ours, 2_000);
    for method in ["tasks/get", "tasks/cancel"] {
        let came = ask(&theirs, method, json!({"taskId": task}), &knows_tasks());
        assert_eq!(came["error"]["code"], -32602, "{came}");
        // In the same words as one that there never was.
        let never = ask(&theirs, method, json!({"taskId": "never"}), &knows_tasks());
        assert_eq!(never["error"]["message"], came["error"]["message"]);
    }
    ends(&ours, &task, "completed");
}

#[test]
fn over_the_bound_of_tasks_a_call_is_answered_when_it_ends() {
    let (world, mut up) = host();
    let http = up.http();
    let ours = http.with_token(&token(&world, "ours", "caller"));
    for _ in 0..32 {
        start(&ours, 20_000);
    }
    let params = json!({"name": "hostile__sleep", "arguments": {"ms": 200}});
    let came = ask(&ours, "tools/call", params, &knows_tasks());
    assert_eq!(came["result"]["resultType"], "complete", "{came}");
}
