//! Many senders, one transaction.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::queue::{Queue, Queued, longer};
use crate::{Commit, Database, QueueLimits, StoreError, WriteError};

/// Longest thread name that Linux shows, in bytes.
const THREAD_NAME: usize = 15;

/// Entries for which a batch keeps its memory after a burst: what gathers in one flush interval at full speed.
const BATCH_KEPT: usize = 8_192;

/// Sends entries to a thread that writes them in batches: as many as gathered while the batch before was written.
pub struct Writer<C: Commit> {
    queue: Arc<Queue<C>>,
    database: Database,
    thread: Mutex<Option<JoinHandle<usize>>>,
}

/// How a writer fares.
#[derive(Debug, Clone)]
pub enum Health {
    /// The last transaction went through.
    Well,
    /// The last transaction failed. What nobody waits for is kept and tried again.
    Failing {
        /// Why it failed.
        error: Arc<StoreError>,
        /// Entries that wait for the disk.
        kept: usize,
    },
}

impl<C: Commit> Writer<C> {
    pub(crate) fn start(database: Database, commit: C, limits: QueueLimits) -> Result<Self, StoreError> {
        let queue = Arc::new(Queue::new(limits));
        let mut name = format!("write {}", database.path().file_stem().unwrap_or_default().to_string_lossy());
        name.truncate(name.floor_char_boundary(THREAD_NAME));
        let work = Work { queue: queue.clone(), database: database.clone(), commit };
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || work.run())
            .map_err(|source| StoreError::Thread { path: database.path().to_owned(), source })?;
        Ok(Self { queue, database, thread: Mutex::new(Some(thread)) })
    }

    /// Sends an entry and comes back as soon as it is queued; waits only if the queue is full. Dropped before it comes
    /// back, it may have sent or not.
    pub async fn relaxed(&self, entry: C::Entry) -> Result<(), WriteError> {
        self.queue.push(entry, None).await
    }

    /// Sends an entry and comes back when it is committed. Dropped before it comes back, it may have sent or not.
    pub async fn durable(&self, entry: C::Entry) -> Result<C::Receipt, WriteError> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.queue.push(entry, Some(sender)).await?;
        receiver.await.unwrap_or(Err(WriteError::Closed))
    }

    /// Waits until everything that was sent before is committed.
    pub async fn flush(&self) -> Result<(), WriteError> {
        self.queue.flush().await
    }

    /// How the writer fares.
    pub fn health(&self) -> Health {
        match self.queue.failure() {
            (Some(error), kept) => Health::Failing { error, kept },
            (None, _) => Health::Well,
        }
    }

    /// Commits what is queued, takes no more, and ends the thread. Blocks for one transaction. An error says that
    /// entries were lost, of which senders had not waited for the commit.
    pub fn close(&self) -> Result<(), WriteError> {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(lost) = thread.map(JoinHandle::join) else { return Ok(()) };
        match (lost, self.queue.failure()) {
            (Ok(0), _) => Ok(()),
            (Ok(lost), (Some(error), _)) => {
                tracing::error!(database = %self.database.path().display(), lost, %error, "entries were never written");
                Err(WriteError::Failed(error))
            }
            _ => Err(WriteError::Closed),
        }
    }
}

impl<C: Commit> Drop for Writer<C> {
    fn drop(&mut self) {
        // What was lost is in the log of the program; there is nobody else to tell.
        let _ = self.close();
    }
}

struct Work<C: Commit> {
    queue: Arc<Queue<C>>,
    database: Database,
    commit: C,
}

impl<C: Commit> Work<C> {
    /// Writes until the queue is closed. Gives the number of entries that were lost.
    fn run(mut self) -> usize {
        // Also when a commit panics, nobody waits for ever.
        let _abandon = Abandon(self.queue.clone());
        let mut batch = Vec::new();
        let mut pause = None;
        loop {
            let taken = self.queue.take(&mut batch, pause);
            let result = self.write(&mut batch);
            for flush in taken.flushes {
                // Who does not wait any more does not need to know.
                let _ = flush.send(result.clone().map_err(WriteError::Failed));
            }
            pause = result.is_err().then(|| longer(pause));
            if taken.last {
                return batch.len();
            }
        }
    }

    /// Writes the batch, tells who waits, and keeps what is to be tried again.
    fn write(&mut self, batch: &mut Vec<Queued<C>>) -> Result<(), Arc<StoreError>> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut receipts = Vec::new();
        let commit = &mut self.commit;
        let result = self.database.transact(|transaction| {
            commit.begin(transaction)?;
            for queued in &*batch {
                let receipt = commit.write(transaction, &queued.entry)?;
                if queued.waiter.is_some() {
                    receipts.push(receipt);
                }
            }
            commit.finish(transaction)
        });
        match result {
            Ok(()) => {
                self.commit.committed();
                let (entries, bytes) = (batch.len(), batch.iter().map(|queued| queued.weight).sum());
                // The entries go before their room is given to others.
                let waiters: Vec<_> = batch.drain(..).filter_map(|queued| queued.waiter).collect();
                batch.shrink_to(BATCH_KEPT);
                self.queue.done(entries, bytes, None);
                for (waiter, receipt) in waiters.into_iter().zip(receipts) {
                    let _ = waiter.send(Ok(receipt));
                }
                Ok(())
            }
            Err(error) => {
                let error = Arc::new(error);
                tracing::warn!(%error, "a transaction failed");
                let failed: Vec<_> = batch.extract_if(.., |queued| queued.waiter.is_some()).collect();
                let bytes = failed.iter().map(|queued| queued.weight).sum();
                self.queue.done(failed.len(), bytes, Some(error.clone()));
                for waiter in failed.into_iter().filter_map(|queued| queued.waiter) {
                    let _ = waiter.send(Err(WriteError::Failed(error.clone())));
                }
                Err(error)
            }
        }
    }
}

struct Abandon<C: Commit>(Arc<Queue<C>>);

impl<C: Commit> Drop for Abandon<C> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
