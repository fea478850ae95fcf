//! `/settings`: how the host is configured, and by whom.
//!
//! Contract: shown are the settings that count now, with where each comes from. Secrets are references in a configuration, and
//! those are shown; what stands where a secret could is hidden, and so is a password in an address.

use std::collections::BTreeMap;
use std::time::Duration;

use askama::Template;
use axum::response::Response;
use serde_json::Value;
use skillhost_lifecycle::{CarryOver, Config, Merge, Origin, Recording, SecretSource, Setting};
use url::Url;

use super::fault::Fault;
use super::filters;
use super::layout::{Page, Section, html};
use super::session::Session;
use crate::shared::State;

/// Keys that end so hold secrets, unless they hold references.
const SECRET: [&str; 5] = ["password", "secret", "token", "key", "credential"];

/// A path, whatever it is called.
const NO_SECRET: &str = "http.tls.key";

const HIDDEN: &str = "(hidden)";

/// What stands for a list of nothing.
const NOTHING: &str = "none";

#[derive(Template)]
#[template(path = "settings.html")]
struct Settings {
    page: Page,
    file: Option<String>,
    sections: Vec<(String, Vec<Row>)>,
}

/// A setting.
#[derive(Debug, PartialEq)]
struct Row {
    key: String,
    value: String,
    from: String,
    /// Is it otherwise than without anybody's doing?
    set: bool,
}

/// `GET /settings`
pub(super) async fn settings(shared: State, session: Session) -> Result<Response, Fault> {
    if session.identity.tenants.only().is_some() {
        return Err(Fault::not_theirs(
            session.csrf(),
            "The settings are the host's own, and this token is of one tenant. One for all tenants sees them: \
             skillhost token add NAME --role viewer --tenant '*'",
        ));
    }
    let config = shared.app()?.host.config();
    let file = config.file.as_ref().map(|file| file.display().to_string());
    let mut sections: Vec<(String, Vec<Row>)> = Vec::new();
    for row in rows(&config) {
        let section = row.key.split_once('.').map_or("host", |(section, _)| section);
        match sections.iter_mut().find(|(name, _)| name == section) {
            Some((_, rows)) => rows.push(row),
            None => sections.push((section.to_owned(), vec![row])),
        }
    }
    html(&Settings { page: Page::new(&session, Section::Settings, "Settings"), file, sections })
}

fn rows(config: &Config) -> Vec<Row> {
    let mut rows: Vec<Row> =
        effective(config).into_iter().map(|(key, value)| row(config, key.to_owned(), value)).collect();
    let known: Vec<String> = rows.iter().map(|row| row.key.clone()).collect();
    // What has no default, as it was written.
    let others: BTreeMap<_, _> = config.settings.iter().filter(|(key, _)| !known.contains(key)).collect();
    rows.extend(others.into_iter().map(|(key, Setting { value, .. })| row(config, key.clone(), shown(key, value))));
    rows
}

fn row(config: &Config, key: String, value: String) -> Row {
    let setting = config.settings.get(&key);
    let from = match setting.map(|setting| &setting.origin) {
        None => "default".to_owned(),
        Some(Origin::File) => config.file.as_ref().map_or("file".into(), |file| file.display().to_string()),
        Some(Origin::Environment(name)) => name.clone(),
        Some(Origin::CommandLine) => "command line".to_owned(),
    };
    Row { set: setting.is_some(), key, value, from }
}

/// Every setting that has a value whether or not somebody set it.
fn effective(config: &Config) -> Vec<(&'static str, String)> {
    let Config {
        skills_dir, data_dir, listen, max_body, recording, http, mcp, feed, limits, approval, blackboard, ..
    } = config;
    let list = |texts: Vec<String>| if texts.is_empty() { NOTHING.to_owned() } else { texts.join(", ") };
    vec![
        ("skills_dir", skills_dir.display().to_string()),
        ("data_dir", data_dir.display().to_string()),
        ("listen", listen.to_string()),
        ("max_body", max_body.to_string()),
        ("recording", if *recording == Recording::Durable { "durable" } else { "relaxed" }.to_owned()),
        ("limits.fuel", limits.fuel.to_string()),
        ("limits.timeout", time(limits.timeout)),
        ("limits.memory", limits.memory.to_string()),
        ("limits.input", limits.input.to_string()),
        ("limits.output", limits.output.to_string()),
        ("limits.host_calls", limits.host_calls.to_string()),
        ("limits.log", limits.log.to_string()),
        ("limits.concurrency", limits.concurrency.to_string()),
        ("limits.queue_timeout", time(limits.queue_timeout)),
        ("approval.auto", list(approval.auto.iter().map(ToString::to_string).collect())),
        (
            "approval.carry_over",
            if approval.carry_over == CarryOver::Narrower { "narrower" } else { "never" }.to_owned(),
        ),
        ("http.hosts", list(http.hosts.clone())),
        ("http.proxies", list(http.proxies.clone())),
        ("http.connections", http.connections.to_string()),
        ("http.header_timeout", time(http.header_timeout)),
        ("http.body_timeout", time(http.body_timeout)),
        ("http.grace", time(http.grace)),
        ("mcp.task_after", time(mcp.task_after)),
        ("feed.rate", feed.rate.to_string()),
        ("feed.replay", feed.replay.to_string()),
        ("feed.per_address", feed.per_address.to_string()),
        ("feed.send_timeout", time(feed.send_timeout)),
        ("blackboard.enabled", blackboard.enabled.to_string()),
        ("blackboard.keyspace_prefix", blackboard.keyspace_prefix.clone()),
        ("blackboard.ttl_seconds", blackboard.ttl_seconds.to_string()),
        ("blackboard.fallback_to_memory", blackboard.fallback_to_memory.to_string()),
        ("blackboard.merge", if blackboard.merge == Merge::Never { "never" } else { "newer" }.to_owned()),
        ("blackboard.persist", blackboard.persist.to_string()),
    ]
}

