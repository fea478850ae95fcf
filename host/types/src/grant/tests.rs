#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use proptest::prelude::*;
use url::Host;

use super::*;
use crate::SkillName;

fn grant(text: &str) -> Grant {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn grants(texts: &[&str]) -> Grants {
    texts.iter().map(|text| grant(text)).collect()
}

fn texts<'a>(grants: impl IntoIterator<Item = &'a Grant>) -> Vec<String> {
    grants.into_iter().map(Grant::to_string).collect()
}

fn refused(text: &str) -> String {
    text.parse::<Grant>().unwrap_err().to_string()
}

#[test]
fn every_capability_has_its_name_and_a_full_scope() {
    for (capability, name) in Capability::ALL.into_iter().zip(Capability::NAMES) {
        assert_eq!(capability.to_string(), name);
        assert_eq!(name.parse(), Ok(capability));
        assert_eq!(serde_json::to_string(&capability).unwrap(), format!("\"{name}\""));
        let full = Grant::full(capability);
        assert_eq!(full, Grant::new(capability, "*").unwrap());
        assert!(full.covers(&full));
    }
}

#[test]
fn a_grant_prints_as_it_was_read() {
    for text in [
        "blackboard.read agent:*",
        "blackboard.write übung:[^a-c]?\\*",
        "events.append skill.*",
        "llm.complete ollama/llama3.2",
        "skills.call textkit.*",
        "fs.read workspace",
        "fs.write *",
        "secrets.use git[a-z]*",
        "http.request GET https://Example.com:443/v1/*",
        "http.request *",
    ] {
        assert_eq!(grant(text).to_string(), text);
        let json = serde_json::to_string(&grant(text)).unwrap();
        assert_eq!(serde_json::from_str::<Grant>(&json).unwrap(), grant(text));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}

#[test]
fn a_text_that_is_no_grant_is_refused_with_what_would_be_right() {
    for (text, part) in [
        ("blackboard.read", "a capability, a space and a scope"),
        ("blackboard.raed x", "no capability `blackboard.raed`; there are blackboard.read, blackboard.write"),
        (" x", "no capability ``"),
        ("blackboard.read ", "1 to 512"),
        ("blackboard.read  x", "a space"),
        ("events.read a b", "a space"),
        ("events.read a\u{200b}", r"\u{200b}"),
        ("events.read a\u{1b}[0m", r"\u{1b}"),
        ("events.read a\u{a0}b", r"\u{a0}"),
        ("fs.read /etc", "`/etc` is no scope of `fs.read`: it must be a name"),
        ("fs.read ..", "a name"),
        ("fs.write Work*", "a name"),
        ("secrets.use 1a", "a name"),
        ("http.request example.com", "[METHOD ]scheme://host"),
        ("http.request https://0x7f.1/", "`127.0.0.1`; write that"),
        ("http.request https://a/\u{2066}", r"\u{2066}"),
    ] {
        let error = refused(text);
        assert!(error.contains(part), "{text}: {error}");
        assert!(!error.chars().any(|char| char.is_control() || char == '\u{200b}' || char == '\u{2066}'), "{error:?}");
    }
    assert!(format!("events.read {}", "x".repeat(512)).parse::<Grant>().is_ok());
    assert!(refused(&format!("events.read {}", "x".repeat(513))).contains("513 bytes"));
    assert!(refused(&"x".repeat(100_000)).len() < 1_000);
}

#[test]
fn a_want_is_a_grant_if_it_can_be_one() {
    let want = |capability: &str, scope: &str| Want {
        capability: capability.to_owned(),
        scope: scope.to_owned(),
        reason: "to test".to_owned(),
    };
    assert_eq!(Grant::try_from(&want("fs.read", "docs")).unwrap(), grant("fs.read docs"));
    assert!(matches!(Grant::try_from(&want("fs.raed", "docs")), Err(GrantError::Capability(_))));
    assert!(matches!(Grant::try_from(&want("fs.read", "a/b")), Err(GrantError::Scope { fault: ScopeFault::Name, .. })));
}

#[test]
fn a_grant_covers_what_lies_within_it_and_nothing_of_another_capability() {
    let wide = grant("blackboard.read agent:*");
    assert!(wide.covers(&grant("blackboard.read agent:timmy:*")));
    assert!(wide.covers(&grant("blackboard.read agent:?imm[xy]:*")));
    assert!(!wide.covers(&grant("blackboard.read *")));
    assert!(!wide.covers(&grant("blackboard.write agent:timmy:*")));
    assert!(grant("http.request https://a.test").covers(&grant("http.request GET https://a.test/x")));
    assert!(!Grant::full(Capability::HttpRequest).covers(&grant("http.request http://localhost")));
}

#[test]
fn a_set_holds_each_grant_once_in_the_order_of_text() {
    let set = grants(&["llm.embed b", "fs.read *", "llm.embed a", "blackboard.write x", "fs.read *"]);
    assert_eq!(texts(set.iter()), ["blackboard.write x", "fs.read *", "llm.embed a", "llm.embed b"]);
    assert_eq!(texts(set.of(Capability::LlmEmbed)), ["llm.embed a", "llm.embed b"]);
    assert_eq!(set.of(Capability::LlmComplete).count(), 0);
    assert!(!set.is_empty() && Grants::default().is_empty());
}

#[test]
fn a_set_allows_what_one_of_its_grants_does() {
    let set = grants(&[
        "blackboard.read a:*",
        "blackboard.read b:?",
        "skills.call textkit.*",
        "fs.read docs",
        "http.request *",
    ]);
    for (capability, subject, expected) in [
        (Capability::BlackboardRead, "a:x:y", true),
        (Capability::BlackboardRead, "b:x", true),
        (Capability::BlackboardRead, "b:xy", false),
        (Capability::BlackboardWrite, "a:x", false),
        (Capability::SkillsCall, "textkit.count", true),
        (Capability::FsRead, "docs", true),
        (Capability::FsRead, "docs2", false),
        (Capability::HttpRequest, "https://example.com/", false),
    ] {
        assert_eq!(set.allows(capability, subject), expected, "{capability} {subject}");
    }
    assert!(Capability::ALL.into_iter().all(|capability| !Grants::default().allows(capability, "a")));
}

#[test]
fn the_scope_that_lets_a_request_through_is_given_out() {
    let set = grants(&[
        "http.request GET https://a.test/x",
        "http.request http://localhost:1",
        "http.request https://a.test",
    ]);
    let found = |method, scheme: Scheme, host, path| {
        let target = HttpTarget { method, scheme, host: Host::Domain(host), port: scheme.port(), path };
        set.allows_http(&target).map(HttpScope::as_str)
    };
    assert_eq!(found("GET", Scheme::Https, "a.test", "/x"), Some("GET https://a.test/x"));
    assert_eq!(found("PUT", Scheme::Https, "a.test", "/x"), Some("https://a.test"));
    assert_eq!(found("GET", Scheme::Http, "a.test", "/x"), None);
    assert_eq!(found("GET", Scheme::Http, "localhost", "/"), None);
}

#[test]
fn what_is_held_is_what_was_asked_and_given() {
    let wants =
        grants(&["blackboard.read agent:*", "blackboard.write own:x", "fs.read *", "llm.complete a*", "events.read x"]);
    let given = grants(&[
        "blackboard.read agent:timmy:*",
        "blackboard.read dispatch:*",
        "blackboard.write own:*",
        "fs.read docs",
        "fs.write docs",
        "llm.complete *b",
    ]);
    let held = Grants::effective(&wants, &given);
    assert_eq!(texts(held.iter()), ["blackboard.read agent:timmy:*", "blackboard.write own:x", "fs.read docs"]);
    assert!(Grants::effective(&wants, &Grants::default()).is_empty());
    assert_eq!(Grants::effective(&wants, &wants), wants);
}

#[test]
fn a_rule_gives_each_skill_the_grants_of_its_own_name() {
    let skill = SkillName::new("text-kit").unwrap();
    for (rule, expected) in [
        ("blackboard.read self:*", &["blackboard.read text-kit:*"][..]),
        ("events.* skill.self.*", &["events.append skill.text-kit.*", "events.read skill.text-kit.*"]),
        ("events.append self", &["events.append text-kit"]),
        ("events.append self.myself.self*.self", &["events.append text-kit.myself.self*.text-kit"]),
        ("http.request GET https://self.test/self/*", &["http.request GET https://text-kit.test/text-kit/*"]),
        ("fs.* self", &["fs.read text-kit", "fs.write text-kit"]),
    ] {
        let parsed: GrantRule = rule.parse().unwrap();
        assert_eq!(parsed.to_string(), rule);
        assert_eq!(texts(&parsed.of(&skill)), expected, "{rule}");
    }
    let all: GrantRule = serde_json::from_str("\"* *\"").unwrap();
    assert_eq!(all.of(&skill), Capability::ALL.map(Grant::full));
    assert_eq!(serde_json::to_string(&all).unwrap(), "\"* *\"");
    let keys: GrantRule = "* self:*".parse().unwrap();
    assert!(keys.of(&skill).iter().all(|grant| grant.scope() == "text-kit:*"));
    assert_eq!(keys.of(&skill).len(), 9, "no file, secret or request has such a scope");
}

#[test]
fn a_rule_that_can_never_give_anything_is_refused() {
    for (rule, part) in [
        ("blackboard.read", "a capability, a space and a scope"),
        ("board.* self:*", "no capability `board.*`"),
        ("blackboard* self:*", "no capability `blackboard*`"),
        ("blackboard.r* self:*", "no capability `blackboard.r*`"),
        (". x", "no capability `.`"),
        ("fs.read self:*", "no scope of `fs.read`"),
        ("fs.* self:*", "no scope of `fs.*`"),
        ("* a\u{202e}", r"\u{202e}"),
    ] {
        let error = rule.parse::<GrantRule>().unwrap_err().to_string();
        assert!(error.contains(part), "{rule}: {error}");
    }
    let long = format!("events.read self:{}", "x".repeat(480));
    assert!(long.parse::<GrantRule>().is_err(), "the longest name would not fit");
}

/// A pattern and a text that it matches.
fn matched() -> impl Strategy<Value = (String, String)> {
    let token = prop_oneof![
        "[a-d:]".prop_map(|byte| (byte.clone(), byte)),
        "[a-d:]".prop_map(|byte| ("?".to_owned(), byte)),
        "[a-d:]{0,3}".prop_map(|run| ("*".to_owned(), run)),
        "[a-c]".prop_map(|byte| ("[a-c]".to_owned(), byte)),
        "[b-d]".prop_map(|byte| ("[^a]".to_owned(), byte)),
    ];
    prop::collection::vec(token, 1..8).prop_map(|tokens| tokens.into_iter().unzip())
}

proptest! {
    #[test]
    fn a_grant_that_parses_prints_the_same(capability in prop::sample::select(Capability::ALL.to_vec()), scope in "\\PC{1,40}|[a-z*?\\[\\]:/.]{1,40}") {
        if let Ok(parsed) = Grant::new(capability, &scope) {
            prop_assert_eq!(parsed.to_string(), format!("{capability} {scope}"));
            prop_assert_eq!(grant(&parsed.to_string()), parsed);
        }
    }

    #[test]
    fn what_a_covered_grant_allows_its_cover_allows((inner, text) in matched(), (outer, _) in matched()) {
        let (inner, outer) = (Grant::new(Capability::EventsRead, &inner).unwrap(), Grant::new(Capability::EventsRead, &outer).unwrap());
        let allows = |grant: &Grant| Grants::from_iter([grant.clone()]).allows(Capability::EventsRead, &text);
        prop_assert!(allows(&inner));
        prop_assert!(!outer.covers(&inner) || allows(&outer));
    }

    #[test]
    fn what_is_held_lies_within_what_was_asked_and_what_was_given(wants in prop::collection::vec(matched(), 0..4), given in prop::collection::vec(matched(), 0..4)) {
        let set = |patterns: Vec<(String, String)>| -> Grants {
            patterns.iter().map(|(pattern, _)| Grant::new(Capability::EventsRead, pattern).unwrap()).collect()
        };
        let (wants, given) = (set(wants), set(given));
        for held in Grants::effective(&wants, &given).iter() {
            prop_assert!(wants.covers(held) && given.covers(held), "{}", held);
        }
    }
}

#[test]
fn a_quoted_grant_is_one_word_to_a_shell() {
    let grant: Grant = r"blackboard.read a';id;'$(x)".parse().unwrap();
    assert_eq!(grant.quoted(), r"'blackboard.read a'\'';id;'\''$(x)'");
}
