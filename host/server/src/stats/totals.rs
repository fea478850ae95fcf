//! What was counted since the start, by skill: what `/metrics` gives out.
//!
//! Contract: counts only rise. [`SKILLS`] skills are told apart, the first ones to run; all others are one. Price: a look-up
//! and some additions per run, and some hundred bytes per skill.

use std::collections::BTreeMap;

use skillhost_types::ErrorKind;

use super::Ended;

/// Skills that are told apart: a time series store pays for each, times outcomes and buckets.
const SKILLS: usize = 200;

/// What the others are called. No skill can be: a skill's name has no underscore.
pub(crate) const OTHER: &str = "_other";

/// Upper bounds of the buckets of run times, in microseconds: from a tool that only computes to one that waits for a model.
pub(crate) const BUCKETS: [u64; 14] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000, 5_000_000, 30_000_000, 120_000_000];

/// All skills' counts, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Totals(BTreeMap<Box<str>, SkillTotals>);

/// One skill's counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SkillTotals {
    /// Runs that gave their output.
    pub(crate) completed: u64,
    /// The others, by what kept them from it.
    pub(crate) failed: BTreeMap<&'static str, u64>,
    /// Runs by how long they took: in the first of [`BUCKETS`] that is not below it, or in none.
    pub(crate) took: [u64; BUCKETS.len()],
    /// How long all took together, in microseconds.
    pub(crate) wall_us: u64,
    /// wasmtime fuel.
    pub(crate) fuel: u64,
    /// Calls to host interfaces.
    pub(crate) host_calls: u64,
    /// Tokens given to language models.
    pub(crate) input_tokens: u64,
    /// Tokens that language models gave.
    pub(crate) output_tokens: u64,
}

impl Totals {
    pub(super) fn add(&mut self, ended: &Ended<'_>) {
        let known = self.0.contains_key(ended.skill) || self.0.len() < SKILLS;
        let skill = if known { ended.skill } else { OTHER };
        match self.0.get_mut(skill) {
            Some(totals) => totals.add(ended),
            None => self.0.entry(skill.into()).or_default().add(ended),
        }
    }

    /// Each skill's, by name.
    pub(crate) fn skills(&self) -> impl Iterator<Item = (&str, &SkillTotals)> {
        self.0.iter().map(|(skill, totals)| (&**skill, totals))
    }

    /// Those of all skills together.
    pub(crate) fn sum(&self) -> SkillTotals {
        let mut sum = SkillTotals::default();
        self.0.values().for_each(|totals| sum.merge(totals));
        sum
    }
}

impl SkillTotals {
    /// All runs.
    pub(crate) fn runs(&self) -> u64 {
        self.completed + self.failed.values().sum::<u64>()
    }

    fn add(&mut self, ended: &Ended<'_>) {
        match ended.error.map(ErrorKind::as_str) {
            None => self.completed += 1,
            Some(kind) => *self.failed.entry(kind).or_default() += 1,
        }
        if let Some(bucket) = BUCKETS.iter().zip(&mut self.took).find(|(bound, _)| ended.wall_us <= **bound) {
            *bucket.1 += 1;
        }
        self.wall_us = self.wall_us.saturating_add(ended.wall_us);
        self.fuel = self.fuel.saturating_add(ended.fuel);
        self.host_calls = self.host_calls.saturating_add(ended.host_calls);
        self.input_tokens = self.input_tokens.saturating_add(ended.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(ended.output_tokens);
    }

    fn merge(&mut self, other: &Self) {
        self.completed += other.completed;
        for (kind, count) in &other.failed {
            *self.failed.entry(kind).or_default() += count;
        }
        for (own, count) in self.took.iter_mut().zip(other.took) {
            *own += count;
        }
        self.wall_us = self.wall_us.saturating_add(other.wall_us);
        self.fuel = self.fuel.saturating_add(other.fuel);
        self.host_calls = self.host_calls.saturating_add(other.host_calls);
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
    }
}

#[cfg(test)]
impl Totals {
    /// Counts a run of each of `skills`; every other one failed.
    pub(crate) fn of(skills: impl Iterator<Item = String>) -> Self {
        let mut totals = Self::default();
        for (number, skill) in skills.enumerate() {
            totals.add(&Ended {
                at: skillhost_types::Timestamp(0),
                skill: &skill,
                tenant: None,
                error: (number % 2 == 1).then_some(ErrorKind::ToolError),
                wall_us: 1 << (number % 40),
                fuel: 1,
                host_calls: 1,
                input_tokens: 1,
                output_tokens: 1,
            });
        }
        totals
    }
}
