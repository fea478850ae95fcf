//! What a file may hold, and whether a person is to be asked.
//!
//! Contract: wants ∩ (given automatically ∪ by the operator ∪ by a person), as the contract's 'What a skill holds' says. Nothing is
//! held that was not asked for, and nothing serves while a want is neither covered nor decided on. Price: two
//! indexed lookups per absorbed file; a run looks at none of this.

mod approval;
mod approvals;
mod petition;

use skillhost_store::StoreError;
use skillhost_types::{Capability, Grant, Grants, SkillName};

use crate::config::{CarryOver, Config};
use crate::generation::{Generation, Kind};

pub use approval::{Approval, ApprovalState, DecideError, Decision};
pub(crate) use approvals::{Approvals, MIGRATION};
pub(crate) use petition::{ASK, rejected};

/// What is to become of a file.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It may serve.
    Serves(Held),
    /// A person is to decide; these wants are new.
    Waits(Vec<Grant>),
    /// A person said no, in this approval.
    Rejected(Box<Approval>),
}

/// What a file holds, and on whose word.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) grants: Grants,
    pub(crate) by: By,
}

/// On whose word a file serves.
#[derive(Debug)]
pub(crate) enum By {
    /// The configuration's, which includes that it asks for nothing.
    Configuration,
    /// A person's.
    Person(Box<Approval>),
    /// A person's, who approved its forerunner.
    Forerunner(Box<Approval>),
    /// That of whoever started this process: what the file holds ends with it.
    Process,
}

/// What is given for this process only.
#[derive(Debug, Clone, Default)]
pub struct Passing {
    /// The skill it is given to; none: whatever is absorbed from outside the drop folder.
    pub to: Option<String>,
    /// What.
    pub grants: Vec<Grant>,
}

impl Passing {
    /// `skill` of the drop folder, and what it is given.
    pub(crate) fn of(&self, skill: &SkillName) -> Origin<'_> {
        Origin::Folder(if self.to.as_deref() == Some(skill.as_str()) { &self.grants } else { &[] })
    }

    /// A file from elsewhere, and what it is given.
    pub(crate) fn elsewhere(&self) -> Origin<'_> {
        Origin::Elsewhere(if self.to.is_none() { &self.grants } else { &[] })
    }
}

/// Where a file comes from, and what it is given for this process only.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin<'a> {
    /// From the drop folder, where a name stands for one file.
    Folder(&'a [Grant]),
    /// From anywhere: whoever made it chose its name, so no forerunner of that name speaks for it.
    Elsewhere(&'a [Grant]),
}

impl<'a> Origin<'a> {
    fn passing(self) -> &'a [Grant] {
        match self {
            Self::Folder(passing) | Self::Elsewhere(passing) => passing,
        }
    }
}

/// What the skill asks for. A plain component cannot ask for directories and secrets, but it can be given them where it imports what they are of use for.
fn asked(generation: &Generation) -> (Vec<Grant>, Grants) {
    let wants: Vec<_> = generation.wants.iter().filter_map(|want| Grant::try_from(want).ok()).collect();
    let silent = [Capability::FsRead, Capability::FsWrite, Capability::SecretsUse];
    let usable = |capability: &Capability| generation.imports_for(*capability);
    let more = silent.into_iter().filter(|_| generation.kind == Kind::Plain).filter(usable).map(Grant::full);
    let all = wants.iter().cloned().chain(more).collect();
    (wants, all)
}

/// Judges `generation`.
pub(crate) fn judge(
    generation: &Generation,
    config: &Config,
    approvals: &Approvals,
    origin: Origin<'_>,
) -> Result<Verdict, StoreError> {
    let name = &generation.name;
    let (wants, askable) = asked(generation);
    let operator = config.grants.get(name);
    let rules = config.approval.auto.iter().chain(operator.into_iter().flatten());
    let mut given: Vec<Grant> = rules.flat_map(|rule| rule.of(name)).collect();
    let held = |given: Vec<Grant>, by| {
        let grants = Grants::effective(&askable, &given.into_iter().collect());
        Ok(Verdict::Serves(Held { grants, by }))
    };
    let covered = |given: &[Grant], want: &Grant| given.iter().any(|grant| grant.covers(want));

    if !origin.passing().is_empty() {
        given.extend_from_slice(origin.passing());
        return held(given, By::Process);
    }
    let decided = approvals.decided(name.as_str(), &generation.digest, &generation.wants)?;
    if let Some(approval) = &decided
        && approval.state != ApprovalState::Rejected
    {
        given.extend_from_slice(&approval.granted);
    }
    if operator.is_some() || wants.iter().all(|want| covered(&given, want)) {
        let by = match decided.filter(|approval| approval.state != ApprovalState::Rejected) {
            Some(approval) => By::Person(Box::new(approval)),
            None => By::Configuration,
        };
        return held(given, by);
    }
    match decided {
        Some(approval) if approval.state == ApprovalState::Rejected => {
            return Ok(Verdict::Rejected(Box::new(approval)));
        }
        // Perhaps less than it asked for, which is a decision too.
        Some(approval) => return held(given, By::Person(Box::new(approval))),
        None => {}
    }
    let forerunner = match origin {
        Origin::Folder(_) => approvals.forerunner(name.as_str())?,
        Origin::Elsewhere(_) => None,
    };
    let known: Vec<Grant> = match &forerunner {
        Some(forerunner) => forerunner.wants.iter().filter_map(|want| Grant::try_from(want).ok()).collect(),
        None => Vec::new(),
    };
    let new: Vec<Grant> = wants.into_iter().filter(|want| !covered(&given, want) && !covered(&known, want)).collect();
    match forerunner {
        Some(forerunner) if new.is_empty() && config.approval.carry_over == CarryOver::Narrower => {
            given.extend_from_slice(&forerunner.granted);
            held(given, By::Forerunner(Box::new(forerunner)))
        }
        _ => Ok(Verdict::Waits(new)),
    }
}
