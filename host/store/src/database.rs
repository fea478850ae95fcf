use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, Row, Transaction, TransactionBehavior};

use crate::readers::Readers;
use crate::{Commit, Durability, QueueLimits, Stamp, StoreError, Writer, open};

/// One SQLite file. Cheap to clone; all clones are the same database.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    /// The write-ahead log beside it.
    log: PathBuf,
    /// One transaction at a time, so that the threads of a process never wait inside SQLite for each other.
    writing: Mutex<Connection>,
    readers: Readers,
    durability: Durability,
}

impl Database {
    /// Opens the file at `path`, makes it and its directory if they are not there, and takes the `migrations` that it
    /// lacks. A migration that was published is never changed again; new ones come at the end.
    pub fn open(path: &Path, migrations: &[&str], durability: Durability) -> Result<Self, StoreError> {
        open::create(path)?;
        let mut connection = open::writing(path, durability)?;
        open::migrate(&mut connection, path, migrations)?;
        let path = path.to_owned();
        let readers = Readers::new(path.clone());
        let mut log = path.clone().into_os_string();
        log.push("-wal");
        Ok(Self {
            inner: Arc::new(Inner { path, log: log.into(), writing: Mutex::new(connection), readers, durability }),
        })
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// How the file looks now: for those who keep what they have read.
    pub fn stamp(&self) -> Option<Stamp> {
        Stamp::of(&self.inner.log)
    }

    /// Reads. Blocks while all readers are taken and while SQLite reads.
    pub fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        self.inner.readers.lend(query)
    }

    /// Reads on a thread that may block.
    pub async fn read_async<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let database = self.clone();
        self.blocking(move || database.read(query)).await
    }

    /// Writes in one immediate transaction, which is undone if `change` fails or panics. Blocks. For what is rare: a
    /// [`Writer`] serves many.
    pub fn transact<T>(&self, change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let mut connection = self.inner.writing.lock().unwrap_or_else(PoisonError::into_inner);
        transact(&mut connection, change).map_err(|source| self.failed(source))
    }

    /// The same, if nobody else writes, in this process or another; none if somebody does.
    pub(crate) fn transact_at_once<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut connection = match self.inner.writing.try_lock() {
            Ok(connection) => connection,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        let impatient = match Impatient::of(&mut connection) {
            Ok(impatient) => impatient,
            Err(source) => return Err(self.failed(source)),
        };
        match transact(impatient.0, change) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(None),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Is a commit on disk only after a sync?
    pub(crate) fn syncs(&self) -> bool {
        self.inner.durability == Durability::Full
    }

    /// Has [`Self::checkpoint`] copy the write-ahead log into the database, and commits hardly ever.
    pub(crate) fn checkpoint_apart(&self) -> Result<(), StoreError> {
        let connection = self.inner.writing.lock().unwrap_or_else(PoisonError::into_inner);
        open::checkpoint_apart(&connection).map_err(|source| self.failed(source))
    }

    /// Copies what it may of the write-ahead log into the database. Gives how much it may not, in bytes. Blocks for two syncs.
    pub(crate) fn checkpoint(&self) -> Result<usize, StoreError> {
        let connection = self.inner.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let pages = |row: &Row<'_>| Ok(row.get::<_, i64>("log")?.saturating_sub(row.get("checkpointed")?));
        let left = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), pages);
        let left = left.map_err(|source| self.failed(source))?;
        Ok(usize::try_from(left.saturating_mul(open::PAGE)).unwrap_or_default())
    }

    fn failed(&self, source: rusqlite::Error) -> StoreError {
        StoreError::Sqlite { path: self.inner.path.clone(), source }
    }

    /// Writes on a thread that may block.
    pub async fn transact_async<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let database = self.clone();
        self.blocking(move || database.transact(change)).await
    }

    /// Starts a thread that writes what is sent to it in batches.
    pub fn writer<C: Commit>(&self, commit: C, limits: QueueLimits) -> Result<Writer<C>, StoreError> {
        Writer::start(self.clone(), commit, limits)
    }

    /// Notices commits of others, for followers in another process than the writer.
    pub fn change_counter(&self) -> Result<ChangeCounter, StoreError> {
        Ok(ChangeCounter { connection: open::reading(&self.inner.path)?, path: self.inner.path.clone(), last: None })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(StoreError::Stopped { path: self.inner.path.clone() }),
            },
        }
    }
}

/// A connection that does not wait for other processes.
struct Impatient<'a>(&'a mut Connection);

impl<'a> Impatient<'a> {
    fn of(connection: &'a mut Connection) -> rusqlite::Result<Self> {
        connection.busy_timeout(Duration::ZERO)?;
        Ok(Self(connection))
    }
}

impl Drop for Impatient<'_> {
    fn drop(&mut self) {
        // Sets a number; SQLite fails at that for connections that are none.
        let _ = self.0.busy_timeout(open::BUSY_TIMEOUT);
    }
}

fn transact<T>(
    connection: &mut Connection,
    change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = change(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.inner.path).finish()
    }
}

/// Tells whether anybody, in this process or another, has committed since it was last asked.
///
/// Price: a connection of its own, and per question a few microseconds without reading a page.
pub struct ChangeCounter {
    connection: Connection,
    path: PathBuf,
    last: Option<i64>,
}

impl ChangeCounter {
    /// Has somebody committed since the last question? The first answer is yes.
    pub fn changed(&mut self) -> Result<bool, StoreError> {
        let version = self
            .connection
            .pragma_query_value(None, "data_version", |row| row.get(0))
            .map_err(|source| StoreError::Sqlite { path: self.path.clone(), source })?;
        Ok(self.last.replace(version) != Some(version))
    }
}
