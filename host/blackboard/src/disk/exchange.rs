//! Messages between the processes on one data directory.
//!
//! Contract: who listens says so in the file, and says it again as long as it listens; only then are messages written there.
//! A message reaches the subscribers of another process in the order in which it was written, unless that
//! process stands still for longer than messages are kept. Price: alone on the directory, one point query per message;
//! with others listening, a transaction per message and up to [`LOOK`] until they hear it. While somebody subscribes,
//! a thread asks SQLite every [`LOOK`] whether there was a commit, a few microseconds each.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Transaction;
use skillhost_store::{ChangeCounter, Database, StoreError};
use skillhost_types::{Glob, Source, Tenant, Timestamp};

use super::operation::{KEPT_MESSAGES, trim};
use super::schema::{signed, unsigned};
use super::unavailable;
use crate::hub::Hub;
use crate::{BoardError, BoardLimits, Channel, Message, Subscription};

/// Between two looks for messages: nobody notices it, and fifty questions a second cost nothing.
const LOOK: Duration = Duration::from_millis(20);

/// Between two signs of life of who listens.
const RENEWAL: Duration = Duration::from_secs(2);

/// How long a sign of life counts, in milliseconds: two may be missed.
const LISTENS: i64 = 6_000;

/// Messages that are read at once.
const BATCH: u32 = 256;

/// The exchange of one board.
pub(super) struct Exchange {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// This board's number among those on the file.
    board: i64,
    hub: Hub,
    database: Database,
    source: Arc<dyn Source>,
    state: Mutex<State>,
    wake: Condvar,
}

struct State {
    /// None while nobody subscribes.
    reader: Option<Reader>,
    stopped: bool,
}

struct Reader {
    changes: ChangeCounter,
    /// The last message that was read.
    last: i64,
    renewed: Instant,
    /// The last look failed; it is said once.
    failing: bool,
}

