//! What a scan passed over, by reason.
//!
//! Promises a count for each reason and the first [`EXAMPLES`] paths, however many there are.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// Paths that are named for each reason; the rest is counted.
const EXAMPLES: usize = 3;

/// Why something was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A symbolic link.
    SymbolicLink,
    /// Neither a file nor a folder.
    SpecialFile,
    /// A folder that lies too deep.
    TooDeep,
    /// It could not be opened, listed or read.
    Unreadable,
    /// Too long for its lines to be counted; its size counts.
    TooLong,
    /// There were more files than are looked at.
    TooMany,
    /// The run's budget was nearly spent; what follows is unknown.
    BudgetSpent,
}

impl Reason {
    /// In words.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::SymbolicLink => "symbolic links",
            Self::SpecialFile => "neither files nor folders",
            Self::TooDeep => "folders that lie too deep",
            Self::Unreadable => "unreadable",
            Self::TooLong => "too long for their lines to be counted",
            Self::TooMany => "too many files, from here on",
            Self::BudgetSpent => "the run's budget is spent, from here on",
        }
    }
}

/// What was passed over for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Skipped {
    /// Why.
    pub reason: Reason,
    /// How many. For `too-many` and `budget-spent` it counts where the scan ended, not what lies behind.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<String>,
}

/// What is passed over, by reason.
#[derive(Debug, Default)]
pub(crate) struct Passed(BTreeMap<Reason, Skipped>);

impl Passed {
    pub(crate) fn add(&mut self, reason: Reason, name: &str) {
        let skipped = self.0.entry(reason).or_insert_with(|| Skipped { reason, count: 0, examples: vec![] });
        skipped.count += 1;
        if skipped.examples.len() < EXAMPLES {
            skipped.examples.push(name.to_owned());
        }
    }

    pub(crate) fn list(self) -> Vec<Skipped> {
        self.0.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_some_of_what_was_passed_over_is_named() {
        let mut passed = Passed::default();
        (0..10).for_each(|number| passed.add(Reason::TooLong, &number.to_string()));
        let expected =
            Skipped { reason: Reason::TooLong, count: 10, examples: ["0", "1", "2"].map(String::from).into() };
        assert_eq!(passed.list(), [expected]);
    }
}