/// A setting as it was written, without what is nobody's to read.
fn shown(key: &str, value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::Array(values) if values.is_empty() => NOTHING.to_owned(),
        Value::Object(fields) if fields.is_empty() => NOTHING.to_owned(),
        Value::String(text) if is_secret(key) && text.parse::<SecretSource>().is_err() => HIDDEN.to_owned(),
        Value::String(text) => without_password(text),
        Value::Array(values) => values.iter().map(|value| shown(key, value)).collect::<Vec<_>>().join(", "),
        // Within a list keys are those of its objects.
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("{name}: {}", shown(name, value));
            format!("{{ {} }}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        _ if is_secret(key) => HIDDEN.to_owned(),
        other => other.to_string(),
    }
}

fn is_secret(key: &str) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key).to_lowercase();
    key != NO_SECRET && SECRET.iter().any(|word| name.ends_with(word))
}

fn without_password(text: &str) -> String {
    match Url::parse(text) {
        Ok(mut url) if url.password().is_some() => match url.set_password(Some("…")) {
            Ok(()) => url.to_string().replacen("%E2%80%A6", "…", 1),
            Err(()) => HIDDEN.to_owned(),
        },
        _ => text.to_owned(),
    }
}

fn time(time: Duration) -> String {
    // As a configuration has it: `30s`.
    format!("{time:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_as_the_reference_that_it_is_and_never_in_clear() {
        for (key, value, wanted) in [
            ("blackboard.redis.password", "${REDIS_PASSWORD}", "${REDIS_PASSWORD}"),
            ("llm.providers.openai.key", "file:/run/key", "file:/run/key"),
            ("skills.fetch.config.api_key", "hunter2", HIDDEN),
            ("skills.fetch.config.TOKEN", "hunter2", HIDDEN),
            ("llm.providers.mine.url", "https://me:hunter2@models.test/v1", "https://me:…@models.test/v1"),
            ("http.tls.key", "/etc/key.pem", "/etc/key.pem"),
            ("skills.fetch.config.language", "en", "en"),
        ] {
            assert_eq!(shown(key, &value.into()), wanted, "{key}");
        }
        for nothing in [serde_json::json!([]), serde_json::json!({}), Value::Null] {
            assert_eq!(shown("budgets", &nothing), "none");
        }
        let nested = serde_json::json!([{"name": "a", "password": "hunter2", "pin_token": 1234}]);
        let text = shown("skills.x.config.accounts", &nested);
        assert!(text.contains("name: a") && !text.contains("hunter2") && !text.contains("1234"), "{text}");
    }

    #[test]
    fn every_setting_says_where_it_comes_from() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, "limits: { fuel: 5 }\ngrants: { triage: ['blackboard.read agent:*'] }\n").unwrap();
        let environment = [("SKILLHOST_MAX_BODY".to_owned(), "2MiB".to_owned())];
        let mut config = Config::load(Some(&file), environment).unwrap();
        config.set_on_command_line("data_dir", "data");
        let rows = rows(&config);
        let of = |key: &str| rows.iter().find(|row| row.key == key).map(|row| (row.value.as_str(), row.from.as_str()));
        let file = file.display().to_string();
        assert_eq!(of("limits.fuel"), Some(("5", file.as_str())));
        assert_eq!(of("max_body"), Some(("2MiB", "SKILLHOST_MAX_BODY")));
        assert_eq!(of("data_dir"), Some(("data", "command line")));
        assert_eq!(of("limits.timeout"), Some(("30s", "default")));
        assert_eq!(of("limits.host_calls"), Some(("10000", "default")));
        assert_eq!(of("grants.triage"), Some(("blackboard.read agent:*", file.as_str())));
    }
}
