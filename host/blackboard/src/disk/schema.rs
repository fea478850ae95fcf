//! What the file holds, and numbers as it holds them.

/// The schema, step by step.
pub(super) const MIGRATIONS: &[&str] = &["
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        tenant TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        expires INTEGER,                -- milliseconds since the Unix epoch; NULL: never
        UNIQUE (tenant, key)
    ) STRICT;
    CREATE INDEX entries_expires ON entries (expires) WHERE expires IS NOT NULL;
    CREATE TABLE spaces (               -- what each tenant holds
        tenant TEXT PRIMARY KEY,
        keys INTEGER NOT NULL,
        bytes INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE listeners (            -- what other processes listen to
        board INTEGER NOT NULL,
        tenant TEXT NOT NULL,
        pattern TEXT NOT NULL,
        until INTEGER NOT NULL,
        PRIMARY KEY (tenant, board, pattern)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE messages (             -- on their way to other processes
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        sender INTEGER NOT NULL,
        sent INTEGER NOT NULL,
        tenant TEXT NOT NULL,
        channel TEXT NOT NULL,
        payload TEXT NOT NULL,
        id TEXT NOT NULL,
        source TEXT,
        hops INTEGER NOT NULL,
        published INTEGER NOT NULL
    ) STRICT;
"];

/// A number as SQLite holds it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that SQLite holds and that is never negative.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
