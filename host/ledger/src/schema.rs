/// The ledger's schema.
///
/// A posting is what happened; its entries are the amounts that it moves. `balances` add the entries up by what budgets ask
/// for, and `reservations` are not entries: nothing has happened yet.
pub(crate) const MIGRATIONS: &[&str] = &["CREATE TABLE postings (
    number INTEGER PRIMARY KEY CHECK (number > 0),
    key TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    skill TEXT NOT NULL,
    agent TEXT NOT NULL,
    run TEXT,
    source TEXT NOT NULL,
    memo TEXT NOT NULL
) STRICT;
CREATE TABLE entries (
    id INTEGER PRIMARY KEY CHECK (id > 0),
    posting INTEGER NOT NULL REFERENCES postings,
    debit TEXT NOT NULL,
    credit TEXT NOT NULL CHECK (credit <> debit),
    amount INTEGER NOT NULL CHECK (amount > 0),
    unit TEXT NOT NULL CHECK (unit IN ('llm_tokens', 'usd_micros', 'fuel', 'wall_us', 'bytes'))
) STRICT;
CREATE INDEX entries_of ON entries (posting);
CREATE INDEX entries_debit ON entries (debit);
CREATE INDEX entries_credit ON entries (credit);

CREATE TRIGGER entries_change BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'entries are not changed; post the difference'); END;
CREATE TRIGGER entries_delete BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'entries are not taken away; post the reverse'); END;
CREATE TRIGGER postings_change BEFORE UPDATE ON postings
    BEGIN SELECT RAISE(ABORT, 'postings are not changed; post the difference'); END;
CREATE TRIGGER postings_delete BEFORE DELETE ON postings
    BEGIN SELECT RAISE(ABORT, 'postings are not taken away; post the reverse'); END;
-- INSERT OR REPLACE takes rows away without asking the triggers for that.
CREATE TRIGGER entries_replace BEFORE INSERT ON entries WHEN NEW.id IN (SELECT id FROM entries)
    BEGIN SELECT RAISE(ABORT, 'entries are not replaced; post the difference'); END;
CREATE TRIGGER postings_replace BEFORE INSERT ON postings
    WHEN NEW.number IN (SELECT number FROM postings) OR NEW.key IN (SELECT key FROM postings)
    BEGIN SELECT RAISE(ABORT, 'postings are not replaced; post the difference'); END;

CREATE TABLE balances (
    window TEXT NOT NULL CHECK (window IN ('run', 'day', 'month')),
    unit TEXT NOT NULL,
    period TEXT NOT NULL,
    tenant TEXT NOT NULL,
    skill TEXT NOT NULL,
    agent TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (window, unit, period, tenant, skill, agent)
) STRICT, WITHOUT ROWID;
CREATE TABLE reservations (
    id TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    skill TEXT NOT NULL,
    agent TEXT NOT NULL,
    run TEXT NOT NULL,
    llm_tokens INTEGER NOT NULL CHECK (llm_tokens >= 0),
    usd_micros INTEGER NOT NULL CHECK (usd_micros >= 0)
) STRICT, WITHOUT ROWID;"];