impl Exchange {
    pub(super) fn start(
        database: &Database,
        limits: &BoardLimits,
        source: Arc<dyn Source>,
    ) -> Result<Self, StoreError> {
        let mut board = [0; 8];
        source.fill(&mut board);
        let shared = Arc::new(Shared {
            board: i64::from_le_bytes(board),
            hub: Hub::new(limits),
            database: database.clone(),
            source,
            state: Mutex::new(State { reader: None, stopped: false }),
            wake: Condvar::new(),
        });
        let own = shared.clone();
        let thread = std::thread::Builder::new()
            .name("board messages".into())
            .spawn(move || own.run())
            .map_err(|source| StoreError::Thread { path: database.path().to_owned(), source })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// This board's number.
    pub(super) fn board(&self) -> i64 {
        self.shared.board
    }

    /// Delivers to the subscribers of this process.
    pub(super) fn deliver(&self, tenant: &Tenant, message: &Arc<Message>) -> u32 {
        self.shared.hub.deliver(tenant, message)
    }

    /// How many patterns of other processes `message` is for.
    pub(super) fn listeners(&self, tenant: &Tenant, message: &Message) -> Result<u32, StoreError> {
        let now = signed(self.shared.source.now().0);
        self.shared.database.read(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT pattern FROM listeners WHERE tenant = ?1 AND board <> ?2 AND until > ?3")?;
            let mut rows = statement.query((tenant.as_str(), self.shared.board, now))?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                count += u32::from(Glob::new(row.get_ref(0)?.as_str()?).matches(message.channel.as_str()));
            }
            Ok(count)
        })
    }

    pub(super) fn subscribe(&self, tenant: &Tenant, patterns: Vec<Glob>) -> Result<Subscription, BoardError> {
        let shared = &self.shared;
        let mut state = shared.lock();
        if let Some(reader) = &mut state.reader {
            // What was sent before is not for the new one.
            shared.read(reader).map_err(unavailable)?;
        }
        let wanted = patterns.iter().map(|pattern| (tenant.clone(), pattern.as_str().to_owned())).collect();
        let subscription = shared.hub.subscribe(tenant, patterns)?;
        let last = shared.register(&wanted).map_err(unavailable)?;
        if state.reader.is_none() {
            let changes = shared.database.change_counter().map_err(unavailable)?;
            state.reader = Some(Reader { changes, last, renewed: Instant::now(), failing: false });
        }
        drop(state);
        shared.wake.notify_one();
        Ok(subscription)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.wake.notify_one();
        // A thread that panicked has said so itself.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut state = self.lock();
        while !state.stopped {
            if state.reader.is_none() {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state = self.wake.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
            let Some(reader) = state.reader.as_mut() else { continue };
            match self.look(reader) {
                Ok(true) => reader.failing = false,
                Ok(false) => state.reader = None,
                Err(error) => {
                    if !std::mem::replace(&mut reader.failing, true) {
                        tracing::warn!(%error, "messages of other processes cannot be read; it is tried again");
                    }
                }
            }
        }
        if state.reader.is_some()
            && let Err(error) = self.leave()
        {
            tracing::debug!(%error, "others write messages for this process for some seconds more");
        }
    }

    /// Reads what came and gives a sign of life. Says whether somebody still subscribes.
    fn look(&self, reader: &mut Reader) -> Result<bool, StoreError> {
        if reader.changes.changed()? {
            self.read(reader)?;
        }
        if reader.renewed.elapsed() < RENEWAL {
            return Ok(true);
        }
        let wanted = self.hub.wanted();
        self.renew(&wanted)?;
        reader.renewed = Instant::now();
        Ok(!wanted.is_empty())
    }

    /// Says that this process listens to `wanted` as well. Gives the number of the last message that was sent before.
    fn register(&self, wanted: &BTreeSet<(Tenant, String)>) -> Result<i64, StoreError> {
        let now = signed(self.source.now().0);
        self.database.transact(|transaction| {
            self.insert(transaction, wanted, now)?;
            let last = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'messages'";
            transaction.query_row(last, [], |row| row.get(0))
        })
    }

    /// Says that this process still listens, to `wanted` and nothing else; takes away who does not, and old messages.
    fn renew(&self, wanted: &BTreeSet<(Tenant, String)>) -> Result<(), StoreError> {
        let now = signed(self.source.now().0);
        self.database.transact(|transaction| {
            transaction.execute("DELETE FROM listeners WHERE board = ?1 OR until <= ?2", (self.board, now))?;
            self.insert(transaction, wanted, now)?;
            trim(transaction, now, KEPT_MESSAGES)
        })
    }

    fn insert(
        &self,
        transaction: &Transaction<'_>,
        wanted: &BTreeSet<(Tenant, String)>,
        now: i64,
    ) -> rusqlite::Result<()> {
        let mut insert = transaction.prepare_cached(
            "INSERT OR REPLACE INTO listeners (board, tenant, pattern, until) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (tenant, pattern) in wanted {
            insert.execute((self.board, tenant.as_str(), pattern, now + LISTENS))?;
        }
        Ok(())
    }

    fn leave(&self) -> Result<(), StoreError> {
        self.database
            .transact(|transaction| transaction.execute("DELETE FROM listeners WHERE board = ?1", [self.board]))
            .map(drop)
    }

    /// Delivers what other processes sent.
    fn read(&self, reader: &mut Reader) -> Result<(), StoreError> {
        loop {
            let (seen, messages) = self.database.read(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT seq, sender, tenant, channel, payload, id, source, hops, published
                     FROM messages WHERE seq > ?1 ORDER BY seq LIMIT ?2",
                )?;
                let mut rows = statement.query((reader.last, BATCH))?;
                let (mut seen, mut messages) = (0_u32, Vec::new());
                while let Some(row) = rows.next()? {
                    seen += 1;
                    reader.last = row.get(0)?;
                    let sender: i64 = row.get(1)?;
                    if sender != self.board {
                        messages.extend(message(row)?);
                    }
                }
                Ok((seen, messages))
            })?;
            for (tenant, message) in messages {
                self.hub.deliver(&tenant, &Arc::new(message));
            }
            if seen < BATCH {
                return Ok(());
            }
        }
    }
}

/// The message in a row; none: another version wrote it, and what it says is none here.
fn message(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<(Tenant, Message)>> {
    let tenant = Tenant::new(row.get_ref(2)?.as_str()?);
    let channel = Channel::new(row.get_ref(3)?.as_str()?);
    let (Ok(tenant), Ok(channel)) = (tenant, channel) else { return Ok(None) };
    let message = Message {
        id: row.get(5)?,
        channel,
        payload: row.get_ref(4)?.as_str()?.into(),
        source: row.get::<_, Option<String>>(6)?.map(Into::into),
        hops: row.get(7)?,
        published_at: Timestamp(unsigned(row.get(8)?)),
    };
    Ok(Some((tenant, message)))
}
