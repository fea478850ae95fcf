//! The last hour, minute by minute.
//!
//! Contract: a series for all runs and one for each pair of skill and tenant that ran within the hour, [`PAIRS`] at the
//! most; the runs of further pairs are in the first alone. Price: two histogram entries per run; a minute of a pair in which
//! something ran takes about half a kilobyte for runs of milliseconds, two for runs of minutes.

use std::collections::{HashMap, VecDeque};

use hdrhistogram::Histogram;
use skillhost_types::{Tenant, Timestamp};

use super::Ended;

/// Minutes that are kept.
const MINUTES: u64 = 60;

const MINUTE_MS: u64 = 60_000;

/// Pairs of skill and tenant that have a series of their own: with every minute of each full of runs, tens of megabytes.
const PAIRS: usize = 256;

/// Digits of a run time that are kept: a chart shows no more.
const DIGITS: u8 = 1;

/// The longest run time that is told from longer ones, in microseconds: an hour.
const LONGEST_US: u64 = 3_600_000_000;

/// A minute's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Minute {
    /// When it began.
    pub(crate) at: Timestamp,
    /// Runs that ended in it.
    pub(crate) runs: u64,
    /// Those of them that failed.
    pub(crate) failed: u64,
    /// Half of the runs that reached the skill took no longer, in microseconds; 0 if nothing ran.
    pub(crate) p50_us: u64,
    /// All but a hundredth took no longer, in microseconds; 0 if nothing ran.
    pub(crate) p99_us: u64,
    /// wasmtime fuel.
    pub(crate) fuel: u64,
    /// Tokens to and from language models.
    pub(crate) tokens: u64,
}

/// The last hour's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LastHour {
    /// Every minute's, the oldest first.
    pub(crate) minutes: Vec<Minute>,
    /// All minutes' together; it began when the oldest did.
    pub(crate) whole: Minute,
}

#[derive(Default)]
pub(super) struct Recent {
    all: Series,
    /// By skill and tenant.
    pairs: HashMap<Box<str>, HashMap<Option<Tenant>, Series>>,
}

/// The minutes in which something ran, the oldest first.
#[derive(Default)]
struct Series(VecDeque<Cell>);

struct Cell {
    minute: u64,
    failed: u64,
    fuel: u64,
    tokens: u64,
    took_us: Option<Histogram<u32>>,
    runs: u64,
}

impl Recent {
    pub(super) fn add(&mut self, now: Timestamp, ended: &Ended<'_>) {
        self.all.add(now, ended);
        let tenant = ended.tenant.cloned();
        if let Some(series) = self.pairs.get_mut(ended.skill).and_then(|tenants| tenants.get_mut(&tenant)) {
            return series.add(now, ended);
        }
        if self.room(now) {
            self.pairs.entry(ended.skill.into()).or_default().entry(tenant).or_default().add(now, ended);
        }
    }

    /// Is there room for another pair? Those that did not run within the hour make some.
    fn room(&mut self, now: Timestamp) -> bool {
        let count = |pairs: &HashMap<_, HashMap<_, _>>| pairs.values().map(HashMap::len).sum::<usize>();
        if count(&self.pairs) < PAIRS {
            return true;
        }
        let first = first_minute(now);
        self.pairs.retain(|_, tenants| {
            tenants.retain(|_, series| series.0.back().is_some_and(|cell| cell.minute >= first));
            !tenants.is_empty()
        });
        count(&self.pairs) < PAIRS
    }

    pub(super) fn series(&self, now: Timestamp, skill: Option<&str>, tenant: Option<&Tenant>) -> LastHour {
        let mut hour = Hour::new(now);
        if skill.is_none() && tenant.is_none() {
            hour.add(&self.all);
            return hour.figures();
        }
        for (own, tenants) in &self.pairs {
            if skill.is_none_or(|skill| *skill == **own) {
                for (whose, series) in tenants {
                    if tenant.is_none_or(|tenant| whose.as_ref() == Some(tenant)) {
                        hour.add(series);
                    }
                }
            }
        }
        hour.figures()
    }
}

