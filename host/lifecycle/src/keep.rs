//! The bytes of every serving generation, so that what served goes on serving after a restart.
//!
//! Contract: the row and the bytes of a generation are on disk before it serves; deleting a file from the
//! drop folder deletes its row. Of a file that was refused, what was said of it is kept, so that it is said once.
//! Price: one small transaction per swap or refusal.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OptionalExtension as _};
use skillhost_store::{Database, Durability, StoreError};
use skillhost_types::{Digest, Source};

use crate::authority::{self, Approvals};
use crate::package::{Package, PackageError};

const SERVING: &str = "CREATE TABLE serving (
    folder TEXT NOT NULL,
    file TEXT NOT NULL,
    skill TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (folder, file)
) WITHOUT ROWID;
CREATE TABLE refused (
    folder TEXT NOT NULL,
    file TEXT NOT NULL,
    digest TEXT,
    reason TEXT NOT NULL,
    PRIMARY KEY (folder, file)
) WITHOUT ROWID;";

/// The steps of the state database's schema.
const MIGRATIONS: &[&str] = &[SERVING, authority::MIGRATION];

/// How long bytes are kept that serve no more: another host on the same data may have replaced them just now.
const GRACE: Duration = Duration::from_secs(3_600);

fn is_fresh(written: SystemTime) -> bool {
    // A time in the future says nothing; then they stay.
    written.elapsed().map_or(true, |age| age < GRACE)
}

/// What one file of the drop folder last served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) skill: String,
    pub(crate) digest: Digest,
}

/// What [`Keep::remember`] found.
pub(crate) enum Remembered {
    /// It was remembered already.
    Before,
    /// It is news; the file served this until now.
    Now(Option<Kept>),
}

/// The store of serving generations of one drop folder.
pub(crate) struct Keep {
    database: Database,
    bytes: PathBuf,
    folder: String,
}

impl Keep {
    pub(crate) fn open(data: &Path, folder: &Path) -> Result<Self, StoreError> {
        let keep = Self {
            database: Database::open(&data.join("state.db"), MIGRATIONS, Durability::Full)?,
            bytes: data.join("generations"),
            folder: folder.to_string_lossy().into_owned(),
        };
        keep.prune()?;
        Ok(keep)
    }

    /// What waits for a person and what was decided, which lies in the same database.
    pub(crate) fn approvals(&self, source: Arc<dyn Source>) -> Approvals {
        Approvals::new(self.database.clone(), self.folder.clone(), source)
    }

    /// Removes the bytes of generations that serve no more. Only when a host opens: runs of one that was replaced may still
    /// look into its folder.
    fn prune(&self) -> Result<(), StoreError> {
        let serving: HashSet<String> = self.database.read(|connection| {
            connection.prepare("SELECT digest FROM serving")?.query_map((), |row| row.get(0))?.collect()
        })?;
        let kept = |name: &str| serving.iter().any(|digest| digest.ends_with(name));
        for entry in std::fs::read_dir(&self.bytes).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let fresh = entry.metadata().and_then(|data| data.modified()).is_ok_and(is_fresh);
            if !kept(&name) && !fresh {
                // Bytes that cannot be removed are in nobody's way but the disk's.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }

    /// Where the files of `digest` lie.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        self.bytes.join(digest.hex())
    }

    /// Stores a generation's bytes; what is there already and unchanged stays.
    pub(crate) fn store(&self, package: &Package) -> Result<(), PackageError> {
        package.write_to(&self.path(&package.digest))
    }

    /// Is it on disk already that `file` serves `kept`?
    pub(crate) fn holds(&self, file: &str, kept: &Kept) -> Result<bool, StoreError> {
        Ok(self.kept(file)?.as_ref() == Some(kept) && self.path(&kept.digest).exists())
    }

    /// Remembers that `file` serves `kept`. Says whether that is news, and then what it served before: of several processes
    /// that absorb the same file at once, one is told so.
    pub(crate) fn remember(&self, file: &str, kept: &Kept) -> Result<Remembered, StoreError> {
        self.database.transact(|transaction| {
            let before = self.find(transaction, file)?;
            if before.as_ref() == Some(kept) {
                return Ok(Remembered::Before);
            }
            transaction.execute(
                "INSERT INTO serving (folder, file, skill, digest) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET skill = excluded.skill, digest = excluded.digest",
                (&self.folder, file, &kept.skill, kept.digest.to_string()),
            )?;
            transaction.execute("DELETE FROM refused WHERE folder = ?1 AND file = ?2", (&self.folder, file))?;
            Ok(Remembered::Now(before))
        })
    }

    /// Remembers why `file` was refused. Says whether that is news.
    pub(crate) fn refuse(&self, file: &str, digest: Option<Digest>, reason: &str) -> Result<bool, StoreError> {
        let digest = digest.map(|digest| digest.to_string());
        self.database.transact(|transaction| {
            let changed = transaction.execute(
                "INSERT INTO refused (folder, file, digest, reason) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET digest = excluded.digest, reason = excluded.reason
                 WHERE digest IS NOT excluded.digest OR reason <> excluded.reason",
                (&self.folder, file, &digest, reason),
            )?;
            Ok(changed > 0)
        })
    }

    /// Forgets a file that is gone. Gives what it served.
    pub(crate) fn forget(&self, file: &str) -> Result<Option<Kept>, StoreError> {
        self.database.transact(|transaction| {
            let before = self.find(transaction, file)?;
            for table in ["serving", "refused"] {
                let sql = format!("DELETE FROM {table} WHERE folder = ?1 AND file = ?2");
                transaction.execute(&sql, (&self.folder, file))?;
            }
            Ok(before)
        })
    }

    /// What `file` last served.
    pub(crate) fn kept(&self, file: &str) -> Result<Option<Kept>, StoreError> {
        self.database.read(|connection| self.find(connection, file))
    }

    fn find(&self, connection: &Connection, file: &str) -> rusqlite::Result<Option<Kept>> {
        Ok(connection
            .query_row(
                "SELECT skill, digest FROM serving WHERE folder = ?1 AND file = ?2",
                (&self.folder, file),
                |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
            )
            .optional()?
            .and_then(|(skill, digest)| Some(Kept { skill, digest: Digest::from_str(&digest).ok()? })))
    }

    /// The files that serve something.
    pub(crate) fn files(&self) -> Result<Vec<String>, StoreError> {
        self.database.read(|connection| {
            connection
                .prepare("SELECT file FROM serving WHERE folder = ?1 ORDER BY file")?
                .query_map((&self.folder,), |row| row.get(0))?
                .collect()
        })
    }
}
