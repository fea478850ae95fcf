//! The event log, as those read it who ask from outside.
//!
//! Contract: one look takes in [`REACH`] of the log at the most, whatever it looks for, and [`AT_ONCE`] look at the same time;
//! whoever comes then waits for [`PATIENCE`] and is told to come back. Price: a thread beside the executor for as long.

use std::sync::Arc;
use std::time::Duration;

use skillhost_events::{EventError, EventLog};
use tokio::sync::Semaphore;

use crate::problem::Problem;

/// How much of the log one look takes in, in bytes: some 20,000 runs, which is decoded in a fraction of a second. Who looks for
/// what is rarer goes on where it ended.
pub(crate) const REACH: usize = 16 << 20;

/// Looks at the same time. Each keeps a core busy, and runs are to have some of them.
const AT_ONCE: usize = 4;

/// How long somebody waits to look: a page or a script that asks now and then does not notice those of others.
const PATIENCE: Duration = Duration::from_secs(2);

/// The event log. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Log {
    events: EventLog,
    places: Arc<Semaphore>,
    patience: Duration,
}

impl Log {
    pub(crate) fn new(events: EventLog) -> Self {
        Self { events, places: Arc::new(Semaphore::new(AT_ONCE)), patience: PATIENCE }
    }

    /// What `read` reads, beside the executor. It keeps to [`REACH`] by itself.
    pub(crate) async fn read<T>(
        &self,
        read: impl FnOnce(&EventLog) -> Result<T, EventError> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
    {
        let place = tokio::time::timeout(self.patience, self.places.clone().acquire_owned()).await;
        let place = place.map_err(|_| Problem::unavailable("too many read the event log at once; ask again"))?;
        let events = self.events.clone();
        let reading = tokio::task::spawn_blocking(move || {
            // Held until it is done, also if nobody waits for it any more.
            let _place = place;
            read(&events)
        });
        reading.await.map_err(Problem::internal)?.map_err(Problem::internal)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use skillhost_types::System;

    use super::*;

    #[tokio::test]
    async fn who_looks_while_all_places_are_taken_is_told_to_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let events = EventLog::open(folder.path(), Arc::new(System)).unwrap();
        let log = Log { patience: Duration::from_millis(20), ..Log::new(events) };
        let (go_on, held) = mpsc::channel::<()>();
        let held = Arc::new(std::sync::Mutex::new(held));
        let looks: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (log, held) = (log.clone(), held.clone());
                // They end when nobody can tell them to go on any more.
                tokio::spawn(async move { log.read(move |_| Ok(held.lock().unwrap().recv().is_ok())).await })
            })
            .collect();
        while log.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(log.read(|events| events.head()).await.unwrap_err().status, 503);
        // Who goes away gives no place to another while its look goes on.
        looks.iter().for_each(tokio::task::JoinHandle::abort);
        assert_eq!(log.read(|events| events.head()).await.unwrap_err().status, 503);
        drop(go_on);
        while log.places.available_permits() < AT_ONCE {
            tokio::task::yield_now().await;
        }
        assert_eq!(log.read(|events| events.head()).await.unwrap(), 0);
    }
}
