//! What is served over HTTP, held to its contract word by word.

mod api;
mod callers;
mod cancelling;
mod feeds;
mod generated;
mod guard;
mod health;
mod places;
mod repeating;
mod statuses;
mod stopping;

use serde_json::Value;
use skillhost_tests::{Http, PATIENCE, Reply, Up, World, eventually};

/// A running host that has absorbed its folder, and its administrator.
#[track_caller]
fn started(world: &World) -> (Up, Http) {
    let mut up = world.up();
    let admin = up.admin();
    until_ready(&admin);
    (up, admin)
}

#[track_caller]
fn until_ready(http: &Http) {
    eventually("the host is ready", PATIENCE, || http.get("/ready").status == 200);
}

/// Calls `SKILL.TOOL`.
#[track_caller]
fn call(http: &Http, target: &str, input: &Value) -> Reply {
    http.post(&path(target), input)
}

fn path(target: &str) -> String {
    let (skill, tool) = target.split_once('.').unwrap();
    format!("/api/skills/{skill}/tools/{tool}")
}

/// The runs on record, newest first.
#[track_caller]
fn runs(http: &Http) -> Vec<Value> {
    http.get("/api/runs").json().as_array().unwrap().clone()
}
