//! The hash chain over the rows of the log, and its head.
//!
//! Contract: the hash of a row is the SHA-256 of the row's before it (32 zeros, before the first) and of its own cells
//! `first_seq`, `last_seq`, `first_run`, `last_run` and `body`. A cell is a byte for its type (0 null, 1 integer, 2 real,
//! 3 text, 4 blob), its length and its bytes; lengths and numbers are 8 bytes, the lowest first. So all that is
//! stored of an event is in the hash of its row and of every row behind it. Rows of logs that are older than the chain
//! hold no hash of their own, but the first one after them builds on them all the same. Who can write the file can
//! also write a new chain: that is told by a head which was kept elsewhere. Price: a pass of SHA-256 over what is
//! written, by the thread that writes; once, for a log from before the chain, a pass over all of it.

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::EventError;

/// A link of the chain. Written as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Hash([u8; 32]);

/// Where the chain ends: whoever keeps it can tell later whether everything up to it is still there. Written as `SEQ HEX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Head {
    /// Position of the last event; 0: there is none.
    pub seq: u64,
    /// Hash of the row that it lies in.
    pub hash: Hash,
}

/// A text that is not 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a head of the event log is 64 hex digits, not `{0}`; `events --verify` prints it")]
pub struct ParseHashError(String);

/// The cells that a row's hash covers, in the order of their columns.
pub(crate) type Cells<'a> = [ValueRef<'a>; 5];

/// All rows in log order, with their hash behind the cells.
pub(crate) const ROWS: &str =
    "SELECT first_seq, last_seq, first_run, last_run, body, hash FROM segments ORDER BY first_seq";

/// The cells of a row of [`ROWS`].
pub(crate) fn cells<'a>(row: &'a Row<'_>) -> rusqlite::Result<Cells<'a>> {
    Ok([row.get_ref(0)?, row.get_ref(1)?, row.get_ref(2)?, row.get_ref(3)?, row.get_ref(4)?])
}

impl Hash {
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash of the row behind the one whose hash this is.
    pub(crate) fn link(self, cells: &Cells<'_>) -> Self {
        let mut hasher = Sha256::new_with_prefix(self.0);
        for cell in cells {
            let number: [u8; 8];
            let (kind, bytes): (u8, &[u8]) = match *cell {
                ValueRef::Null => (0, &[]),
                ValueRef::Integer(integer) => {
                    number = integer.to_le_bytes();
                    (1, &number)
                }
                ValueRef::Real(real) => {
                    number = real.to_le_bytes();
                    (2, &number)
                }
                ValueRef::Text(text) => (3, text),
                ValueRef::Blob(blob) => (4, blob),
            };
            hasher.update([kind]);
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
        Self(hasher.finalize().into())
    }
}

/// The head of the chain, on which the next row builds.
pub(crate) fn head(connection: &Connection) -> rusqlite::Result<Head> {
    let last = connection
        .prepare_cached("SELECT last_seq, hash FROM segments ORDER BY first_seq DESC LIMIT 1")?
        .query_row([], |row| {
            let hash = row.get_ref(1)?.as_blob().ok().and_then(|blob| blob.try_into().ok());
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), hash.map(Hash)))
        })
        .optional()?;
    match last {
        None => Ok(Head::default()),
        Some((seq, Some(hash))) => Ok(Head { seq, hash }),
        Some((seq, None)) => Ok(Head { seq, hash: over_all(connection)? }),
    }
}

/// What the hash of the last row must be.
fn over_all(connection: &Connection) -> rusqlite::Result<Hash> {
    let mut statement = connection.prepare(ROWS)?;
    let mut rows = statement.query(())?;
    let mut hash = Hash::default();
    while let Some(row) = rows.next()? {
        hash = hash.link(&cells(row)?);
    }
    Ok(hash)
}

/// Writes `head` to a file of its own, as `SEQ HEX` and a line's end. Whoever reads meanwhile sees the old head or the new
/// one. Kept where the log's owner cannot write, it shows that the log's last events are gone.
///
/// A power cut may take the log's last transactions and leave the head of them: then it is not found, though
/// nobody deleted anything.
pub fn write_head(path: &Path, head: &Head) -> Result<(), EventError> {
    let write = || {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut draft = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        writeln!(draft, "{head}")?;
        draft.as_file().sync_all()?;
        draft.persist(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(|source| EventError::Head { path: path.to_owned(), source: Arc::new(source) })
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.seq, self.hash)
    }
}

impl FromStr for Hash {
    type Err = ParseHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseHashError(text.chars().take(80).flat_map(char::escape_default).collect());
        // `from_str_radix` would take a sign.
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
