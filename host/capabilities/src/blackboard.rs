//! `blackboard`: shared state and channels.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use skillhost_blackboard::{Channel, Key, Message, Selection, Ttl};
use skillhost_events::NewEvent;
use skillhost_types::{Capability, Glob, RunId};

use crate::call::{Call, Interface, Needs};
use crate::wire::HostError;

/// Messages that may wake each other in a row. Chains of agents are a few long; a ring has no end.
pub(crate) const HOPS: u32 = 16;

/// Longest pattern, in bytes: as long as a key.
const LONGEST_PATTERN: usize = 512;

/// Keys that one listing gives at the most; a longer list is not for reading, and costs memory.
pub(crate) const KEYS_LISTED: u32 = 10_000;

pub(crate) fn link(interface: &mut Interface<'_>) -> wasmtime::Result<()> {
    interface.function(
        "get",
        Needs::Subject(Capability::BlackboardRead),
        |(key,): &(String,)| key,
        async |call: Call, (name,): (String,)| {
            Ok(call.services.blackboard.get(&call.info.tenant, &key(&name)?).await?)
        },
    )?;
    interface.function(
        "set",
        Needs::Subject(Capability::BlackboardWrite),
        |(key, ..): &(String, String, Option<u64>)| key,
        async |call: Call, (name, value, ttl): (String, String, Option<u64>)| {
            let value = clean(&call, value);
            Ok(call.services.blackboard.set(&call.info.tenant, &key(&name)?, value, lifetime(ttl)).await?)
        },
    )?;
    interface.function(
        "compare-and-swap",
        Needs::Subject(Capability::BlackboardWrite),
        |(key, ..): &(String, Option<String>, String, Option<u64>)| key,
        async |call: Call, (name, expected, value, ttl): (String, Option<String>, String, Option<u64>)| {
            let board = &call.services.blackboard;
            let (key, value) = (key(&name)?, clean(&call, value));
            Ok(board.compare_and_swap(&call.info.tenant, &key, expected.as_deref(), value, lifetime(ttl)).await?)
        },
    )?;
    interface.function(
        "add",
        Needs::Subject(Capability::BlackboardWrite),
        |(key, _): &(String, i64)| key,
        async |call: Call, (name, delta): (String, i64)| {
            Ok(call.services.blackboard.add(&call.info.tenant, &key(&name)?, delta).await?)
        },
    )?;
    interface.function(
        "delete",
        Needs::Subject(Capability::BlackboardWrite),
        |(key,): &(String,)| key,
        async |call: Call, (name,): (String,)| {
            Ok(call.services.blackboard.delete(&call.info.tenant, &key(&name)?).await?)
        },
    )?;
    interface.function(
        "exists",
        Needs::Subject(Capability::BlackboardRead),
        |(key,): &(String,)| key,
        async |call: Call, (name,): (String,)| {
            Ok(call.services.blackboard.exists(&call.info.tenant, &key(&name)?).await?)
        },
    )?;
    interface.function(
        "keys",
        Needs::Any(Capability::BlackboardRead),
        |(pattern, _): &(String, u32)| pattern,
        async |call: Call, (pattern, limit): (String, u32)| {
            let limit = limit.min(KEYS_LISTED) as usize;
            let meant = selection(&call, Capability::BlackboardRead, &pattern)?;
            let keys = call.services.blackboard.keys(&call.info.tenant, &meant, limit).await?;
            Ok(keys.into_iter().map(|key| key.as_str().to_owned()).collect::<Vec<_>>())
        },
    )?;
    interface.function(
        "clear",
        Needs::Any(Capability::BlackboardWrite),
        |(pattern,): &(String,)| pattern,
        async |call: Call, (pattern,): (String,)| {
            let meant = selection(&call, Capability::BlackboardWrite, &pattern)?;
            Ok(call.services.blackboard.clear(&call.info.tenant, &meant).await?)
        },
    )?;
    interface.function(
        "publish",
        Needs::Subject(Capability::BlackboardPublish),
        |(channel, _): &(String, String)| channel,
        async |call: Call, (channel, payload): (String, String)| publish(call, &channel, payload).await,
    )
}

/// A value without the secrets that the host knows: what skills share may come from a server that repeats what it is told.
pub(crate) fn clean(call: &Call, value: String) -> String {
    match call.services.redactor.known(&value) {
        Cow::Borrowed(_) => value,
        Cow::Owned(clean) => clean,
    }
}

async fn publish(call: Call, channel: &str, payload: String) -> Result<u32, HostError> {
    let payload = clean(&call, payload);
    let channel = Channel::new(channel)?;
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&payload) {
        return Err(HostError::Invalid(format!("the message is no JSON: {error}")));
    }
    let (info, services) = (&call.info, &call.services);
    let hops = info.hops.saturating_add(1);
    let refused = if hops > HOPS {
        Err(HostError::Limit(format!(
            "the message to `{}` was dropped: {HOPS} messages have woken each other in a row, which is a loop",
            channel.as_str()
        )))
    } else {
        services.rates.take(&info.tenant, &channel)
    };
    if let Err(error) = refused {
        let data = serde_json::json!({"channel": channel.as_str(), "hops": hops, "error": error.describe()});
        record(&call, "system.error", data).await;
        return Err(error);
    }
    let source = info.agent.clone().unwrap_or_else(|| info.skill.name.as_str().into());
    let at = services.events.source().now();
    let id = RunId::new(services.events.source()).to_string();
    let data = serde_json::json!({"channel": channel.as_str(), "id": id});
    let message = Message { id, channel, payload: Arc::from(payload), source: Some(source), hops, published_at: at };
    let receivers = services.blackboard.publish(&info.tenant, message).await?;
    record(&call, "message.published", data).await;
    Ok(receivers)
}

/// Writes an event about a message. The message counts even if the log is out of order, which the log's
/// own health shows.
async fn record(call: &Call, kind: &str, data: serde_json::Value) {
    let event = NewEvent {
        kind: kind.to_owned(),
        source: call.info.skill.name.as_str().into(),
        run: Some(call.info.run),
        tenant: Some(call.info.tenant.clone()),
        data,
    };
    if let Err(error) = call.services.events.append_relaxed(event).await {
        tracing::warn!(%error, kind, "an event was not written");
    }
}

fn key(name: &str) -> Result<Key, HostError> {
    Ok(Key::new(name)?)
}

pub(crate) fn glob(pattern: &str) -> Result<Glob, HostError> {
    if pattern.is_empty() || pattern.len() > LONGEST_PATTERN {
        return Err(HostError::Invalid(format!("a pattern is 1 to {LONGEST_PATTERN} bytes long")));
    }
    Ok(Glob::new(pattern))
}

/// What matches `pattern`, as far as the skill may reach it.
fn selection(call: &Call, capability: Capability, pattern: &str) -> Result<Selection, HostError> {
    Ok(Selection { pattern: glob(pattern)?, within: scopes(call, capability) })
}

/// The scopes of what the skill holds of `capability`.
pub(crate) fn scopes(call: &Call, capability: Capability) -> Vec<Glob> {
    call.info.skill.grants.of(capability).map(|grant| Glob::new(grant.scope())).collect()
}

fn lifetime(ttl_ms: Option<u64>) -> Ttl {
    match ttl_ms {
        None => Ttl::Default,
        Some(0) => Ttl::Forever,
        Some(ms) => Ttl::For(Duration::from_millis(ms)),
    }
}
