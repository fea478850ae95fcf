//! What is proposed, approved and rejected.

use std::fmt;
use std::str::FromStr;

use skillhost_store::StoreError;
use skillhost_types::{Digest, Grant, Timestamp, Want};

/// Where an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalState {
    /// It waits for a person.
    Proposed,
    /// A person said yes; it does not serve yet.
    Approved,
    /// A person said no.
    Rejected,
    /// Nobody said anything for a month.
    Expired,
    /// The file was changed or is gone.
    Superseded,
    /// It was approved and has come to serve.
    Applied,
    /// It was approved and could not be put to serve.
    Failed,
}

impl ApprovalState {
    const ALL: [Self; 7] =
        [Self::Proposed, Self::Approved, Self::Rejected, Self::Expired, Self::Superseded, Self::Applied, Self::Failed];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Applied => "applied",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for ApprovalState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(())
    }
}

impl fmt::Display for ApprovalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A file that asks for more than is granted, and what a person said to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// What it is called on the command line.
    pub id: String,
    /// The entry of the drop folder.
    pub file: String,
    /// The skill.
    pub skill: String,
    /// Its version.
    pub version: String,
    /// The digest of the bytes that it is about.
    pub digest: Digest,
    /// Their size.
    pub size: u64,
    /// What they ask for.
    pub wants: Vec<Want>,
    /// What they import.
    pub imports: Vec<String>,
    /// What of the wants nobody has decided on.
    pub new: Vec<String>,
    /// What served when it was proposed.
    pub serving: Option<Digest>,
    /// Where it stands.
    pub state: ApprovalState,
    /// What was granted.
    pub granted: Vec<Grant>,
    /// When it was proposed.
    pub proposed_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// By whom.
    pub decided_by: Option<String>,
    /// Why it came to nothing.
    pub reason: Option<String>,
}

/// What is proposed.
pub(crate) struct Proposal<'a> {
    pub(crate) file: &'a str,
    pub(crate) skill: &'a str,
    pub(crate) version: &'a str,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) wants: &'a [Want],
    pub(crate) imports: &'a [String],
    pub(crate) new: Vec<String>,
    pub(crate) serving: Option<Digest>,
}

/// What a person says.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Yes, and to what.
    Approve(Vec<Grant>),
    /// No.
    Reject,
}

/// Why a decision was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// Nothing of that name.
    #[error("there is no approval `{}`; the dashboard and `skillhost approvals --all` list them", .0.escape_default())]
    NotFound(String),
    /// It waits no more.
    #[error("`{}` was not decided: {}", .0.id, why_not(.0))]
    Late(Box<Approval>),
    /// What is to be granted was not asked for.
    #[error("`{grant}` lies in nothing that {skill} asks for; it asks for {asked}")]
    NotAsked {
        /// What.
        grant: String,
        /// Of which skill.
        skill: String,
        /// What it asks for.
        asked: String,
    },
    /// The data directory failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn why_not(approval: &Approval) -> String {
    let Approval { state, decided_by, reason, .. } = approval;
    let by = decided_by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
    let why = reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    format!("it is {state}{by}{why}; the dashboard and `skillhost approvals` show what waits now")
}
