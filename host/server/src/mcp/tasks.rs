//! Calls that take longer, as tasks that a client asks after.
//!
//! Contract: a task is its owner's, and for everybody else there is none. Their number is bounded, all in all and for each
//! owner; a call that finds no place is answered when it ends, as if there were no tasks. A result is kept for an hour.
//! Price: the result in memory for as long.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::{DetailedTask, Task};
use rmcp::task_manager::{TaskContext, TaskFuture, TaskManager, TaskOptions};
use skillhost_access::Identity;

/// Tasks that are kept, with their results of a megabyte at most by default.
const MOST: usize = 256;

/// Of these, one owner's.
const MOST_OF_ONE: usize = 32;

/// How long a task is kept beyond the time that its run may take.
const KEPT: Duration = Duration::from_secs(3_600);

/// Between two questions of a client: more often gives it nothing.
const POLL: Duration = Duration::from_secs(1);

/// Whose a task is; none: of the person who started this process.
type Owner = Option<Identity>;

/// All tasks.
#[derive(Default)]
pub(super) struct Tasks {
    manager: TaskManager,
    owners: Mutex<HashMap<String, Owner>>,
}

impl Tasks {
    /// Makes a task of `work`, which takes `patience` at most, if there is place for one.
    pub(super) fn start<W>(&self, owner: &Owner, patience: Duration, work: W) -> Result<Task, W>
    where
        W: FnOnce(TaskContext) -> TaskFuture,
    {
        let mut owners = self.owners();
        owners.retain(|task, _| self.manager.get_task(task).is_ok());
        let own = owners.values().filter(|other| *other == owner).count();
        if owners.len() >= MOST || own >= MOST_OF_ONE {
            return Err(work);
        }
        let options = TaskOptions::new()
            .with_ttl_ms(milliseconds(patience.saturating_add(KEPT)))
            .with_poll_interval_ms(milliseconds(POLL));
        let task = self.manager.spawn(options, work);
        owners.insert(task.task_id.clone(), owner.clone());
        Ok(task)
    }

    /// How far a task is, and what came of it.
    pub(super) fn get(&self, owner: &Owner, task: &str) -> Result<DetailedTask, ErrorData> {
        self.check(owner, task)?;
        self.manager.get_task(task)
    }

    /// Nothing is ever asked of a client in the middle of a task, so whatever it says is nothing that was asked for.
    pub(super) fn update(&self, owner: &Owner, task: &str) -> Result<(), ErrorData> {
        self.check(owner, task)?;
        self.manager.update_task(task, [])
    }

    /// Has a task's run cancelled.
    pub(super) fn cancel(&self, owner: &Owner, task: &str) -> Result<(), ErrorData> {
        self.check(owner, task)?;
        self.manager.cancel_task(task)
    }

    fn check(&self, owner: &Owner, task: &str) -> Result<(), ErrorData> {
        if self.owners().get(task) == Some(owner) {
            return Ok(());
        }
        Err(ErrorData::invalid_params("there is no such task; it may have been too long ago", None))
    }

    fn owners(&self) -> MutexGuard<'_, HashMap<String, Owner>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use rmcp::model::CallToolResult;

    use super::*;

    #[tokio::test]
    async fn one_owner_takes_no_more_than_its_share_and_sees_no_other_ones() {
        let tasks = Tasks::default();
        let work = |_: TaskContext| -> TaskFuture { Box::pin(async { Ok(CallToolResult::success(Vec::new())) }) };
        let mut last = None;
        for _ in 0..MOST_OF_ONE {
            last = Some(tasks.start(&None, Duration::ZERO, work).ok().unwrap());
        }
        assert!(tasks.start(&None, Duration::ZERO, work).is_err());
        let last = last.unwrap().task_id;
        assert!(tasks.get(&None, &last).is_ok());
        assert!(tasks.get(&None, "another").is_err() && tasks.cancel(&None, "another").is_err());
    }
}
