//! Opening a database file: who may read it, how it is written, which schema it has.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::StoreError;

/// How long a process waits for another one's transaction. Transactions take milliseconds, checkpoints of a slow
/// disk a second; who waits longer than this waits for a process that hangs.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause between two tries to switch a new file to the write-ahead log, for which SQLite itself does not wait.
const SWITCH_PAUSE: Duration = Duration::from_millis(5);

/// Size of the write-ahead log, in bytes, from which it is copied into the database. A checkpoint costs two syncs, so at full speed
/// one per 16 MiB keeps the disk from setting the pace.
pub(crate) const CHECKPOINT: i64 = 16 << 20;

/// A page of a new file, in bytes.
pub(crate) const PAGE: i64 = 16 << 10;

/// What is left of the write-ahead log after a burst, in bytes; the file is cut back to it.
const LOG_KEPT: i64 = 64 << 20;

/// Prepared statements kept per connection. The largest schema here has about a dozen.
const STATEMENTS: usize = 32;

/// What a committed transaction survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The death of the process. A power cut may take the last transactions, never break the file.
    Normal,
    /// A power cut as well, at the price of a sync per transaction.
    Full,
}

/// Makes the directory (0700) and the file (0600), if they are not there.
pub(crate) fn create(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(|source| StoreError::Create { path: folder.to_owned(), source })?;
    }
    let mut options = OpenOptions::new();
    // Never opens a file that is there: closing it again would drop the locks that this process holds on it.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(StoreError::Create { path: path.to_owned(), source }),
    }
}

/// A connection that writes.
pub(crate) fn writing(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    let open = || -> rusqlite::Result<Connection> {
        let connection = connect(path)?;
        // Takes effect on a file that is new.
        connection.pragma_update(None, "page_size", PAGE)?;
        write_ahead(&connection)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT / PAGE)?;
        connection.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
        let synchronous = match durability {
            Durability::Normal => "NORMAL",
            Durability::Full => "FULL",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        Ok(connection)
    };
    open().map_err(|source| StoreError::Sqlite { path: path.to_owned(), source })
}

/// Leaves the write-ahead log to grow as far as it may, for whoever copies it by itself.
pub(crate) fn checkpoint_apart(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "wal_autocheckpoint", LOG_KEPT / PAGE)
}

/// A connection that only reads. It is opened for writing all the same: a reader takes part in the write-ahead log's
/// shared memory.
pub(crate) fn reading(path: &Path) -> Result<Connection, StoreError> {
    let open = || -> rusqlite::Result<Connection> {
        let connection = connect(path)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    open().map_err(|source| StoreError::Sqlite { path: path.to_owned(), source })
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    // Connections are never used by two threads at once, so SQLite's own mutexes are left out.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Or a statement is prepared again, and costs ten times as much, whenever a range is bound that it asks for.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let begun = Instant::now();
    loop {
        let switched = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match switched {
            Ok(_) => return Ok(()),
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && begun.elapsed() < BUSY_TIMEOUT =>
            {
                std::thread::sleep(SWITCH_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Takes the steps of the schema that the database lacks, each in a transaction of its own.
pub(crate) fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let failed = |source| StoreError::Sqlite { path: path.to_owned(), source };
    loop {
        if version(connection).map_err(failed)? == known {
            return Ok(());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        // Read again under the lock: another process may have been at it.
        let found = version(&transaction).map_err(failed)?;
        if found > known {
            return Err(StoreError::Newer { path: path.to_owned(), found, known });
        }
        let Some(migration) = usize::try_from(found).ok().and_then(|found| migrations.get(found)) else {
            return Ok(());
        };
        let step = found + 1;
        let take = || -> rusqlite::Result<()> {
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", step)?;
            transaction.commit()
        };
        take().map_err(|source| StoreError::Migration { path: path.to_owned(), step, source })?;
    }
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