fn minute(at: Timestamp) -> u64 {
    at.0 / MINUTE_MS
}

/// The oldest minute that counts.
fn first_minute(now: Timestamp) -> u64 {
    minute(now).saturating_sub(MINUTES - 1)
}

impl Series {
    fn add(&mut self, now: Timestamp, ended: &Ended<'_>) {
        let (first, this) = (first_minute(now), minute(ended.at));
        // A clock that was put back leaves minutes that are yet to come.
        if this < first || this > minute(now) {
            return;
        }
        while self.0.front().is_some_and(|cell| cell.minute < first) {
            self.0.pop_front();
        }
        while self.0.back().is_some_and(|cell| cell.minute > minute(now)) {
            self.0.pop_back();
        }
        // Almost always the last one; other processes' runs may be a moment late.
        let place = self.0.iter().rposition(|cell| cell.minute <= this);
        if let Some(cell) = place.and_then(|place| self.0.get_mut(place)).filter(|cell| cell.minute == this) {
            return cell.add(ended);
        }
        let mut cell = Cell::new(this);
        cell.add(ended);
        self.0.insert(place.map_or(0, |place| place + 1), cell);
    }
}

impl Cell {
    fn new(minute: u64) -> Self {
        Self { minute, runs: 0, failed: 0, fuel: 0, tokens: 0, took_us: None }
    }

    fn add(&mut self, ended: &Ended<'_>) {
        self.runs += 1;
        self.failed += u64::from(ended.error.is_some());
        self.fuel = self.fuel.saturating_add(ended.fuel);
        self.tokens = self.tokens.saturating_add(ended.input_tokens).saturating_add(ended.output_tokens);
        // What was refused before it reached the skill took it no time, and would make it look quick.
        if ended.wall_us > 0
            && let Some(took_us) = self.histogram()
        {
            // It grows as far as it must.
            let _ = took_us.record(ended.wall_us.min(LONGEST_US));
        }
    }

    fn merge(&mut self, other: &Self) {
        self.runs += other.runs;
        self.failed += other.failed;
        self.fuel = self.fuel.saturating_add(other.fuel);
        self.tokens = self.tokens.saturating_add(other.tokens);
        if let (Some(took_us), Some(other)) = (self.histogram(), &other.took_us) {
            // It grows as far as it must.
            let _ = took_us.add(other);
        }
    }

    fn histogram(&mut self) -> Option<&mut Histogram<u32>> {
        if self.took_us.is_none() {
            self.took_us = Histogram::new(DIGITS).ok();
        }
        self.took_us.as_mut()
    }

    fn figures(&self) -> Minute {
        let at = |quantile| self.took_us.as_ref().map_or(0, |took_us| took_us.value_at_quantile(quantile));
        let Self { minute, runs, failed, fuel, tokens, .. } = *self;
        Minute { at: Timestamp(minute * MINUTE_MS), runs, failed, p50_us: at(0.5), p99_us: at(0.99), fuel, tokens }
    }
}

/// All minutes of an hour.
struct Hour(Vec<Cell>);

impl Hour {
    fn new(now: Timestamp) -> Self {
        let first = first_minute(now);
        Self((first..first + MINUTES).map(Cell::new).collect())
    }

    fn add(&mut self, series: &Series) {
        let first = self.0.first().map_or(0, |cell| cell.minute);
        for cell in &series.0 {
            let place = cell.minute.checked_sub(first).and_then(|place| usize::try_from(place).ok());
            if let Some(own) = place.and_then(|place| self.0.get_mut(place)) {
                own.merge(cell);
            }
        }
    }

    fn figures(self) -> LastHour {
        let mut whole = Cell::new(self.0.first().map_or(0, |cell| cell.minute));
        self.0.iter().for_each(|cell| whole.merge(cell));
        LastHour { minutes: self.0.iter().map(Cell::figures).collect(), whole: whole.figures() }
    }
}
