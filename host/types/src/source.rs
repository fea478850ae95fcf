use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::Rng as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Where time and randomness come from. Tests put their own in its place.
pub trait Source: Send + Sync + 'static {
    /// The wall clock.
    fn now(&self) -> Timestamp;
    /// A clock that never jumps, since some fixed moment.
    fn monotonic(&self) -> Duration;
    /// Fills `bytes` with cryptographically secure randomness.
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's own clocks and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Source for System {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn monotonic(&self) -> Duration {
        START.elapsed()
    }

    fn fill(&self, bytes: &mut [u8]) {
        // A ChaCha generator per thread that the system seeds: no system call per identifier.
        rand::rng().fill_bytes(bytes);
    }
}

/// Milliseconds since the Unix epoch; written as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000);
        // Only a year past 9999 has no RFC 3339 form.
        let Ok(at) = at else { return f.write_str("9999-12-31T23:59:59.999Z") };
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second, milli) = at.to_hms_milli();
        // Always with three digits, so that times stand below each other and sort as text.
        write!(f, "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z", u8::from(month))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let at = OffsetDateTime::parse(&text, &Rfc3339).map_err(serde::de::Error::custom)?;
        Ok(Self(u64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn a_timestamp_is_written_in_utc_and_read_back() {
        let at = Timestamp(1_768_473_000_250);
        assert_eq!(at.to_string(), "2026-01-15T10:30:00.250Z");
        let text = serde_json::to_string(&at).unwrap();
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), at);
    }
}
