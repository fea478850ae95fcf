use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::{StoreError, open};

/// Connections that read at the same time. More than the cores of a small machine gain nothing; who comes when all
/// are taken waits.
pub const READERS: usize = 4;

/// The reading connections of one database, opened when they are first needed.
pub(crate) struct Readers {
    path: PathBuf,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    /// Idle or lent.
    open: usize,
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, state: Mutex::default(), returned: Condvar::new() }
    }

    /// Lends a connection to `query`.
    pub(crate) fn lend<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let lent = self.take()?;
        match &lent.connection {
            Some(connection) => {
                query(connection).map_err(|source| StoreError::Sqlite { path: self.path.clone(), source })
            }
            None => Err(StoreError::Stopped { path: self.path.clone() }),
        }
    }

    fn take(&self) -> Result<Lent<'_>, StoreError> {
        let mut state = self.lock();
        loop {
            if let Some(connection) = state.idle.pop() {
                return Ok(Lent { readers: self, connection: Some(connection) });
            }
            if state.open < READERS {
                state.open += 1;
                drop(state);
                // Dropped without a connection, it gives back the place that it holds.
                let mut lent = Lent { readers: self, connection: None };
                lent.connection = Some(open::reading(&self.path)?);
                return Ok(lent);
            }
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that finds its way back, also when a query panics.
struct Lent<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut state = self.readers.lock();
        match self.connection.take() {
            Some(connection) => state.idle.push(connection),
            None => state.open -= 1,
        }
        drop(state);
        self.readers.returned.notify_one();
    }
}
