mod limits;
mod model;
mod postings;
mod processes;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use skillhost_types::{RunId, Source, System, Timestamp};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{Budget, Cost, Hold, Ledger, LedgerError, Spender};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(600);

/// A clock that a test moves.
struct Clock(AtomicU64);

impl Clock {
    fn at(text: &str) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(time(text).0)))
    }

    fn set(&self, text: &str) {
        self.0.store(time(text).0, Ordering::Relaxed);
    }

    fn pass(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

impl Source for Clock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        System.monotonic()
    }

    fn fill(&self, bytes: &mut [u8]) {
        System.fill(bytes);
    }
}

fn time(text: &str) -> Timestamp {
    serde_json::from_value(text.into()).unwrap()
}

/// A ledger in a folder of its own, with a clock.
struct Desk {
    folder: TempDir,
    clock: Arc<Clock>,
    ledger: Ledger,
    runtime: Runtime,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::at("2026-11-21T12:00:00Z");
        let ledger = Ledger::open(folder.path(), clock.clone()).unwrap();
        Self { folder, clock, ledger, runtime: runtime() }
    }

    fn reserve(&self, spender: &Spender, cost: Cost, budgets: &[Budget]) -> Result<Hold, LedgerError> {
        self.runtime.block_on(self.ledger.reserve(spender, cost, budgets, LONG))
    }

    /// Reserves and settles the same.
    fn spend(&self, spender: &Spender, cost: Cost, budgets: &[Budget]) -> Result<(), LedgerError> {
        let hold = self.reserve(spender, cost, budgets)?;
        self.runtime.block_on(self.ledger.settle(&hold, cost, "ollama", "llama3.2")).map(drop)
    }

    /// Another connection to the file, for what the ledger does not offer.
    fn file(&self) -> rusqlite::Connection {
        connect(self.folder.path())
    }

    /// Used and reserved of the only limit of `budget`.
    fn taken(&self, budget: &Budget) -> (u64, u64) {
        let standing = self.ledger.status(std::slice::from_ref(budget)).unwrap();
        assert_eq!(standing.len(), 1);
        (standing[0].used, standing[0].reserved)
    }
}

impl Drop for Desk {
    /// Whatever a test did, the books are even after it.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let recount = self.ledger.recount().unwrap();
            assert!(recount.is_even(), "{recount:?}");
        }
    }
}

fn connect(folder: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(folder.join("ledger.db")).unwrap()
}

fn reservations(folder: &Path) -> i64 {
    connect(folder).query_row("SELECT COUNT(*) FROM reservations", (), |row| row.get(0)).unwrap()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn spender(tenant: &str, skill: &str, agent: Option<&str>) -> Spender {
    Spender {
        tenant: tenant.parse().unwrap(),
        skill: skill.parse().unwrap(),
        agent: agent.map(Arc::from),
        run: RunId::new(&System),
    }
}

fn budget(text: &str) -> Budget {
    serde_json::from_str(text).unwrap()
}

fn tokens(llm_tokens: u64) -> Cost {
    Cost { llm_tokens, usd_micros: 0 }
}

fn usd(usd_micros: u64) -> Cost {
    Cost { llm_tokens: 0, usd_micros }
}

fn exhausted(result: Result<Hold, LedgerError>) -> crate::Exhausted {
    match result {
        Err(LedgerError::Exhausted(exhausted)) => *exhausted,
        other => panic!("not exhausted: {other:?}"),
    }
}
