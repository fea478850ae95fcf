//! Files before a person: proposed, decided on, applied.
//!
//! Contract: what waits changes nothing for callers of what serves. A decision counts for the bytes that it was made on: whoever
//! decides has the folder looked at first, and what is put to serve was hashed again. Price: a small transaction per step.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use skillhost_store::StoreError;
use skillhost_types::Grant;

use crate::authority::approval::Proposal;
use crate::authority::{self, Approval, By, DecideError, Decision, Origin, Verdict};
use crate::generation::Generation;
use crate::host::{Inner, Notice};
use crate::registry::{Entry, FileState};

/// Between two questions whether somebody has decided, in this process or in another. A question costs microseconds.
pub(crate) const ASK: Duration = Duration::from_millis(100);

impl Inner {
    pub(crate) fn judge(&self, generation: &Generation, origin: Origin<'_>) -> Result<Verdict, StoreError> {
        authority::judge(generation, &self.config(), &self.approvals, origin)
    }

    /// Puts `generation` before a person.
    pub(crate) async fn wait(self: &Arc<Self>, generation: Arc<Generation>, new: &[Grant]) {
        let file = generation.file.clone();
        self.restore(&file).await;
        let proposed = self.approvals.propose(&self.proposal(&generation, new));
        let (approval, before) = match proposed {
            Ok(proposed) => proposed,
            Err(error) => {
                let reason = format!("waits for approval, which cannot be written down: {error}");
                self.change(|registry| registry.list(Entry::not(FileState::Pending, &generation, reason)));
                return;
            }
        };
        let list: Vec<_> = new.iter().map(|grant| format!("`{grant}`")).collect();
        let asks = match list.as_slice() {
            [] => "it asks for no more than its forerunner, and `approval.carry_over` is `never`".to_owned(),
            list => format!("it asks for {}", list.join(", ")),
        };
        let reason = format!(
            "waits for approval: {asks}; decide on the dashboard, or with `skillhost approve {0}` or `reject {0}`",
            approval.id
        );
        self.change(|registry| registry.list(Entry::not(FileState::Pending, &generation, reason.clone())));
        self.agents.follow(self);
        let skill = generation.name.to_string();
        if let Some(before) = before {
            let more = json!({"new": approval.new, "serving": approval.serving, "supersedes": before});
            self.event("approval.proposed", about(&approval, more)).await;
        }
        self.notify(&Notice::Waits { skill, file, reason });
    }

    /// Lists `generation` as rejected.
    pub(crate) async fn set_aside(self: &Arc<Self>, generation: Arc<Generation>, approval: &Approval) {
        self.restore(&generation.file).await;
        self.withdraw(&generation.file, "the file is one that was rejected before");
        let reason = rejected(approval);
        let entry = Entry::not(FileState::Rejected, &generation, reason.clone());
        self.change(|registry| registry.list(entry));
        self.agents.follow(self);
        self.notify(&Notice::Rejected { skill: generation.name.to_string(), file: generation.file.clone(), reason });
    }

    /// Nobody needs to decide about `file` any more.
    pub(crate) fn withdraw(&self, file: &str, reason: &str) {
        if let Err(error) = self.approvals.withdraw(file, reason) {
            tracing::warn!(file, %error, "a proposal that is out of date is still listed");
        }
    }

    /// Writes down what became of what a person approved.
    pub(crate) async fn settle(&self, generation: &Generation, by: &By, failed: Option<&str>) {
        if matches!(by, By::Process) {
            return;
        }
        self.withdraw(&generation.file, "it needs no approval any more");
        let carried;
        let approval = match by {
            By::Configuration | By::Process => return,
            By::Person(approval) => approval,
            By::Forerunner(forerunner) => {
                match self.approvals.carry_over(&self.proposal(generation, &[]), &forerunner.granted) {
                    Ok(approval) => carried = approval,
                    Err(error) => {
                        tracing::warn!(skill = %generation.name, %error, "a carried over approval is not on record");
                        return;
                    }
                }
                &carried
            }
        };
        match self.approvals.settle(&approval.id, failed) {
            Ok(true) => {
                let kind = if failed.is_some() { "approval.failed" } else { "approval.applied" };
                let more = json!({"granted": approval.granted, "by": approval.decided_by, "reason": failed});
                self.event(kind, about(approval, more)).await;
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(id = approval.id, %error, "an approval's end is not on record"),
        }
    }

    pub(crate) async fn approve(
        self: Arc<Self>,
        id: &str,
        only: Option<Vec<Grant>>,
        by: &str,
    ) -> Result<Approval, DecideError> {
        // What lies in the folder now: a file that was changed is no longer what this is about.
        self.look().await;
        let granted = match only {
            Some(only) => only,
            None => self.approvals.asked(id)?,
        };
        let approval = self.approvals.decide(id, &Decision::Approve(granted), by)?;
        let more = json!({"granted": approval.granted, "by": by});
        self.event("approval.approved", about(&approval, more)).await;
        self.look_again_at(&approval.file);
        self.look().await;
        Ok(approval)
    }

    pub(crate) async fn reject(self: Arc<Self>, id: &str, by: &str) -> Result<Approval, DecideError> {
        let approval = self.approvals.decide(id, &Decision::Reject, by)?;
        self.event("approval.rejected", about(&approval, json!({"by": by}))).await;
        self.look_again_at(&approval.file);
        self.look().await;
        Ok(approval)
    }

    async fn look(self: &Arc<Self>) {
        if let Err(error) = self.absorb_folder().await {
            tracing::warn!(%error, "the skills folder cannot be looked at");
        }
    }

    /// Has what waits and is proposed no more taken in anew: somebody has decided. Says whether there is such a file.
    pub(crate) fn look_again_at_decided(&self) -> bool {
        let open = match self.approvals.list(false) {
            Ok(open) => open,
            Err(error) => {
                tracing::warn!(%error, "cannot see whether somebody decided");
                return false;
            }
        };
        let registry = self.registry.load();
        let waits = |entry: &&Entry| entry.state == FileState::Pending;
        let open = |entry: &Entry| open.iter().any(|open| open.file == entry.file && Some(open.digest) == entry.digest);
        let mut decided = false;
        for entry in registry.entries().filter(waits).filter(|entry| !open(entry)) {
            self.look_again_at(&entry.file);
            decided = true;
        }
        decided
    }

    fn proposal<'a>(&self, generation: &'a Generation, new: &[Grant]) -> Proposal<'a> {
        let serving = self.registry.load().skill(generation.name.as_str()).map(|serving| serving.digest);
        Proposal {
            file: &generation.file,
            skill: generation.name.as_str(),
            version: &generation.version,
            digest: generation.digest,
            size: generation.size,
            wants: &generation.wants,
            imports: &generation.imports,
            new: new.iter().map(Grant::to_string).collect(),
            serving: serving.filter(|serving| *serving != generation.digest),
        }
    }
}

/// Why a rejected file does not serve.
pub(crate) fn rejected(approval: &Approval) -> String {
    let by = approval.decided_by.as_deref().unwrap_or("somebody");
    format!("was rejected by {by} (approval {}); drop a file that asks for less, or grant it in `grants:`", approval.id)
}

/// The data of an event about an approval.
fn about(approval: &Approval, more: Value) -> Value {
    let mut data = json!({
        "id": approval.id,
        "skill": approval.skill,
        "version": approval.version,
        "digest": approval.digest,
        "file": approval.file,
    });
    if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
        data.extend(more);
    }
    data
}
