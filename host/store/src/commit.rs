use rusqlite::Transaction;

/// How much of the queue an entry takes.
pub trait Weigh {
    /// About how many bytes the entry holds in memory.
    fn weight(&self) -> usize;

    /// Does writing it take no longer than its weight lets expect? If not, it is left to the writer's thread.
    fn is_plain(&self) -> bool {
        true
    }
}

/// Turns a batch of entries into rows.
///
/// One transaction is `begin`, a `write` per entry in the order in which they were sent, `finish`. If any of them
/// fails, nothing of the batch is written, and what is tried again begins with `begin`. All of it blocks: the writer's thread or,
/// for a short entry of somebody who is alone, the sender's.
pub trait Commit: Send + 'static {
    /// What is sent.
    type Entry: Weigh + Send + 'static;
    /// What a sender gets who waits for the commit.
    type Receipt: Send + 'static;

    /// Begins a batch: forgets what is left of one that failed, reads what the new one builds on.
    fn begin(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()>;

    /// Writes one entry, or prepares it for `finish`.
    fn write(&mut self, transaction: &Transaction<'_>, entry: &Self::Entry) -> rusqlite::Result<Self::Receipt>;

    /// Writes what is left.
    fn finish(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()>;

    /// The batch is on disk. Senders hear of it after this.
    fn committed(&mut self) {}
}
