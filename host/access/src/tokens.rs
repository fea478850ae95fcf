//! The tokens of a data directory.
//!
//! Contract: one that is added or revoked is on disk when the call comes back, and counts so for every process from its next
//! check on, or a millisecond later. Of the first token the file comes first: none counts that nobody can read. Price: as the crate says.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};
use serde::Serialize;
use skillhost_store::{Database, Durability, Stamp};
use skillhost_types::Timestamp;
use subtle::ConstantTimeEq as _;

use crate::token::{self, Hash};
use crate::{AccessError, Role, Tenants, Token, file};

/// The database in the data directory.
const DATABASE: &str = "access.db";

/// The file in the data directory that holds the first token.
const FIRST_FILE: &str = "token";

/// What the first token is called.
const FIRST_NAME: &str = "admin";

/// Longest name of a token, in bytes: a host's or a pipeline's name fits, and a line of `token list` stays one.
pub(crate) const LONGEST_NAME: usize = 64;

/// For how long a look at the file says that no token was taken back: no time for whoever takes one back, and hundreds of requests
/// of a busy host.
const LOOK: Duration = Duration::from_millis(1);

/// How much of a bad name is shown, in characters.
const SHOWN: usize = 80;

/// The key is the beginning of the hash: looking one up tells nothing but that, which helps nobody to a token.
const MIGRATIONS: &[&str] = &["CREATE TABLE tokens (
    key INTEGER PRIMARY KEY,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'caller', 'admin')),
    tenant TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;"];

/// The tokens of one data directory. Cheap to clone; several processes may open it.
#[derive(Clone)]
pub struct Tokens {
    database: Database,
    known: Arc<RwLock<Known>>,
}

/// Those who asked since the tokens last changed: as many as there are tokens at the most.
#[derive(Default)]
struct Known {
    stamp: Option<Stamp>,
    /// When the last look found that they still hold.
    looked: Option<Instant>,
    identities: HashMap<Hash, Identity>,
}

/// Whom a token stands for, as of the check that gave it.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The token's name.
    pub name: Arc<str>,
    /// What it may do.
    pub role: Role,
    /// Whose world it sees.
    pub tenants: Tenants,
    key: i64,
}

/// What there is to know of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenInfo {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whose world it sees.
    pub tenant: Tenants,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Tokens {
    /// Opens the tokens in `data_dir`, and makes both if they are not there.
    pub fn open(data_dir: &Path) -> Result<Self, AccessError> {
        let database = Database::open(&data_dir.join(DATABASE), MIGRATIONS, Durability::Full)?;
        Ok(Self { database, known: Arc::default() })
    }

    /// Makes a token. Blocks for one transaction.
    pub fn add(&self, name: &str, role: Role, tenants: Tenants, now: Timestamp) -> Result<Token, AccessError> {
        if !is_name(name) {
            return Err(AccessError::Name { given: name.chars().take(SHOWN).flat_map(char::escape_default).collect() });
        }
        let token = Token::new()?;
        let added =
            self.database.transact(|transaction| insert(transaction, &token.hash(), name, role, &tenants, now))?;
        if added { Ok(token) } else { Err(AccessError::Taken { name: name.to_owned() }) }
    }

    /// All tokens, the oldest first. Blocks while it reads.
    pub fn list(&self) -> Result<Vec<TokenInfo>, AccessError> {
        Ok(self.database.read(|connection| {
            connection
                .prepare_cached("SELECT name, role, tenant, created_at FROM tokens ORDER BY created_at, name")?
                .query_map((), |row| {
                    Ok(TokenInfo {
                        name: row.get("name")?,
                        role: parsed(row, "role")?,
                        tenant: parsed(row, "tenant")?,
                        created_at: Timestamp(u64::try_from(row.get::<_, i64>("created_at")?).unwrap_or_default()),
                    })
                })?
                .collect()
        })?)
    }

    /// Takes a token back. Says whether there was one of that name. Blocks for one transaction.
    pub fn revoke(&self, name: &str) -> Result<bool, AccessError> {
        let deleted =
            self.database.transact(|transaction| transaction.execute("DELETE FROM tokens WHERE name = ?1", (name,)))?;
        Ok(deleted > 0)
    }

    /// Whom `presented` stands for; none if it is no token, or none any more, from a millisecond after whoever took it back on.
    /// Blocks for microseconds, little enough for a task to call it.
    pub fn check(&self, presented: &str) -> Result<Option<Identity>, AccessError> {
        let Some(hash) = token::hash(presented) else { return Ok(None) };
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).lately(&hash);
        if known.is_some() {
            return Ok(known);
        }
        // The look comes before what is read, so that it holds for that.
        let (looked, stamp) = (Instant::now(), self.database.stamp());
        if let Some(identity) = self.known().at(looked, stamp).get(&hash) {
            return Ok(Some(identity.clone()));
        }
        let found = self.find(key(&hash))?;
        let identity = found.filter(|(kept, _)| kept.ct_eq(&hash).into()).map(|(_, identity)| identity);
        if let Some(identity) = &identity {
            self.known().at(looked, stamp).insert(hash, identity.clone());
        }
        Ok(identity)
    }

    fn known(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has become of an identity, for whoever keeps one longer than a request: none once its token is revoked, also if
    /// another of the same name was made since. Blocks for microseconds.
    pub fn still(&self, identity: &Identity) -> Result<Option<Identity>, AccessError> {
        Ok(self.find(identity.key)?.map(|(_, identity)| identity))
    }

    /// Is there no token at all? Blocks for microseconds.
    pub fn is_empty(&self) -> Result<bool, AccessError> {
        Ok(self.database.read(is_empty)?)
    }

    /// While there is no token at all: makes one for the administrator of all tenants and writes it, with a line's end, to the
    /// file `token` in `data_dir`, for its owner's eyes only. Of several processes that do so at once, one makes it. Blocks
    /// for one transaction.
    ///
    /// A crash in between may leave a file with a token that never became one; the next call replaces it.
    pub fn first(&self, data_dir: &Path, now: Timestamp) -> Result<Option<Token>, AccessError> {
        // A start of a host that has tokens writes nothing.
        if !self.is_empty()? {
            return Ok(None);
        }
        let token = Token::new()?;
        let made = self.database.transact(|transaction| {
            if !is_empty(transaction)? {
                return Ok(Ok(false));
            }
            // First the file: a token that counts and that nobody can read would lock everybody out.
            match file::write(data_dir, FIRST_FILE, token.expose()) {
                Ok(()) => insert(transaction, &token.hash(), FIRST_NAME, Role::Admin, &Tenants::All, now).map(Ok),
                Err(source) => Ok(Err(source)),
            }
        })?;
        let made = made.map_err(|source| AccessError::File { path: data_dir.join(FIRST_FILE), source })?;
        Ok(made.then_some(token))
    }

    fn find(&self, key: i64) -> Result<Option<(Hash, Identity)>, AccessError> {
        Ok(self.database.read(|connection| {
            connection
                .prepare_cached("SELECT hash, name, role, tenant FROM tokens WHERE key = ?1")?
                .query_row((key,), |row| {
                    let (role, tenants) = (parsed(row, "role")?, parsed(row, "tenant")?);
                    Ok((row.get("hash")?, Identity { name: row.get("name")?, role, tenants, key }))
                })
                .optional()
        })?)
    }
}

