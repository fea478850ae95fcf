//! The Model Context Protocol over HTTP and standard input and output: by the official client, by the official conformance
//! suite, and message by message.

mod approvals;
mod client;
mod conformance;
mod lines;
mod python;
mod requests;
mod tasks;

use serde_json::{Value, json};
use skillhost_tests::{Http, Reply, Up, World};

/// The era without handshake.
const STATELESS: &str = "2026-07-28";

/// The last one with a handshake.
const SESSIONS: &str = "2025-11-25";

/// A token of the world's host.
#[track_caller]
fn token(world: &World, name: &str, role: &str) -> String {
    let ran = world.run(&["token", "add", name, "--role", role]);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.stdout.trim().to_owned()
}

/// A skill folder with a reference beside its text.
fn add_notes(world: &World) {
    let folder = world.root().join("notes");
    std::fs::create_dir_all(folder.join("references")).unwrap();
    std::fs::create_dir_all(folder.join("assets")).unwrap();
    std::fs::write(folder.join("SKILL.md"), NOTES).unwrap();
    std::fs::write(folder.join("references/more words.md"), "More.\n").unwrap();
    std::fs::write(folder.join("assets/dot.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    std::fs::rename(folder, world.skills().join("notes")).unwrap();
}

const NOTES: &str = "---\nname: notes\ndescription: How to take notes.\nlicense: MIT\n---\nWrite them down.\n";

/// A request of the era without handshake.
fn request(id: u64, method: &str, mut params: Value, capabilities: &Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    });
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// Posts `body` as the protocol asks for it. `more` headers come last.
#[track_caller]
fn post(http: &Http, body: &Value, more: &[(&str, &str)]) -> Reply {
    let headers = [("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
    http.send("POST", "/mcp", &[&headers[..], more].concat(), body.to_string().as_bytes())
}

/// Asks in the era without handshake; gives the whole answer.
#[track_caller]
pub(crate) fn ask(http: &Http, method: &str, params: Value, capabilities: &Value) -> Value {
    let name = params["name"].as_str().or(params["uri"].as_str()).or(params["taskId"].as_str()).map(str::to_owned);
    let mut headers = vec![("mcp-protocol-version", STATELESS), ("mcp-method", method)];
    headers.extend(name.as_deref().map(|name| ("mcp-name", name)));
    message(&post(http, &request(7, method, params, capabilities), &headers))
}

/// The answer itself, out of a body of JSON or the last event of a stream.
#[track_caller]
fn message(reply: &Reply) -> Value {
    let text = reply.text();
    let last = text.lines().filter_map(|line| line.strip_prefix("data: ")).rfind(|data| !data.is_empty());
    let text = last.unwrap_or(&text);
    serde_json::from_str(text).unwrap_or_else(|error| panic!("no message ({error}): {reply:?}"))
}

/// A running host with these guests, which hold what they ask for.
#[track_caller]
fn serving(guests: &[&str]) -> (World, Up) {
    let world = World::with(guests).allowing_all();
    let mut up = world.up();
    for guest in guests {
        up.wait_for("absorbed", &format!("{guest}.wasm"));
    }
    (world, up)
}
