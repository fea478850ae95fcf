//! What the host says of a message, beside what its publisher says: one field `_skillhost` of an object.
//!
//! Contract: the rest of the payload stays as it is, byte for byte: numbers keep their form, fields their order. A
//! publisher's own `_skillhost` is taken out. What is no object has no room for the field. Price: the payload is read once, and copied if there is such a field.

use std::ops::Range;
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use skillhost_types::{RunId, Source, Timestamp};

use crate::{Channel, Message};

/// The host's own field.
const FIELD: &str = "_skillhost";

/// Longest `id` and `source` that are believed, in bytes: a ULID, a name, and room for what other versions may write.
const LONGEST: usize = 128;

/// What the field adds to a payload at the most, in bytes: both, the rest, and their names.
pub(crate) const ROOM: u64 = 512;

/// What the host says of a message.
#[derive(Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) id: String,
    pub(crate) source: Option<Arc<str>>,
    #[serde(deserialize_with = "saturated")]
    pub(crate) hops: u32,
    pub(crate) at: Timestamp,
}

/// More hops than can be counted are as many as can: dropped as nonsense, they would begin at none.
fn saturated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Ok(u32::try_from(u64::deserialize(deserializer)?).unwrap_or(u32::MAX))
}

/// A field of an object: where its quoted name is, and where its value ends.
struct Field {
    name: Range<usize>,
    end: usize,
}

/// The payload without the host's field; none: it has none.
pub(crate) fn bare(payload: &str) -> Result<Option<String>, serde_json::Error> {
    serde_json::from_str::<IgnoredAny>(payload)?;
    let fields = fields(payload);
    Ok(fields.iter().any(|field| field.is_own(payload)).then(|| without(payload, &fields)))
}

/// What is published for `message`, whose payload is bare. None: there is no room for a stamp, the payload goes as it is.
pub(crate) fn seal(message: &Message) -> Option<String> {
    let payload = &*message.payload;
    let open = object(payload)?;
    let stamp = serde_json::to_string(&Stamp::of(message)).ok()?;
    let (at, comma) = fields(payload).last().map_or((open + 1, ""), |field| (field.end, ","));
    let (before, after) = payload.split_at(at);
    Some(format!("{before}{comma}\"{FIELD}\":{stamp}{after}"))
}

/// The message that was published as `payload`. One without the host's field has the stamp that is `known` of it; without
/// that, it comes from outside.
pub(crate) fn open(
    channel: Channel,
    payload: &str,
    source: &dyn Source,
    known: impl FnOnce() -> Option<Stamp>,
) -> Result<Message, serde_json::Error> {
    serde_json::from_str::<IgnoredAny>(payload)?;
    let fields = fields(payload);
    let own = fields.iter().rfind(|field| field.is_own(payload));
    let stamp = own.map_or_else(known, |field| field.stamp(payload));
    let bare: Arc<str> = if own.is_some() { without(payload, &fields).into() } else { payload.into() };
    Ok(match stamp {
        Some(Stamp { id, source, hops, at }) => Message { id, channel, payload: bare, source, hops, published_at: at },
        None => Message {
            id: RunId::new(source).to_string(),
            channel,
            payload: bare,
            source: None,
            hops: 0,
            published_at: source.now(),
        },
    })
}

impl Stamp {
    pub(crate) fn of(message: &Message) -> Self {
        Self { id: message.id.clone(), source: message.source.clone(), hops: message.hops, at: message.published_at }
    }
}

impl Field {
    fn is_own(&self, payload: &str) -> bool {
        let name = payload.get(self.name.clone()).unwrap_or_default();
        // Escapes may spell the name in other ways.
        name.trim_matches('"') == FIELD
            || name.contains('\\') && serde_json::from_str::<String>(name).is_ok_and(|name| name == FIELD)
    }

    fn stamp(&self, payload: &str) -> Option<Stamp> {
        let value = payload.get(self.name.end..self.end)?.trim_start().strip_prefix(':')?;
        let stamp: Stamp = serde_json::from_str(value).ok()?;
        let short = |text: &str| text.len() <= LONGEST;
        (short(&stamp.id) && stamp.source.as_deref().is_none_or(short)).then_some(stamp)
    }
}

/// Where the object begins; none: the payload is no object.
fn object(payload: &str) -> Option<usize> {
    payload.find(|char: char| !char.is_ascii_whitespace()).filter(|at| payload.as_bytes().get(*at) == Some(&b'{'))
}

/// The object without the host's field.
fn without(payload: &str, fields: &[Field]) -> String {
    let (Some(first), Some(last)) = (fields.first(), fields.last()) else { return payload.to_owned() };
    let mut text = payload.get(..first.name.start).unwrap_or_default().to_owned();
    let mut before: Option<&Field> = None;
    let mut is_first = true;
    for field in fields {
        if !field.is_own(payload) {
            let start = before.filter(|_| !is_first).map_or(field.name.start, |before| before.end);
            text.push_str(payload.get(start..field.end).unwrap_or_default());
            is_first = false;
        }
        before = Some(field);
    }
    text.push_str(payload.get(last.end..).unwrap_or_default());
    text
}

/// The outermost fields of an object in valid JSON; none of anything else.
fn fields(payload: &str) -> Vec<Field> {
    let mut fields = Vec::new();
    if object(payload).is_none() {
        return fields;
    }
    let bytes = payload.as_bytes();
    let (mut at, mut depth, mut end) = (0, 0_usize, 0);
    let mut name: Option<Range<usize>> = None;
    while let Some(byte) = bytes.get(at) {
        let next = if *byte == b'"' { string_end(bytes, at) } else { at + 1 };
        match byte {
            b'"' if depth == 1 && name.is_none() => name = Some(at..next),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let closes = (*byte == b',' && depth == 1) || depth == 0 && *byte == b'}';
        if closes {
            fields.extend(name.take().map(|name| Field { name, end }));
        }
        if !byte.is_ascii_whitespace() {
            end = next;
        }
        at = next;
    }
    fields
}

/// Where the string that begins at `start` is over.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            Some(b'\\') => at += 2,
            Some(b'"') | None => return at + 1,
            Some(_) => at += 1,
        }
    }
}

#[cfg(test)]
mod tests;
