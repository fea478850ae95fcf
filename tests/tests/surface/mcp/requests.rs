//! Over HTTP, message by message: who is let in, whose a session is, and what is answered to what is no message.

use std::io::{Read as _, Write as _};
use std::time::Instant;

use serde_json::{Value, json};
use skillhost_tests::{Http, PATIENCE};

use super::{SESSIONS, STATELESS, ask, message, post, serving, token};

fn initialize() -> Value {
    let params =
        json!({"protocolVersion": SESSIONS, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
}

/// Begins a session; gives its name.
#[track_caller]
fn session(http: &Http) -> String {
    let reply = post(http, &initialize(), &[]);
    assert_eq!(message(&reply)["result"]["protocolVersion"], SESSIONS, "{reply:?}");
    reply.header("mcp-session-id").expect("a session").to_owned()
}

fn list() -> Value {
    json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
}

#[test]
fn nobody_comes_in_without_a_token_and_never_with_one_elsewhere_than_in_authorization() {
    let (world, mut up) = serving(&["healthy"]);
    let (open, admin) = (up.http(), up.admin());
    let secret = std::fs::read_to_string(world.data().join("token")).unwrap();
    let secret = secret.trim();
    for more in [
        vec![],
        vec![("authorization", "Bearer nonsense")],
        vec![("authorization", "Basic YTpi")],
        vec![("cookie", secret)],
        vec![("authorization", "Bearer"), ("authorization", "Bearer")],
    ] {
        for method in ["POST", "GET", "DELETE"] {
            let headers = [("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
            let reply = open.send(method, "/mcp", &[&headers[..], &more].concat(), b"{}");
            reply.problem(401);
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{method} {more:?}");
        }
    }
    let query = open.send("POST", &format!("/mcp?token={secret}"), &[("content-type", "application/json")], b"{}");
    query.problem(401);
    assert_eq!(post(&admin, &initialize(), &[]).status, 200);
}

#[test]
fn a_viewer_lists_tools_and_calls_none() {
    let (world, mut up) = serving(&["healthy"]);
    let http = up.http();
    let viewer = http.with_token(&token(&world, "viewer", "viewer"));
    let tools = ask(&viewer, "tools/list", json!({}), &json!({}));
    assert_eq!(tools["result"]["tools"][0]["name"], "healthy__count", "{tools}");
    let called = ask(&viewer, "tools/call", json!({"name": "healthy__echo", "arguments": {}}), &json!({}));
    assert_eq!((&called["result"]["isError"], &called["result"]["_meta"]["kind"]), (&json!(true), &json!("denied")));
    let caller = http.with_token(&token(&world, "assistant", "caller"));
    let called = ask(&caller, "tools/call", json!({"name": "healthy__echo", "arguments": {"a": 1}}), &json!({}));
    assert_eq!(called["result"]["structuredContent"], json!({"a": 1}), "{called}");
    // It is written down under the token's name, whatever the client calls itself.
    let shown = world.run(&["runs", "--json"]).json();
    assert_eq!(shown[0]["caller"], "mcp:assistant", "{shown}");
    assert_eq!(shown.as_array().unwrap().len(), 1, "what a viewer asked for did not run: {shown}");
}

#[test]
fn a_session_is_its_tokens_and_ends_when_it_is_deleted() {
    let (world, mut up) = serving(&["healthy"]);
    let http = up.http();
    let (ours, theirs) =
        (http.with_token(&token(&world, "ours", "caller")), http.with_token(&token(&world, "theirs", "caller")));
    let session = session(&ours);
    let in_it = [("mcp-session-id", session.as_str()), ("mcp-protocol-version", SESSIONS)];
    assert!(message(&post(&ours, &list(), &in_it))["result"]["tools"].is_array());
    assert_eq!(post(&theirs, &list(), &in_it).status, 404, "another's session is none");
    assert_eq!(theirs.send("DELETE", "/mcp", &in_it, b"").status, 404);
    assert_eq!(post(&ours, &list(), &in_it).status, 200, "another cannot end it");
    assert_eq!(ours.send("DELETE", "/mcp", &in_it, b"").status, 204);
    assert_eq!(post(&ours, &list(), &in_it).status, 404);
    assert_eq!(post(&ours, &list(), &[]).status, 400, "this era asks for a session");
}

#[test]
fn a_stream_ends_with_its_token() {
    let (world, mut up) = serving(&["healthy"]);
    let http = up.http().with_token(&token(&world, "ours", "caller"));
    let session = session(&http);
    let mut stream = http.connect().unwrap();
    let head = format!(
        "GET /mcp HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAccept: text/event-stream\r\nAuthorization: Bearer {}\r\n\
         Mcp-Session-Id: {session}\r\nMcp-Protocol-Version: {SESSIONS}\r\n\r\n",
        http.host(),
        http.token().unwrap(),
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut begin = [0; 12];
    stream.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
    assert_eq!(world.run(&["token", "revoke", "ours"]).code, Some(0));
    let begun = Instant::now();
    stream.read_to_end(&mut Vec::new()).expect("an end");
    assert!(begun.elapsed() < PATIENCE, "it only ended when something else gave up");
}

#[test]
fn more_sessions_than_there_is_place_for_displace_those_unused_longest() {
    let (world, mut up) = serving(&["healthy"]);
    let http = up.http();
    let (ours, theirs) =
        (http.with_token(&token(&world, "ours", "caller")), http.with_token(&token(&world, "theirs", "caller")));
    let kept = session(&theirs);
    let all: Vec<String> = (0..70).map(|_| session(&ours)).collect();
    let answers = |http: &Http, session: &str| {
        post(http, &list(), &[("mcp-session-id", session), ("mcp-protocol-version", SESSIONS)]).status
    };
    assert_eq!(answers(&ours, &all[0]), 404);
    assert_eq!(answers(&ours, &all[69]), 200);
    assert_eq!(answers(&theirs, &kept), 200, "one token's sessions displace no other's");
}

#[test]
fn what_is_no_message_is_answered_as_the_protocol_says_and_ends_nothing() {
    let (_world, mut up) = serving(&["healthy"]);
    let http = up.admin();
    let raw = |body: &str| {
        let headers = [("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
        http.send("POST", "/mcp", &headers, body.as_bytes())
    };
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (body, code) in [
        ("", -32700),
        ("{", -32700),
        ("nonsense", -32700),
        ("\u{0}", -32700),
        (&deep, -32700),
        ("[]", -32600),
        ("7", -32600),
        ("{}", -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
    ] {
        let reply = raw(body);
        assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!(code)), "{body:.40}");
    }
    for (method, params, code) in [
        ("no/such", json!({}), -32601),
        ("tools/call", json!({}), -32602),
        ("tools/call", json!({"name": "healthy__echo", "arguments": []}), -32602),
        ("tools/list", json!({"cursor": "nowhere"}), -32602),
        ("skills/get", json!({"uri": "skill://nobody/SKILL.md"}), -32602),
        ("resources/read", json!({"uri": "skill://healthy/../../token"}), -32602),
        ("resources/read", json!({"uri": "file:///etc/passwd"}), -32602),
        ("approvals/approve", json!({}), -32601),
    ] {
        let came = ask(&http, method, params, &json!({}));
        assert_eq!(came["error"]["code"], code, "{method}: {came}");
    }
    let unknown = raw(
        r#"{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"1999-01-01"}}}"#,
    );
    assert_eq!(unknown.status, 400, "{unknown:?}");
    assert_eq!(http.send("POST", "/mcp", &[("content-type", "text/plain")], b"{}").status / 100, 4);
    assert_eq!(http.send("PUT", "/mcp", &[], b"{}").status, 405);
    let long = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{}"}}"#, "x".repeat(2 << 20));
    assert_eq!(raw(&long).status, 413);
    let discovered = ask(&http, "server/discover", json!({}), &json!({}));
    assert!(discovered["result"]["supportedVersions"].as_array().unwrap().contains(&json!(STATELESS)), "{discovered}");
}

#[test]
fn a_call_whose_client_goes_away_is_cancelled() {
    let (world, mut up) = serving(&["hostile"]);
    let http = up.admin();
    let secret = std::fs::read_to_string(world.data().join("token")).unwrap();
    let params = json!({"name": "hostile__sleep", "arguments": {"ms": 60_000}});
    let body = super::request(1, "tools/call", params, &json!({})).to_string();
    let mut stream = http.connect().unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nAccept: \
         application/json, text/event-stream\r\nMcp-Protocol-Version: {STATELESS}\r\nMcp-Method: tools/call\r\nMcp-Name: \
         hostile__sleep\r\nContent-Length: {}\r\n\r\n{body}",
        http.host(),
        secret.trim(),
        body.len()
    );
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    // An answer to a later request says that this one was read.
    ask(&http, "tools/list", json!({}), &json!({}));
    drop(stream);
    skillhost_tests::eventually("a run that was cancelled", skillhost_tests::PATIENCE, || {
        let runs = world.run(&["runs", "--json"]).json();
        runs.as_array().unwrap().iter().any(|run| run["error"]["kind"] == "cancelled")
    });
}