impl Known {
    /// Whom the hash stands for, if somebody looked a moment ago.
    fn lately(&self, hash: &Hash) -> Option<Identity> {
        self.looked.filter(|looked| looked.elapsed() < LOOK)?;
        self.identities.get(hash).cloned()
    }

    /// What of it still holds, as of a look that was begun at `looked`.
    fn at(&mut self, looked: Instant, now: Option<Stamp>) -> &mut HashMap<Hash, Identity> {
        let holds = matches!((self.stamp, now), (Some(stamp), Some(now)) if stamp.holds(&now));
        if holds {
            self.looked = self.looked.max(Some(looked));
        } else {
            self.identities.clear();
            (self.stamp, self.looked) = (now, None);
        }
        &mut self.identities
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("database", &self.database).finish_non_exhaustive()
    }
}

impl Identity {
    /// What tells its token from every other one, also from a later one of the same name. No secret, and leads to none.
    pub fn key(&self) -> i64 {
        self.key
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, role, tenants, key: _ } = self;
        f.debug_struct("Identity")
            .field("name", name)
            .field("role", role)
            .field("tenants", tenants)
            .finish_non_exhaustive()
    }
}

fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(is_letter)
}

/// By what a token is looked up.
fn key(hash: &Hash) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM tokens)")?.query_row((), |row| row.get(0))
}

/// Says whether the name was free.
fn insert(
    transaction: &Transaction<'_>,
    hash: &Hash,
    name: &str,
    role: Role,
    tenants: &Tenants,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let inserted = transaction.execute(
        "INSERT INTO tokens (key, hash, name, role, tenant, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (name) DO NOTHING",
        (key(hash), hash, name, role.as_str(), tenants.to_string(), i64::try_from(now.0).unwrap_or(i64::MAX)),
    )?;
    Ok(inserted == 1)
}

fn parsed<T: std::str::FromStr>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    // What this program did not write names nobody: a token of an unknown role or tenant is an error, not a guess.
    row.get::<_, String>(column)?.parse().map_err(|_| {
        let index = row.as_ref().column_index(column).unwrap_or_default();
        rusqlite::Error::InvalidColumnType(index, column.to_owned(), rusqlite::types::Type::Text)
    })
}
