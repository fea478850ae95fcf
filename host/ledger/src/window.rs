use std::fmt;

use rusqlite::types::{ToSql, ToSqlOutput};
use serde::Serialize;
use skillhost_types::{RunId, Source, Timestamp};
use time::{Duration, OffsetDateTime};

/// The days of the longest month.
const LONGEST_MONTH: Duration = Duration::days(31);

/// How long a budget's limit is for. Days and months are those of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// One run and all that it calls.
    Run,
    /// From midnight to midnight.
    Day,
    /// From the first to the last.
    Month,
}

impl Window {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The name of the one that `at` lies in: `2026-11-21`, `2026-11`, or the run's own.
    pub(crate) fn period(self, at: Timestamp, run: Option<RunId>) -> Option<String> {
        let beginning = |length| at.to_string().get(..length).map(str::to_owned);
        match self {
            Self::Run => run.map(|run| run.to_string()),
            Self::Day => beginning("2026-11-21".len()),
            Self::Month => beginning("2026-11".len()),
        }
    }

    /// When the one that `at` lies in is over. A run's end is not known.
    pub(crate) fn end(self, at: Timestamp) -> Option<Timestamp> {
        let now = OffsetDateTime::from_unix_timestamp(i64::try_from(at.0 / 1_000).ok()?).ok()?;
        let next = match self {
            Self::Run => return None,
            Self::Day => now.date().next_day()?,
            Self::Month => now.date().replace_day(1).ok()?.checked_add(LONGEST_MONTH)?.replace_day(1).ok()?,
        };
        let seconds = u64::try_from(next.midnight().assume_utc().unix_timestamp()).ok()?;
        Some(Timestamp(seconds * 1_000))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ToSql for Window {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

/// The name that no run of the day of `at` sorts before, and all of the days before do.
pub(crate) fn first_run_of_the_day(at: Timestamp) -> String {
    const DAY: u64 = 86_400_000;
    RunId::new(&Midnight(Timestamp(at.0 - at.0 % DAY))).to_string()
}

struct Midnight(Timestamp);

impl Source for Midnight {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn monotonic(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        serde_json::from_value(text.into()).unwrap()
    }

    #[test]
    fn days_and_months_begin_and_end_at_midnight_in_utc() {
        for (now, day, month, next_day, next_month) in [
            ("2026-11-21T23:59:59.999Z", "2026-11-21", "2026-11", "2026-11-22T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("2026-11-22T00:00:00Z", "2026-11-22", "2026-11", "2026-11-23T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("2028-02-29T12:00:00Z", "2028-02-29", "2028-02", "2028-03-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            ("2026-12-31T12:00:00Z", "2026-12-31", "2026-12", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2027-01-31T12:00:00Z", "2027-01-31", "2027-01", "2027-02-01T00:00:00Z", "2027-02-01T00:00:00Z"),
        ] {
            let now = at(now);
            assert_eq!(Window::Day.period(now, None).unwrap(), day);
            assert_eq!(Window::Month.period(now, None).unwrap(), month);
            assert_eq!(Window::Day.end(now), Some(at(next_day)));
            assert_eq!(Window::Month.end(now), Some(at(next_month)));
        }
    }

    #[test]
    fn runs_of_a_day_sort_after_its_first() {
        let noon = at("2026-11-21T12:00:00Z");
        let first = first_run_of_the_day(noon);
        assert!(RunId::new(&Midnight(noon)).to_string() > first);
        assert!(RunId::new(&Midnight(at("2026-11-20T23:59:59.999Z"))).to_string() < first);
    }
}
