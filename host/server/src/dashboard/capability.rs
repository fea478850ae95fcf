//! What a grant allows, in plain words.

use skillhost_types::{Capability, Grant, Want};

/// The scope that is the whole of a capability.
const EVERYTHING: &str = "*";

/// A capability within a scope, as a sentence about the skill: before, the scope, after.
#[derive(Debug, PartialEq)]
pub(super) struct Sentence {
    pub(super) before: &'static str,
    pub(super) scope: Option<String>,
    pub(super) after: &'static str,
    /// Is it the whole of the capability, or as good as that? Whoever approves it should look twice.
    pub(super) whole: bool,
}

impl Sentence {
    /// That of a want. What is no capability, which no absorbed file asks for, is shown as it is.
    pub(super) fn of(want: &Want) -> Self {
        match Grant::try_from(want) {
            Ok(grant) => Self::of_grant(&grant),
            Err(_) => Self {
                before: "asks for",
                scope: Some(format!("{} {}", want.capability, want.scope)),
                after: "",
                whole: false,
            },
        }
    }

    /// That of a grant.
    pub(super) fn of_grant(grant: &Grant) -> Self {
        let scope = grant.scope();
        if scope == EVERYTHING {
            return Self { before: everything(grant.capability()), scope: None, after: "", whole: true };
        }
        let (before, after) = within(grant.capability());
        let whole = grant.capability() == Capability::HttpRequest && has_every_host(scope);
        Self { before, scope: Some(scope.to_owned()), after, whole }
    }
}

/// Is a scope of requests, such as `GET https://*/*`, one of every host?
fn has_every_host(scope: &str) -> bool {
    scope.split_once("://").and_then(|(_, rest)| rest.split(['/', ':']).next()) == Some("*")
}

fn everything(capability: Capability) -> &'static str {
    match capability {
        Capability::BlackboardRead => "may read every key of the blackboard",
        Capability::BlackboardWrite => "may set and delete every key of the blackboard",
        Capability::BlackboardPublish => "may send messages to every channel",
        Capability::BlackboardSubscribe => "gets every message on every channel",
        Capability::EventsAppend => "may write events of every kind to the log",
        Capability::EventsRead => "may read every event of the log",
        Capability::LlmComplete => "may ask every language model",
        Capability::LlmEmbed => "may have every model turn text into vectors",
        Capability::SkillsCall => "may call every tool of every skill",
        Capability::HttpRequest => "may send requests to every public address of the internet",
        Capability::FsRead => "may read every configured directory",
        Capability::FsWrite => "may change files in every configured directory",
        Capability::SecretsUse => "may have every secret put into its requests, each for the secret's own hosts",
    }
}

fn within(capability: Capability) -> (&'static str, &'static str) {
    match capability {
        Capability::BlackboardRead => ("may read keys", "of the blackboard"),
        Capability::BlackboardWrite => ("may set and delete keys", "of the blackboard"),
        Capability::BlackboardPublish => ("may send messages to", ""),
        Capability::BlackboardSubscribe => ("gets the messages on", ""),
        Capability::EventsAppend => ("may write events", "to the log"),
        Capability::EventsRead => ("may read events", "of the log"),
        Capability::LlmComplete => ("may ask the language models", ""),
        Capability::LlmEmbed => ("may have text turned into vectors by", ""),
        Capability::SkillsCall => ("may call the tools", "of other skills"),
        Capability::HttpRequest => ("may send requests:", ""),
        Capability::FsRead => ("may read files in the directory", ""),
        Capability::FsWrite => ("may change files in the directory", ""),
        Capability::SecretsUse => ("may have the secret", "put into its requests, for the secret's own hosts"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_says_the_scope_or_that_it_is_everything() {
        let sentence = |text: &str| Sentence::of_grant(&text.parse().unwrap());
        let keys = sentence("blackboard.read agent:*");
        assert_eq!(
            (keys.before, keys.scope.as_deref(), keys.after),
            ("may read keys", Some("agent:*"), "of the blackboard")
        );
        assert!(!keys.whole && sentence("blackboard.read *").whole);
        let request = sentence("http.request GET https://api.github.com/*");
        assert_eq!(request.scope.as_deref(), Some("GET https://api.github.com/*"));
        for (scope, whole) in [
            ("GET https://*/*", true),
            ("https://*", true),
            ("http://*:*/a", true),
            ("https://*.github.com/*", false),
            ("https://api.github.com/*", false),
        ] {
            let request = sentence(&format!("http.request {scope}"));
            assert_eq!((request.scope.as_deref(), request.whole), (Some(scope), whole));
        }
    }

    #[test]
    fn no_capability_is_without_words() {
        for capability in Capability::ALL {
            assert!(!everything(capability).is_empty() && !within(capability).0.is_empty());
        }
    }
}
