//! A skill that only handles messages, as its tests see it.

use serde_json::json;
use skillhost_sdk::mock;
use skillhost_sdk::prelude::*;

/// Answers greetings.
#[skill(subscribe("greetings:*", "news"), wants("blackboard.publish answers" = "Answers."))]
mod greeter {
    use super::*;

    #[derive(Deserialize)]
    struct Greeting {
        from: String,
    }

    /// Answers one.
    #[handler]
    pub fn handle(message: Message) -> Result<(), ToolError> {
        let greeting: Greeting = message.decode()?;
        blackboard::publish("answers", &json!({"to": greeting.from}))?;
        Ok(())
    }
}

/// Has nothing but a text to say when it fails, and one handler for each target.
#[skill]
mod refuser {
    use super::*;

    /// Refuses all.
    #[cfg(not(target_os = "none"))]
    #[handler]
    pub fn refuse(message: Message) -> Result<(), String> {
        Err(message.channel)
    }
}

/// Counts messages, and cannot fail.
#[skill(subscribe("*"))]
mod counter {
    use super::*;

    /// Counts one.
    #[handler]
    pub fn on_any(message: Message) {
        if let Err(error) = blackboard::add("count", 1) {
            warn!("message {} is not counted: {error}", message.id);
        }
    }
}

#[test]
fn an_agent_subscribes_to_what_it_names_and_needs_no_tools() {
    let manifest = greeter::manifest();
    assert_eq!(manifest.subscriptions, ["greetings:*", "news"]);
    assert_eq!(manifest.tools, []);
    let error = greeter::call("handle", "{}").unwrap_err();
    assert_eq!(error.message(), "there is no tool `handle`: this skill has none, it only handles messages");
}

#[test]
fn a_handler_is_a_plain_function_to_its_tests() {
    mock::reset();
    greeter::handle(Message::new("greetings:en", json!({"from": "ada"}))).unwrap();
    let published = mock::published();
    assert_eq!(published.len(), 1);
    assert_eq!((&*published[0].channel, &published[0].message), ("answers", &json!({"to": "ada"})));
}

#[test]
fn a_message_of_another_shape_says_on_which_channel_and_what_is_missing() {
    let error = greeter::handle(Message::new("news", json!({}))).unwrap_err();
    assert_eq!(error.message(), "on `news`: missing field `from` at line 1 column 2");
}

#[test]
fn a_handler_may_fail_with_a_text_and_wait_for_the_operator_to_subscribe_it() {
    assert_eq!(refuser::refuse(Message::new("x", 1)), Err("x".to_owned()));
    assert_eq!(refuser::manifest().subscriptions, Vec::<String>::new());
}

#[test]
fn a_handler_may_return_nothing() {
    mock::reset();
    mock::deny("blackboard.write");
    counter::on_any(Message::new("x", 1));
    let logs = mock::logs();
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].level, run::Level::Warn);
    assert_eq!(logs[0].message, "message test is not counted: denied: blackboard.write count");
}
