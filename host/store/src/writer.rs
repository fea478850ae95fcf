//! Many senders, one transaction.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::queue::{Queue, Queued, longer};
use crate::{Commit, Database, QueueLimits, StoreError, Weigh as _, WriteError, open};

/// Longest thread name that Linux shows, in bytes.
const THREAD_NAME: usize = 15;

/// Entries for which a batch keeps its memory after a burst: what gathers in one flush interval at full speed.
const BATCH_KEPT: usize = 8_192;

/// About what a commit puts into the write-ahead log beside its entries, in bytes: the pages that it touches.
const PER_COMMIT: usize = 4 * open::PAGE as usize;

/// Sends entries to a thread that writes them in batches: as many as gathered while the batch before was written. Who waits for
/// its commit alone, with a short entry and a quick disk, makes it at once, on its own thread.
pub struct Writer<C: Commit> {
    pub(crate) queue: Arc<Queue<C>>,
    desk: Arc<Desk<C>>,
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
        database.checkpoint_apart()?;
        let path = database.path().to_owned();
        let leads = !database.syncs() && std::thread::available_parallelism().is_ok_and(|threads| threads.get() > 1);
        let desk = Arc::new(Desk { database, commit: Mutex::new(commit), grown: AtomicUsize::new(0), leads });
        let work = Work { queue: queue.clone(), desk: desk.clone() };
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || work.run())
            .map_err(|source| StoreError::Thread { path, source })?;
        Ok(Self { queue, desk, thread: Mutex::new(Some(thread)) })
    }

    /// Sends an entry and comes back as soon as it is queued; waits only if the queue is full. Dropped before it comes
    /// back, it may have sent or not.
    pub async fn relaxed(&self, entry: C::Entry) -> Result<(), WriteError> {
        self.queue.push(entry, None).await
    }

    /// Sends an entry and comes back when it is committed, of which it may block for about 50 µs. Dropped before
    /// it comes back, it may have sent or not.
    pub async fn durable(&self, entry: C::Entry) -> Result<C::Receipt, WriteError> {
        // Who comes alone again and again lets others have their turn too.
        tokio::task::coop::consume_budget().await;
        if let Some(written) = self.alone(&entry) {
            return written;
        }
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.queue.push(entry, Some(sender)).await?;
        receiver.await.unwrap_or(Err(WriteError::Closed))
    }

    /// Commits `entry` right here, if nobody else is there: that saves two threads' waking each other.
    fn alone(&self, entry: &C::Entry) -> Option<Result<C::Receipt, WriteError>> {
        if !self.desk.leads || self.desk.is_grown() {
            return None;
        }
        let lead = self.queue.lead(entry)?;
        let begun = Instant::now();
        let written = self.desk.write_one(entry).map_err(Arc::new);
        if let Err(error) = &written {
            tracing::warn!(%error, "a transaction failed");
        }
        lead.done(begun.elapsed(), written.as_ref().err().cloned());
        written.map_err(WriteError::Failed).transpose()
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
                tracing::error!(database = %self.desk.database.path().display(), lost, %error, "entries were never written");
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

/// What entries are written with, on whichever thread.
struct Desk<C: Commit> {
    database: Database,
    commit: Mutex<C>,
    /// About how much the write-ahead log grew since it was last copied, in bytes.
    grown: AtomicUsize,
    /// May who is alone commit by itself? Not where that waits for the disk; and not with one processor, on which nobody can be seen
    /// to come while somebody commits.
    leads: bool,
}

impl<C: Commit> Desk<C> {
    fn commit(&self) -> MutexGuard<'_, C> {
        self.commit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes one entry, if nobody else writes.
    fn write_one(&self, entry: &C::Entry) -> Result<Option<C::Receipt>, StoreError> {
        let mut commit = self.commit();
        let written = self.database.transact_at_once(|transaction| {
            commit.begin(transaction)?;
            let receipt = commit.write(transaction, entry)?;
            commit.finish(transaction)?;
            Ok(receipt)
        })?;
        if written.is_some() {
            commit.committed();
            self.grew(entry.weight());
        }
        Ok(written)
    }

    /// Writes a batch. Gives the receipts of those who wait for it.
    fn write(&self, batch: &[Queued<C>]) -> Result<Vec<C::Receipt>, StoreError> {
        let mut receipts = Vec::new();
        let mut commit = self.commit();
        self.database.transact(|transaction| {
            commit.begin(transaction)?;
            for queued in batch {
                let receipt = commit.write(transaction, &queued.entry)?;
                if queued.waiter.is_some() {
                    receipts.push(receipt);
                }
            }
            commit.finish(transaction)
        })?;
        commit.committed();
        self.grew(batch.iter().map(|queued| queued.weight).sum());
        Ok(receipts)
    }

    fn grew(&self, bytes: usize) {
        self.grown.fetch_add(PER_COMMIT + bytes, Ordering::Relaxed);
    }

    fn is_grown(&self) -> bool {
        self.grown.load(Ordering::Relaxed) >= open::CHECKPOINT as usize
    }

    /// Copies the write-ahead log into the database when there is enough of it. Says whether it did so.
    fn tidy(&self) -> bool {
        if !self.is_grown() {
            return false;
        }
        let left = self.database.checkpoint().unwrap_or_else(|error| {
            // The log grows on, until this is tried again or a commit copies it.
            tracing::warn!(%error, "a checkpoint failed");
            0
        });
        // What a reader still needs is left; while that is much, nobody commits alone.
        self.grown.store(left, Ordering::Relaxed);
        true
    }
}

struct Work<C: Commit> {
    queue: Arc<Queue<C>>,
    desk: Arc<Desk<C>>,
}

impl<C: Commit> Work<C> {
    /// Writes until the queue is closed. Gives the number of entries that were lost.
    fn run(self) -> usize {
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
            // Behind the answers: it syncs, and so does the commit after it.
            if self.desk.tidy() {
                self.queue.slow();
            }
            pause = result.is_err().then(|| longer(pause));
            if taken.last {
                return batch.len();
            }
        }
    }

    /// Writes the batch, tells who waits, and keeps what is to be tried again.
    fn write(&self, batch: &mut Vec<Queued<C>>) -> Result<(), Arc<StoreError>> {
        if batch.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        let written = self.desk.write(batch);
        let took = begun.elapsed();
        match written {
            Ok(receipts) => {
                let (entries, bytes) = (batch.len(), batch.iter().map(|queued| queued.weight).sum());
                // The entries go before their room is given to others.
                let waiters: Vec<_> = batch.drain(..).filter_map(|queued| queued.waiter).collect();
                batch.shrink_to(BATCH_KEPT);
                self.queue.done(entries, bytes, took, None);
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
                self.queue.done(failed.len(), bytes, took, Some(error.clone()));
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
