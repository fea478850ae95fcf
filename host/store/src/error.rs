use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::ErrorCode;

/// Why a database cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory or the file cannot be made.
    #[error("{} cannot be made: {source}; check that its folder exists and is yours to write", path.display())]
    Create {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A newer program has been here.
    #[error(
        "{} has schema {found}, this program knows schemas up to {known}: \
         a newer version wrote it; use that version or another data directory", path.display()
    )]
    Newer {
        /// Which database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// A step of the schema did not go through; the one before it stands.
    #[error("{} cannot be brought to schema {step}: {source}{}", path.display(), way_out(source))]
    Migration {
        /// Which database.
        path: PathBuf,
        /// The schema that was not reached.
        step: i64,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// SQLite said no.
    #[error("{}: {source}{}", path.display(), way_out(source))]
    Sqlite {
        /// Which database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The writer's thread cannot be started.
    #[error("no thread to write {}: {source}", path.display())]
    Thread {
        /// Which database.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The program is shutting down, so nothing is read or written any more.
    #[error("{} was not reached: the program is shutting down", path.display())]
    Stopped {
        /// Which database.
        path: PathBuf,
    },
}

/// What a person can do about it, where there is something.
fn way_out(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "; make room on the disk",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "; check that the file and its folder are yours to write"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "; another process holds the database: wait for it or end it"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "; move the file away and start again, or restore it from a copy"
        }
        _ => "",
    }
}

/// Why an entry was not written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// The transaction failed. Every entry that was waited for in it gets the same error.
    #[error("not written: {0}")]
    Failed(#[source] Arc<StoreError>),
    /// The writer is closed.
    #[error("not written: the log is closed")]
    Closed,
}
