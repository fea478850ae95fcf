//! A skill that waits for a person: told over the protocol, and never decided there.

use serde_json::{Value, json};
use skillhost_tests::{PATIENCE, Up, World, eventually};

use super::python::Python;
use super::{STATELESS, ask, token};

/// A running host with a skill that waits, and the name of what waits.
fn waiting() -> (World, Up, String) {
    let world = World::with(&["greedy"]);
    let mut up = world.up();
    up.wait_for("pending", "greedy.wasm");
    let list = world.run(&["approvals", "--json"]).json();
    let id = list[0]["id"].as_str().unwrap().to_owned();
    (world, up, id)
}

#[test]
fn a_call_to_what_waits_is_denied_and_says_what_would_change_that() {
    let (_world, mut up, id) = waiting();
    let came = ask(&up.admin(), "tools/call", json!({"name": "greedy__all-content", "arguments": {}}), &json!({}));
    assert_eq!(
        (&came["result"]["isError"], &came["result"]["_meta"]["kind"]),
        (&json!(true), &json!("denied")),
        "{came}"
    );
    let text = came["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains(&format!("skillhost approve {id}")), "{text}");
    let tools = ask(&up.admin(), "tools/list", json!({}), &json!({}));
    assert_eq!(tools["result"]["tools"], json!([]), "what waits is not listed");
}

#[test]
fn the_person_behind_the_client_is_told_and_whatever_they_answer_decides_nothing() {
    for mode in ["legacy", STATELESS] {
        let (world, mut up, id) = waiting();
        let admin = token(&world, "boss", "admin");
        let mut client = Python::over_http(&up.address(), &admin, mode);
        // The client accepts whatever it is asked.
        let came = client.call("greedy__all-content", json!({}));
        assert_eq!((&came["isError"], &came["_meta"]["kind"]), (&json!(true), &json!("denied")), "{mode}: {came}");
        let asked = client.say(&json!(["asked"]));
        let [asked] = asked.as_array().unwrap().as_slice() else { panic!("asked once: {asked}") };
        assert!(asked["message"].as_str().unwrap().contains(&id), "{asked}");
        if let Some(url) = asked["url"].as_str() {
            assert!(url.starts_with(&format!("{}/approvals", up.address())), "{url}");
        }
        let still = world.run(&["approvals", "--json"]).json();
        assert_eq!((&still[0]["id"], &still[0]["state"]), (&json!(id), &json!("proposed")), "{still}");

        client.say(&json!(["listen"]));
        assert_eq!(world.run(&["approve", &id]).code, Some(0));
        assert_eq!(client.say(&json!(["changed"])), "tools", "an approval changes the list");
        let mut came = Value::Null;
        eventually("a skill that serves", PATIENCE, || {
            came = client.call("greedy__all-content", json!({}));
            came["isError"] == false
        });
        client.leave();
    }
}
