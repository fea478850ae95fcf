//! Outcomes that are given again to whoever repeats a call with the same `Idempotency-Key`.
//!
//! Contract: a key is claimed on disk before its run begins, and the outcome is on disk before it is given, so no key runs twice
//! within [`KEPT`], whatever dies in between: what is left then is a claim without an outcome, and the event log may have the run.
//! A key is one tenant's, one token's, one tool's; no token takes more than its share of what its tenant may have. What came to nothing that ran is given back and may be tried again. The disk
//! bears what the process leaves; a power cut may take the last moments, as it may of the event log. Price: two commits
//! per call with a key, shared by all that wait at the same time; nothing without a key.

mod commit;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use sha2::{Digest as _, Sha256};
use skillhost_store::{Database, Durability, QueueLimits, StoreError, WriteError, Writer};
use skillhost_types::{RunId, Tenant, Timestamp};

use self::commit::{Change, Commits, Done, MIGRATIONS, New};

/// The file in the data directory.
const FILE: &str = "answers.db";

/// How long a key is good for.
const KEPT: Duration = Duration::from_secs(86_400);

/// How many keys may be held at once, and how many bytes of outcomes.
#[derive(Debug, Clone, Copy)]
struct Room {
    keys: i64,
    bytes: i64,
}

/// What one tenant may hold: more than a key a second, all day long; a few hundred of the longest outcomes, and room for all
/// keys with usual ones.
const OF_TENANT: Room = Room { keys: 100_000, bytes: 256 << 20 };

/// What one of its tokens may hold: a quarter, so that one program alone keeps no other from repeating its calls.
const OF_TOKEN: Room = Room { keys: OF_TENANT.keys / 4, bytes: OF_TENANT.bytes / 4 };

/// A hash of what a call with a key is.
type Hash = [u8; 32];

/// The outcomes of one data directory.
pub(crate) struct Answers {
    writer: Writer<Commits>,
    /// Runs of this process that have a key and no outcome yet.
    running: Arc<Mutex<HashSet<RunId>>>,
}

/// An outcome as it was given.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// A call with a key.
pub(super) struct Call {
    tenant: Tenant,
    token: i64,
    /// Of whose it is, and the key.
    id: Hash,
    /// Of what it is given.
    input: Hash,
}

/// Whose turn a call is.
#[derive(Debug)]
pub(super) enum Claim {
    /// The first one's.
    First(Running),
    /// Nobody's: this is what came of the first.
    Answered(Answer),
    /// The first one's, which runs yet.
    Runs(RunId),
    /// Nobody knows: the process that had the first one died, or could not write what came of it.
    Lost(RunId),
    /// Nobody's: the first one was given something else.
    OtherInput(RunId),
    /// Nobody's: the token or its tenant holds too many.
    Full,
}

/// A run under way. It counts as one until this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    run: RunId,
    all: Arc<Mutex<HashSet<RunId>>>,
}

impl Call {
    /// A call by the token that is [known as](skillhost_access::Identity::key) `token`, with `key`. Hashed, so that neither keys
    /// nor inputs lie in yet another file.
    pub(super) fn new(tenant: Tenant, token: i64, skill: &str, tool: &str, key: &str, input: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(token.to_le_bytes());
        for part in [tenant.as_str(), skill, tool, key] {
            // With its length, so that no two lists of parts read alike.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self { tenant, token, id: hash.finalize().into(), input: Sha256::digest(input).into() }
    }
}

impl Answers {
    /// Opens the outcomes in `data_dir`. Blocks.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let database = Database::open(&data_dir.join(FILE), MIGRATIONS, Durability::Normal)?;
        let writer = database.writer(Commits, QueueLimits::default())?;
        Ok(Self { writer, running: Arc::default() })
    }

    /// Claims the key of `call` for `run`, if nobody did within [`KEPT`].
    pub(super) async fn claim(&self, call: &Call, run: RunId, now: Timestamp) -> Result<Claim, WriteError> {
        // Ahead of the claim: whoever finds that knows that it runs.
        let running = Running::new(run, self.running.clone());
        let Call { tenant, token, id, input } = call;
        let new = New { id: *id, tenant: tenant.clone(), token: *token, input: *input, run, now };
        let done = self.writer.durable(Change::Claim(new)).await?;
        Ok(match done {
            Done::Written => Claim::First(running),
            Done::Full => Claim::Full,
            Done::Taken(taken) if taken.input != *input => Claim::OtherInput(taken.run),
            Done::Taken(taken) => match taken.answer {
                Some(answer) => Claim::Answered(answer),
                None if self.lock().contains(&taken.run) => Claim::Runs(taken.run),
                None => Claim::Lost(taken.run),
            },
        })
    }

    /// Keeps what came of the first call.
    pub(super) async fn keep(&self, call: &Call, answer: Answer) -> Result<(), WriteError> {
        self.writer.durable(Change::Keep { id: call.id, answer }).await.map(drop)
    }

    /// Lets the key be used again.
    pub(super) async fn release(&self, call: &Call) -> Result<(), WriteError> {
        self.writer.durable(Change::Release { id: call.id }).await.map(drop)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<RunId>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn new(run: RunId, all: Arc<Mutex<HashSet<RunId>>>) -> Self {
        all.lock().unwrap_or_else(PoisonError::into_inner).insert(run);
        Self { run, all }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.run);
    }
}
